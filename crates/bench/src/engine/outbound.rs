//! The flows of one thread: which packets are due, and their way into the sender's socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::control::Control;
use super::layout::Shape;
use super::seats::Seats;
use super::stamp::{Form, Stamp};
use super::tally::{LATE, Tally};
use crate::pace::Pacer;

/// Sealed bytes that a sender keeps while its relay does not read; what is due beyond is lost at once, as a client's own
/// queue would lose it.
const BACKLOG: usize = 256 * 1024;

/// Bursts of one flow sent in one go when several are due, so that reading has its turn.
const RUN: usize = 64;

/// Bytes of one go at most: what a closed loop sends before the others have their turn.
const LOAF: usize = 256 * 1024;

/// A closed loop in which nothing has moved for this long takes what is on its way for lost, nanoseconds; for longer
/// where packets have taken longer.
const STALL: u64 = 50_000_000;

/// The same before the first packet of a loop has arrived, nanoseconds.
const FIRST_STALL: u64 = 1_000_000_000;

/// Flows that this thread sends.
pub(super) struct Outbound {
    flows: Vec<Sending>,
    /// Next burst of each open flow: when it is due, and the flow's place.
    agenda: BinaryHeap<Reverse<(u64, usize)>>,
    /// What goes back onto the agenda.
    later: Vec<Reverse<(u64, usize)>>,
    batch: Vec<u8>,
}

struct Sending {
    /// Its number in the layout.
    number: usize,
    from: usize,
    to: Vec<usize>,
    class: usize,
    form: Form,
    pace: Pace,
    /// Packets numbered so far.
    sent: u64,
}

enum Pace {
    Open { pacer: Pacer, burst: u64, next: u64 },
    Closed { in_flight: u64, settled: u64, written_off: u64, moved: u64 },
}

impl Outbound {
    /// The flows with these numbers.
    pub(super) fn new(control: &Control, numbers: &[usize]) -> io::Result<Self> {
        let mut flows = Vec::new();
        let mut agenda = BinaryHeap::new();
        for number in numbers {
            let Some(flow) = control.layout.flows.get(*number) else { continue };
            let pace = match flow.shape {
                Shape::Open { rate, burst, stride, offset } => {
                    let pacer = Pacer::new(control.begin, rate, burst, stride, offset);
                    agenda.push(Reverse((pacer.due(0), flows.len())));
                    Pace::Open { pacer, burst, next: 0 }
                }
                Shape::Closed { in_flight } => {
                    Pace::Closed { in_flight, settled: 0, written_off: 0, moved: control.begin }
                }
            };
            let form = Form::new(flow.size, flow.is_disco).map_err(io::Error::other)?;
            let to = flow.to.clone();
            flows.push(Sending {
                number: *number,
                from: flow.from,
                to,
                class: flow.class,
                form,
                pace,
                sent: 0,
            });
        }
        Ok(Self { flows, agenda, later: Vec::new(), batch: Vec::new() })
    }

    /// When the next burst is due, nanoseconds.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.agenda.peek().map(|Reverse((due, _))| *due)
    }

    /// Sends what is due by `now`, of each flow as much as goes in one go; returns whether anything was.
    pub(super) fn send_due(
        &mut self,
        control: &Control,
        now: u64,
        seats: &mut Seats,
        tally: &mut Tally,
    ) -> bool {
        let mut did = false;
        while let Some(Reverse((due, at))) = self.agenda.peek().copied() {
            if due > now {
                break;
            }
            self.agenda.pop();
            let Some(flow) = self.flows.get_mut(at) else { continue };
            if let Some(next) = flow.catch_up(control, now, seats, &mut self.batch, tally) {
                self.later.push(Reverse((next, at)));
            }
            did = true;
        }
        self.agenda.extend(self.later.drain(..));
        did
    }

    /// Fills up the closed loops; returns whether one had room.
    pub(super) fn fill_up(
        &mut self,
        control: &Control,
        now: u64,
        seats: &mut Seats,
        tally: &mut Tally,
    ) -> bool {
        let mut did = false;
        for flow in &mut self.flows {
            did |= flow.fill_up(control, now, seats, &mut self.batch, tally);
        }
        did
    }
}

