//! The clients of one thread: their links, what may be read from each, and the sockets that are waited for.

use std::collections::BTreeMap;
use std::io;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::control::Control;
use super::layout::Reading;
use super::stamp::Stamp;
use super::tally::Tally;
use crate::link::{Link, Scratch};
use crate::pace::Allowance;
use wherry_wire::derp::{FrameType, KEY_LEN};

/// The least a client of limited speed reads at once, in bytes: one TLS record.
const SIP: u64 = 16 * 1024;

/// The most one client reads before the others have their turn, in bytes.
const GULP: usize = 256 * 1024;

/// Sockets looked at in one go.
const EVENTS: usize = 256;

/// Clients by their number.
pub(super) struct Seats {
    epoll: Epoll,
    seats: BTreeMap<usize, Seat>,
    scratch: Scratch,
}

struct Seat {
    link: Link,
    is_frozen: bool,
    allowance: Option<Allowance>,
    /// Whether its socket is waited for to take more.
    is_blocked: bool,
}

impl Seats {
    /// Clients of this thread, put to work; those of limited speed may read from `begin` on.
    pub(super) fn new(control: &Control, links: Vec<(usize, Link)>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut seats = BTreeMap::new();
        for (number, link) in links {
            let reading = control.layout.members.get(number).map(|member| member.reading).unwrap_or_default();
            let allowance = match reading {
                Reading::Paced { bytes_per_second } => Some(Allowance::new(control.begin, bytes_per_second)),
                _ => None,
            };
            let flags = if reading == Reading::Free { EpollFlags::EPOLLIN } else { EpollFlags::empty() };
            epoll.add(&link.socket, EpollEvent::new(flags, token(number)))?;
            let is_frozen = reading == Reading::Frozen;
            seats.insert(number, Seat { link, is_frozen, allowance, is_blocked: false });
        }
        Ok(Self { epoll, seats, scratch: Scratch::new() })
    }

    /// Bytes that a client's socket has not taken yet; none if the client is gone.
    pub(super) fn waiting(&self, number: usize) -> Option<usize> {
        self.seats.get(&number).map(|seat| seat.link.waiting())
    }

    /// Seals `plain` for a client's socket; it leaves with [`Seats::flush`].
    pub(super) fn seal(&mut self, number: usize, plain: &[u8], tally: &mut Tally) {
        if let Some(seat) = self.seats.get_mut(&number)
            && seat.link.seal(plain).is_err()
        {
            self.part(number, tally);
        }
    }

    /// Sends what waits for a client's socket, unless that is full.
    pub(super) fn flush(&mut self, number: usize, tally: &mut Tally) {
        let Some(seat) = self.seats.get_mut(&number) else { return };
        if seat.is_blocked {
            return;
        }
        match seat.link.flush() {
            Ok(true) => {}
            Ok(false) => {
                seat.is_blocked = true;
                self.watch(number, tally);
            }
            Err(_) => self.part(number, tally),
        }
    }

    /// When a client of limited speed may read next, nanoseconds.
    pub(super) fn next_sip(&self) -> Option<u64> {
        self.seats.values().filter_map(|seat| Some(seat.allowance.as_ref()?.when(SIP))).min()
    }

    /// Waits up to `patience` and deals with each socket that is ready; returns how many were.
    pub(super) fn turn(
        &mut self,
        control: &Control,
        patience: EpollTimeout,
        tally: &mut Tally,
    ) -> io::Result<usize> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = match self.epoll.wait(&mut events, patience) {
            Ok(ready) => ready,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(err) => return Err(err.into()),
        };
        for event in events.iter().take(ready) {
            let number = usize::try_from(event.data()).unwrap_or(usize::MAX);
            let flags = event.events();
            if flags.contains(EpollFlags::EPOLLOUT)
                && let Some(seat) = self.seats.get_mut(&number)
            {
                seat.is_blocked = false;
                self.flush(number, tally);
                if self.seats.get(&number).is_some_and(|seat| !seat.is_blocked) {
                    self.watch(number, tally);
                }
            }
            if flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
                self.hear(control, number, tally);
            }
        }
        Ok(ready)
    }

    /// Lets clients of limited speed read what they may by now; returns whether one did.
    pub(super) fn sip(&mut self, control: &Control, now: u64, tally: &mut Tally) -> bool {
        let thirsty: Vec<usize> = self
            .seats
            .iter_mut()
            .filter_map(|(number, seat)| (seat.allowance.as_mut()?.at(now) >= SIP).then_some(*number))
            .collect();
        for number in &thirsty {
            self.hear(control, *number, tally);
        }
        !thirsty.is_empty()
    }

    /// Reads what a client may, and counts what it got.
    fn hear(&mut self, control: &Control, number: usize, tally: &mut Tally) {
        let Self { seats, scratch, .. } = self;
        let Some(seat) = seats.get_mut(&number) else { return };
        let now = control.clock.now();
        if seat.is_frozen {
            // Only an end or an error wakes a client that does not read.
            self.part(number, tally);
            return;
        }
        let budget = match &mut seat.allowance {
            Some(allowance) => usize::try_from(allowance.at(now)).unwrap_or(GULP).min(GULP),
            None => GULP,
        };
        if budget == 0 {
            return;
        }
        let (open, close) = (control.open, control.close());
        let counts = (open..close).contains(&now);
        let read = seat.link.read_frames(scratch, budget, |frame_type, payload| {
            if frame_type == FrameType::RECV_PACKET
                && let Some(stamp) = payload.get(KEY_LEN..).and_then(Stamp::of)
            {
                count(control, &stamp, now, counts, (open..close).contains(&stamp.due), tally);
            }
        });
        match (read, &mut seat.allowance) {
            (Ok(read), Some(allowance)) => {
                let read = u64::try_from(read).unwrap_or(0);
                allowance.take(read);
                tally.paced_bytes += if counts { read } else { 0 };
            }
            (Ok(_), None) => {}
            (Err(_), _) => self.part(number, tally),
        }
    }

    fn watch(&mut self, number: usize, tally: &mut Tally) {
        let Some(seat) = self.seats.get(&number) else { return };
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, !seat.is_frozen && seat.allowance.is_none());
        flags.set(EpollFlags::EPOLLOUT, seat.is_blocked);
        let mut event = EpollEvent::new(flags, token(number));
        if self.epoll.modify(&seat.link.socket, &mut event).is_err() {
            self.part(number, tally);
        }
    }

    /// The connection of a client is over.
    fn part(&mut self, number: usize, tally: &mut Tally) {
        // The kernel forgets a closed socket by itself.
        if self.seats.remove(&number).is_some() {
            tally.cut_off += 1;
        }
    }
}

/// Counts a packet that has come: as arrived if `counts`, as received if it `was_due` in the counted time.
fn count(control: &Control, stamp: &Stamp, now: u64, counts: bool, was_due: bool, tally: &mut Tally) {
    let flow = usize::try_from(stamp.flow).unwrap_or(usize::MAX);
    let Some(class) = control.layout.flows.get(flow).map(|flow| flow.class) else { return };
    let age = now.saturating_sub(stamp.due);
    control.arrived(flow, stamp.number, age);
    let Some(class) = tally.classes.get_mut(class) else { return };
    class.arrived += u64::from(counts);
    if was_due {
        class.received += 1;
        class.ages.record(age);
    }
}

fn token(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
