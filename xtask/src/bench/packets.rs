//! Packets between pairs of clients: as many as the relay takes, and a light, even stream.

use crate::link::{self, Link, Scratch, Target};
use crate::scenario::{GENERATOR, Plan, Sample, Stopwatch};
use crate::subject::Running;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::time::{Duration, Instant};
use wherry_wire::derp::{FrameType, HEADER_LEN, KEY_LEN, encode};

/// Pairs of clients; in each, one sends and the other receives.
const PAIRS: usize = 10;
/// Bytes of one packet: a full tunnel packet with its outer header.
const PACKET_LEN: usize = 1400;
/// Packets of one pair that may be on their way at once.
const WINDOW: u64 = 64;
/// A window that has not moved for this long is taken for lost.
const STALL: Duration = Duration::from_millis(50);
/// Packets per second of the light stream, all pairs together.
const LIGHT_RATE: u64 = 20_000;

/// Where the sequence number lies in a frame that is sent.
const SEQUENCE_AT: usize = HEADER_LEN + KEY_LEN;

struct Pair {
    sender: Link,
    receiver: Link,
    /// A whole frame; only the first bytes of its packet change.
    frame: Vec<u8>,
    sent: u64,
    /// One past the highest sequence number that arrived.
    reached: u64,
    arrived: u64,
    moved: Instant,
}

struct Load {
    pairs: Vec<Pair>,
    epoll: Epoll,
    scratch: Scratch,
    batch: Vec<u8>,
    start: Instant,
    /// Age of each packet on arrival, nanoseconds; only kept when asked for.
    ages: Option<Vec<u64>>,
}

/// Every pair keeps its window full.
///
/// # Errors
/// A connection broke, or the relay is gone.
pub(crate) fn peak(running: &Running, plan: &Plan) -> io::Result<Sample> {
    let mut load = Load::connect(running)?;
    load.keep_full(Instant::now() + plan.warm_up)?;
    let (before, sent_before) = load.counts();
    let stopwatch = Stopwatch::start(running)?;
    load.keep_full(Instant::now() + plan.run)?;
    let (after, sent_after) = load.counts();
    let mut sample = stopwatch.stop(running, after - before)?;
    sample.beside.push(("lost share", lost(sent_after - sent_before, after - before)));
    Ok(sample)
}

/// Packets leave one by one, evenly spaced, whatever arrives.
///
/// # Errors
/// A connection broke, or the relay is gone.
pub(crate) fn light(running: &Running, plan: &Plan) -> io::Result<Sample> {
    let mut load = Load::connect(running)?;
    load.keep_pace(Instant::now() + plan.warm_up)?;
    let (before, sent_before) = load.counts();
    load.ages = Some(Vec::new());
    let stopwatch = Stopwatch::start(running)?;
    load.keep_pace(Instant::now() + plan.run)?;
    let (after, sent_after) = load.counts();
    let mut sample = stopwatch.stop(running, after - before)?;
    // Always near one here, since it never sleeps; it says nothing about a limit.
    sample.beside.retain(|(name, _)| *name != GENERATOR);
    let mut ages = load.ages.take().unwrap_or_default();
    ages.sort_unstable();
    sample.beside.push(("p50 µs", quantile_us(&ages, 500)));
    sample.beside.push(("p99 µs", quantile_us(&ages, 990)));
    sample.beside.push(("p99.9 µs", quantile_us(&ages, 999)));
    sample.beside.push(("lost share", lost(sent_after - sent_before, after - before)));
    Ok(sample)
}