impl Sending {
    /// Sends bursts that are due, the first of which is; returns when the next one is, none after the close.
    fn catch_up(
        &mut self,
        control: &Control,
        now: u64,
        seats: &mut Seats,
        batch: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Option<u64> {
        let Pace::Open { pacer, burst, next } = &mut self.pace else { return None };
        let (pacer, burst, first) = (*pacer, *burst, *next);
        let mut number = first;
        let close = control.close();
        let mut due = pacer.due(number);
        let mut sealed = 0;
        // What is held back costs nothing, so there is no end to it within one go.
        while due <= now && due < close && sealed < RUN {
            let is_counted = due >= control.open;
            let takes = seats.waiting(self.from).is_some_and(|waiting| waiting < BACKLOG);
            let class = tally.classes.get_mut(self.class)?;
            class.offered += if is_counted { burst } else { 0 };
            if takes {
                self.seal(control, burst, due, seats, batch, tally);
                sealed += 1;
                if is_counted {
                    let late = now.saturating_sub(due);
                    tally.left += burst;
                    tally.late += if late > LATE { burst } else { 0 };
                    tally.latest = tally.latest.max(late);
                }
            } else {
                class.held_back += if is_counted { burst } else { 0 };
            }
            number += 1;
            due = pacer.due(number);
        }
        if let Pace::Open { next, .. } = &mut self.pace {
            *next = number;
        }
        seats.flush(self.from, tally);
        control.sent(self.number, self.sent);
        (due < close).then_some(due)
    }

    fn fill_up(
        &mut self,
        control: &Control,
        now: u64,
        seats: &mut Seats,
        batch: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> bool {
        let Pace::Closed { in_flight, settled, written_off, moved } = &mut self.pace else { return false };
        let news = control.settled(self.number);
        if news != *settled {
            // What was taken for lost and came after all leaves nothing to write off.
            *written_off = (*written_off).min(self.sent.saturating_sub(news));
            (*settled, *moved) = (news, now);
        }
        let room = in_flight.saturating_sub(self.sent.saturating_sub(news.saturating_add(*written_off)));
        if room == 0 {
            let patience =
                if news == 0 { FIRST_STALL } else { STALL.max(control.slowest().saturating_mul(2)) };
            if now.saturating_sub(*moved) > patience {
                (*written_off, *moved) = (self.sent.saturating_sub(news), now);
            }
            return false;
        }
        if seats.waiting(self.from) != Some(0) {
            return false;
        }
        if self.sent == 0 {
            *moved = now;
        }
        if let Some(class) = tally.classes.get_mut(self.class) {
            class.offered += if now >= control.open { room } else { 0 };
        }
        self.seal(control, room, now, seats, batch, tally);
        seats.flush(self.from, tally);
        control.sent(self.number, self.sent);
        true
    }

    /// Seals the next `count` packets of this flow, all due at the same time.
    fn seal(
        &mut self,
        control: &Control,
        count: u64,
        due: u64,
        seats: &mut Seats,
        batch: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        batch.clear();
        for _ in 0..count {
            let turn = usize::try_from(self.sent).unwrap_or(0).checked_rem(self.to.len()).unwrap_or(0);
            let to = self.to.get(turn).and_then(|to| control.keys.get(*to));
            let Some(to) = to else { continue };
            let flow = u64::try_from(self.number).unwrap_or(u64::MAX);
            self.form.append(to, Stamp { flow, number: self.sent, due }, batch);
            self.sent += 1;
            if batch.len() >= LOAF {
                seats.seal(self.from, batch, tally);
                batch.clear();
            }
        }
        if !batch.is_empty() {
            seats.seal(self.from, batch, tally);
        }
    }
}

#[cfg(test)]
#[path = "outbound_tests.rs"]
mod tests;
