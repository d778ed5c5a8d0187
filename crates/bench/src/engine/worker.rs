//! One thread of the load.

use std::io;

use nix::sys::epoll::EpollTimeout;

use super::control::Control;
use super::outbound::Outbound;
use super::seats::Seats;
use super::tally::Tally;
use crate::link::Link;

/// Waits shorter than this are spent looking again and again, nanoseconds: being woken is less exact.
const SPIN: u64 = 2_000_000;

/// The longest wait, nanoseconds: a closed loop that has stalled is looked at again, and so is the close.
const PATIENCE: u64 = 5_000_000;

/// After the close, silence for this long means that nothing more will come, nanoseconds.
const SILENCE: u64 = 300_000_000;

const MILLISECOND: u64 = 1_000_000;

/// Sends and receives for the clients and flows of this thread until the end of the grace.
///
/// # Errors
/// The system refuses what every program needs; a broken connection is counted instead.
pub(super) fn work(control: &Control, links: Vec<(usize, Link)>, flows: &[usize]) -> io::Result<Tally> {
    let mut tally = Tally::new(control.layout.classes.len());
    let mut seats = Seats::new(control, links)?;
    let mut outbound = Outbound::new(control, flows)?;
    let mut idle = 0;
    loop {
        let now = control.clock.now();
        let close = control.close();
        if now >= close {
            break;
        }
        let mut did = false;
        if now >= control.begin {
            did |= outbound.send_due(control, now, &mut seats, &mut tally);
            did |= outbound.fill_up(control, now, &mut seats, &mut tally);
            did |= seats.sip(control, now, &mut tally);
        }
        let wake = next_wake(control, &outbound, &seats).min(close);
        let before = control.clock.now();
        let wait = wake.saturating_sub(before);
        let ready = seats.turn(control, timeout(wait), &mut tally)?;
        if (!did && ready == 0) || wait >= SPIN {
            let from = before.max(control.open);
            // Up to the readiness of a socket it waited, afterwards it worked; reading itself is short against the wait.
            idle += control.clock.now().min(close).saturating_sub(from);
        }
    }
    tally.idle.push(idle);
    // What became due before the close is owed, however late this thread is.
    while outbound.next_due().is_some_and(|due| due < control.close()) {
        outbound.send_due(control, control.close(), &mut seats, &mut tally);
        seats.turn(control, EpollTimeout::ZERO, &mut tally)?;
    }
    drain(control, &mut seats, &mut tally)?;
    Ok(tally)
}

fn next_wake(control: &Control, outbound: &Outbound, seats: &Seats) -> u64 {
    let sips = seats.next_sip().unwrap_or(u64::MAX);
    let due = outbound.next_due().unwrap_or(u64::MAX).max(control.begin);
    let latest = control.clock.now().saturating_add(PATIENCE);
    due.min(sips).min(latest)
}

/// A wait in whole milliseconds that ends before `nanos` have passed.
fn timeout(nanos: u64) -> EpollTimeout {
    if nanos < SPIN {
        return EpollTimeout::ZERO;
    }
    let millis = nanos / MILLISECOND - 1;
    EpollTimeout::try_from(i32::try_from(millis).unwrap_or(i32::MAX)).unwrap_or(EpollTimeout::ZERO)
}

/// Reads what is still on its way.
fn drain(control: &Control, seats: &mut Seats, tally: &mut Tally) -> io::Result<()> {
    let end = control.clock.now().saturating_add(control.grace);
    let mut heard = control.clock.now();
    loop {
        let now = control.clock.now();
        if now >= end || now.saturating_sub(heard) >= SILENCE || control.is_complete() {
            return Ok(());
        }
        let wait = if seats.next_sip().is_some() { 0 } else { PATIENCE };
        let did = seats.sip(control, now, tally);
        if seats.turn(control, timeout(wait), tally)? > 0 || did {
            heard = now;
        }
    }
}
