//! What every scenario has at hand.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wherry_wire::key::NodePublic;

use crate::clock::{self, Clock, nanos};
use crate::engine::{Course, Layout, Member, Outcome, Side, drive, gather};
use crate::link::{Aim, Link};
use crate::order::Settings;
use crate::probe::{Meter, cores};

/// Somebody who looks on.
pub trait Watch: Sync {
    /// What is being done, and which share of it is done, 0 to 1. Called every 50 ms or so.
    fn progress(&self, phase: &str, share: f64);

    /// Whether to go on; once it is not, the run ends soon, with what there is.
    fn goes_on(&self) -> bool;
}

/// How long what is on its way at the end of a load is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// The longest nap while somebody may want to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// A relay that has answered, settings that were checked, and somebody who looks on.
pub(crate) struct Bench<'a> {
    pub(crate) aim: Aim,
    /// The second relay of a scenario about two.
    pub(crate) far: Option<Aim>,
    pub(crate) stun: Option<SocketAddr>,
    pub(crate) settings: &'a Settings,
    pub(crate) meter: Meter,
    pub(crate) watch: &'a dyn Watch,
    /// Why the relay's process is not known, if it is not.
    pub(crate) no_server: String,
}

impl Bench<'_> {
    /// Connects the members of a layout, drives its load for the settings' length, and hangs up.
    ///
    /// # Errors
    /// A client could not connect, or the relay's process ended.
    pub(crate) fn measure(&self, layout: &Layout, phase: &str) -> io::Result<Outcome> {
        self.drive(layout, &self.course(), phase)
    }

    /// The course that the settings ask for.
    pub(crate) fn course(&self) -> Course {
        let Settings { warm_up, duration, threads, .. } = *self.settings;
        Course { warm_up, length: duration, grace: GRACE, threads }
    }

    /// The same over that course.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn drive(&self, layout: &Layout, course: &Course, phase: &str) -> io::Result<Outcome> {
        let clients = self.gather(&layout.members, "connecting")?;
        self.drive_clients(layout, clients, course, phase)
    }

    /// The same with clients that are connected already, in the order of the layout's members.
    ///
    /// # Errors
    /// The relay's process ended.
    pub(crate) fn drive_clients(
        &self,
        layout: &Layout,
        clients: Vec<(NodePublic, Link)>,
        course: &Course,
        phase: &str,
    ) -> io::Result<Outcome> {
        drive(layout, clients, course, &self.meter, &|share| {
            self.watch.progress(phase, share);
            self.watch.goes_on()
        })
    }

    /// Connects clients.
    ///
    /// # Errors
    /// A client could not connect, or somebody stopped before all had.
    pub(crate) fn gather(&self, members: &[Member], phase: &str) -> io::Result<Vec<(NodePublic, Link)>> {
        let all = members.len();
        let aim_of = |member: &Member| match (&self.far, member.side) {
            (Some(far), Side::Far) => far,
            _ => &self.aim,
        };
        let clients = gather(&aim_of, members, self.settings.diallers, &|count| {
            self.watch.progress(phase, share(count, all));
            self.watch.goes_on()
        })?;
        match clients.len() {
            count if count == all => Ok(clients),
            count => Err(io::Error::new(
                io::ErrorKind::Interrupted,
                format!("stopped after {count} of {all} clients had connected"),
            )),
        }
    }

    /// Naps for that long, or until somebody stops it.
    pub(crate) fn nap(&self, length: Duration, phase: &str) {
        let clock = Clock::start();
        let length = nanos(length);
        let mut now = clock.now();
        while now < length && self.watch.goes_on() {
            self.watch.progress(phase, ratio(now, length));
            clock::sleep(Duration::from_nanos(length - now).min(GLANCE));
            now = clock.now();
        }
    }

    /// The share of its cores that the relay used, if that many is known.
    pub(crate) fn server_share(&self, cores_used: Option<f64>) -> Option<f64> {
        let process = self.meter.server()?;
        cores_used.map(|used| used / ratio_of(process.cores()))
    }

    /// The share of its own cores that this process used.
    pub(crate) fn own_share(&self, cores_used: f64) -> f64 {
        cores_used / ratio_of(cores())
    }
}

/// A count as a share of another.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    ratio_of(part) / ratio_of(whole.max(1))
}

/// A count as a share of another.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn ratio_of(count: usize) -> f64 {
    count as f64
}
