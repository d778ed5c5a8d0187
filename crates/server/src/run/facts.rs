//! What the private listener tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use wherry_switch::Role;

use super::shortage::Shortage;
use crate::admin::{Addresses, ConnStatus, Facts, Fault, Health, Part, Status, Traffic};
use crate::config::Host;
use crate::listen::Door;
use crate::metrics::{Metrics, Process};
use crate::session::{Conn, Relay};
use crate::tls::{Certs, Expiry};

/// The parts of a running relay that somebody may ask about.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) door: Arc<Door>,
    pub(super) certs: Option<Arc<Certs>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) addresses: Addresses,
    pub(super) hostnames: Vec<Host>,
    pub(super) draining: AtomicBool,
    pub(super) shortage: Arc<Shortage>,
    /// What became of the settings as they were read again.
    pub(super) settings: Mutex<Health>,
}

impl Site {
    /// Whether clients that come now can use the relay. A failed reload does not prevent it: the old state serves.
    pub(super) fn can_serve(&self) -> bool {
        let draining = self.draining.load(Ordering::Relaxed);
        let is_expired = self.certs.as_ref().is_some_and(|certs| certs.status().expiry == Expiry::Over);
        !draining && !is_expired && self.door.relay.workers_at_work() > 0
    }
}

impl Facts for Site {
    fn health(&self) -> Health {
        let mut health = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.draining.load(Ordering::Relaxed) {
            let problem = "the relay is stopping".to_owned();
            health.faults.push(Fault { part: Part::Draining, problem });
        }
        if let Some(certs) = &self.certs {
            report_certificates(certs, &mut health);
        }
        let relay = &self.door.relay;
        report_workers(relay, &mut health);
        if self.shortage.is_recent(relay.clock.now()) {
            let (used, limit) = (relay.switch.memory().used(), relay.switch.memory().limit());
            let problem = format!(
                "short within the last minute, {used} bytes of {limit} are held now; raise limits.memory, or find with wherry status who takes nothing"
            );
            health.notes.push(Fault { part: Part::Memory, problem });
        }
        let faults = self.door.site.map.as_ref().map(|served| served.faults());
        for problem in faults.into_iter().flatten() {
            health.notes.push(Fault { part: Part::Map, problem });
        }
        let admission = &relay.admission;
        if let Some(path) = admission.empty_list() {
            let problem = format!("the list {} is empty: no node may use the relay", path.display());
            health.notes.push(Fault { part: Part::Admission, problem });
        }
        if let Some(failure) = admission.failure() {
            let problem = format!("{}; the list before is in force", failure.error);
            health.faults.push(Fault { part: Part::Admission, problem });
        }
        health
    }

    fn metrics(&self) -> String {
        let clock = self.door.relay.clock;
        let uptime = clock.now();
        let process = Process {
            version: env!("CARGO_PKG_VERSION"),
            started: clock.wall().checked_sub(uptime).unwrap_or(SystemTime::UNIX_EPOCH),
            uptime,
            ready: self.health().is_ready(),
        };
        let switch = &self.door.relay.switch;
        self.metrics.text(&switch.counts(), switch.memory(), &process)
    }

    fn status(&self) -> Status {
        let relay = &self.door.relay;
        let health = self.health();
        let totals = self.metrics.totals();
        let now = relay.clock.now();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: milliseconds(now),
            key: relay.identity.public().to_string(),
            hostnames: self.hostnames.iter().map(ToString::to_string).collect(),
            addresses: self.addresses.clone(),
            admit: relay.admission.in_force().to_string(),
            ready: health.is_ready(),
            faults: health.faults.iter().map(ToString::to_string).collect(),
            notes: health.notes.iter().map(ToString::to_string).collect(),
            traffic: Traffic {
                packets_in: totals.sum("derp_packets_received"),
                bytes_in: totals.sum("derp_bytes_received"),
                packets_out: totals.sum("derp_packets_sent"),
                bytes_out: totals.sum("derp_bytes_sent"),
            },
            dropped_packets: totals.sum("derp_packets_dropped"),
            conns: relay.switch.conns().iter().map(|conn| conn_status(conn, now)).collect(),
        }
    }
}

fn report_workers(relay: &Relay, health: &mut Health) {
    let (at_work, all) = (relay.workers_at_work(), relay.workers.len());
    if at_work < all {
        let told = if at_work > 0 { &mut health.notes } else { &mut health.faults };
        let problem = format!("at work: {at_work} of {all}; the log says why; restart the relay");
        told.push(Fault { part: Part::Workers, problem });
    }
}

fn report_certificates(certs: &Certs, health: &mut Health) {
    let status = certs.status();
    if let Some(failure) = status.failure {
        let problem = format!("{}; the certificates before are served", failure.reason);
        health.faults.push(Fault { part: Part::Certificates, problem });
    }
    match status.expiry {
        Expiry::Far => {}
        Expiry::Soon => health.notes.push(Fault {
            part: Part::Certificates,
            problem: "expires within two weeks; see that it is renewed".to_owned(),
        }),
        Expiry::Over => health.faults.push(Fault {
            part: Part::Certificates,
            problem: "expired: clients refuse it; replace the files, they are read when they change"
                .to_owned(),
        }),
    }
}

fn conn_status(conn: &Conn, now: std::time::Duration) -> ConnStatus {
    let (received, sent) = (conn.link().received(), conn.link().sent());
    let role = match (conn.role(), conn.is_prober()) {
        (Role::Mesh, _) => "mesh",
        (Role::Regular, true) => "prober",
        (Role::Regular, false) => "regular",
    };
    ConnStatus {
        id: conn.id().0,
        key: conn.key().to_string(),
        short: conn.key().short().to_string(),
        name: conn.name().map(ToString::to_string),
        role: role.to_owned(),
        addr: conn.addr(),
        age_ms: milliseconds(now.saturating_sub(conn.joined_at())),
        home: conn.is_home(),
        not_ideal: conn.is_not_ideal(),
        duplicate: conn.is_dup(),
        traffic: Some(Traffic {
            packets_in: received.packets.value(),
            bytes_in: received.bytes.value(),
            packets_out: sent.packets.value(),
            bytes_out: sent.bytes.value(),
        }),
    }
}

fn milliseconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