impl Load {
    fn connect(running: &Running) -> io::Result<Self> {
        let target = Target::learn(running.addr)?;
        let mut scratch = Scratch::new();
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        let mut pairs = Vec::new();
        for token in (0..).step_by(2).take(PAIRS) {
            let (sender, _) = Link::dial(&target, &link::new_key()?, &mut scratch)?;
            let to = link::new_key()?;
            let (receiver, _) = Link::dial(&target, &to, &mut scratch)?;
            let mut frame = Vec::new();
            encode::send_packet(&mut frame, &to.public(), &[0x5a; PACKET_LEN]).map_err(io::Error::other)?;
            epoll.add(&sender.socket, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
            epoll.add(&receiver.socket, EpollEvent::new(EpollFlags::EPOLLIN, token + 1))?;
            pairs.push(Pair {
                sender,
                receiver,
                frame,
                sent: 0,
                reached: 0,
                arrived: 0,
                moved: Instant::now(),
            });
        }
        Ok(Self { pairs, epoll, scratch, batch: Vec::new(), start: Instant::now(), ages: None })
    }

    fn counts(&self) -> (u64, u64) {
        (self.pairs.iter().map(|pair| pair.arrived).sum(), self.pairs.iter().map(|pair| pair.sent).sum())
    }

    fn keep_full(&mut self, until: Instant) -> io::Result<()> {
        while Instant::now() < until {
            let now = Instant::now();
            for at in 0..self.pairs.len() {
                let pair = &mut self.pairs[at];
                let room = WINDOW.saturating_sub(pair.sent - pair.reached);
                if room > 0 && !pair.sender.is_blocked() {
                    self.send(at, room)?;
                } else if now.duration_since(pair.moved) > STALL {
                    pair.reached = pair.sent;
                    pair.moved = now;
                }
            }
            self.turn(EpollTimeout::try_from(Duration::from_millis(5)).unwrap_or(EpollTimeout::ZERO))?;
        }
        Ok(())
    }

    fn keep_pace(&mut self, until: Instant) -> io::Result<()> {
        let begin = Instant::now();
        let mut sent: u128 = 0;
        while Instant::now() < until {
            let due = begin.elapsed().as_nanos() * u128::from(LIGHT_RATE) / 1_000_000_000;
            while sent < due {
                let turn = usize::try_from(sent).unwrap_or(0) % self.pairs.len();
                self.send(turn, 1)?;
                sent += 1;
            }
            // The core is ours alone: looking again and again is more exact than being woken.
            self.turn(EpollTimeout::ZERO)?;
        }
        Ok(())
    }

    /// Sends the next `count` packets of one pair with one write.
    fn send(&mut self, at: usize, count: u64) -> io::Result<()> {
        let pair = &mut self.pairs[at];
        let stamp = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.batch.clear();
        for _ in 0..count {
            pair.frame[SEQUENCE_AT..SEQUENCE_AT + 8].copy_from_slice(&pair.sent.to_be_bytes());
            pair.frame[SEQUENCE_AT + 8..SEQUENCE_AT + 16].copy_from_slice(&stamp.to_be_bytes());
            self.batch.extend_from_slice(&pair.frame);
            pair.sent += 1;
        }
        if !pair.sender.send(&self.batch)? {
            self.watch(at, EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT)?;
        }
        Ok(())
    }

    fn watch(&self, at: usize, flags: EpollFlags) -> io::Result<()> {
        let token = u64::try_from(at * 2).unwrap_or(u64::MAX);
        Ok(self.epoll.modify(&self.pairs[at].sender.socket, &mut EpollEvent::new(flags, token))?)
    }

    /// Waits for sockets and takes what they have.
    fn turn(&mut self, patience: EpollTimeout) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 2 * PAIRS];
        let ready = self.epoll.wait(&mut events, patience)?;
        for event in &events[..ready] {
            let token = usize::try_from(event.data()).unwrap_or(0);
            let (at, is_receiver) = (token / 2, token % 2 == 1);
            if is_receiver {
                self.take(at)?;
                continue;
            }
            if event.events().contains(EpollFlags::EPOLLOUT) && self.pairs[at].sender.flush()? {
                self.watch(at, EpollFlags::EPOLLIN)?;
            }
            if event.events().contains(EpollFlags::EPOLLIN) {
                self.pairs[at].sender.read_frames(&mut self.scratch, |_, _| {})?;
            }
        }
        Ok(())
    }

    /// Takes what has come for the receiver of one pair.
    fn take(&mut self, at: usize) -> io::Result<()> {
        let Self { pairs, scratch, start, ages, .. } = self;
        let pair = &mut pairs[at];
        let (mut reached, mut arrived) = (pair.reached, 0);
        let mut now = None;
        pair.receiver.read_frames(scratch, |frame_type, payload| {
            if frame_type != FrameType::RECV_PACKET {
                return;
            }
            let Some(packet) = payload.get(KEY_LEN..) else { return };
            reached = reached.max(number(packet, 0) + 1);
            arrived += 1;
            if let Some(ages) = ages {
                let now = *now.get_or_insert_with(|| start.elapsed().as_nanos());
                ages.push(u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(number(packet, 8)));
            }
        })?;
        pair.reached = reached;
        pair.arrived += arrived;
        pair.moved = Instant::now();
        Ok(())
    }
}

/// The big-endian number at that place of a packet.
fn number(packet: &[u8], at: usize) -> u64 {
    packet.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn lost(sent: u64, arrived: u64) -> f64 {
    sent.saturating_sub(arrived) as f64 / sent.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "ages stay far below 2^52")]
fn quantile_us(sorted: &[u64], per_mille: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * per_mille / 1000;
    sorted.get(at).map_or(0.0, |ns| *ns as f64 / 1000.0)
}
