//! A thread that answers on one socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use wherry_wire::stun::{parse_request, response};

use super::bind::StunSocket;
use super::mailing::{Inbox, Outbox};
use crate::metrics::StunCounters;

/// How long a socket that fails to read is left alone, so that a lasting fault does not fill log and core.
const AFTER_READ_ERROR: Duration = Duration::from_secs(1);

/// Whether the relay answers STUN, for all its sockets at once. All clones are one.
#[derive(Clone, Debug)]
pub struct Voice(Arc<AtomicBool>);

impl Voice {
    /// A voice that speaks or is silent at first.
    #[must_use]
    pub fn new(speaks: bool) -> Self {
        Self(Arc::new(AtomicBool::new(speaks)))
    }

    /// Speaks or falls silent from the next datagram on. What comes while silent is never answered.
    pub fn set(&self, speaks: bool) {
        // Nothing else is ordered by it.
        self.0.store(speaks, Ordering::Relaxed);
    }

    /// Whether requests are answered.
    #[must_use]
    pub fn speaks(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A socket at work. Dropping it ends its thread and waits for that: 100 ms at most.
#[derive(Debug)]
pub struct Responder {
    addr: SocketAddr,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StunSocket {
    /// Answers from now on, in a thread of its own, while `voice` speaks.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn serve(self, voice: Voice, counters: Arc<StunCounters>) -> io::Result<Responder> {
        let addr = self.local_addr();
        let ending = Arc::new(AtomicBool::new(false));
        let round = Round { socket: self, voice, counters, ending: Arc::clone(&ending) };
        let thread = thread::Builder::new().name("stun".to_owned()).spawn(move || round.run())?;
        Ok(Responder { addr, ending, thread: Some(thread) })
    }
}

impl Responder {
    /// Where it answers.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the thread soon without waiting for it.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.end();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(addr = %self.addr, "the thread that answers stun had failed");
        }
    }
}

/// What the thread owns.
struct Round {
    socket: StunSocket,
    voice: Voice,
    counters: Arc<StunCounters>,
    ending: Arc<AtomicBool>,
}

/// Counted for a batch, then added at once.
#[derive(Default)]
struct Tally {
    not_stun: u64,
    ipv4: u64,
    ipv6: u64,
}

impl Round {
    fn run(self) {
        let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
        while !self.ending.load(Ordering::Relaxed) {
            match self.turn(&mut inbox, &mut outbox) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => {
                    self.counters.read_error.add(1);
                    tracing::warn!(addr = %self.socket.local_addr(), err = %error, "cannot read stun requests");
                    thread::park_timeout(AFTER_READ_ERROR);
                }
            }
        }
    }

    /// Takes the datagrams that are there and answers them.
    fn turn(&self, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Errno> {
        let mut tally = Tally::default();
        inbox.receive(&self.socket.udp, |datagram, source| match parse_request(datagram) {
            Ok(id) => {
                tally.request_from(&source);
                // Asked for each one: the voice may have changed during the wait for them.
                if self.voice.speaks() {
                    outbox.add(source, |bytes| response(id, &source, bytes));
                }
            }
            Err(_) => tally.not_stun += 1,
        })?;
        let (mut success, mut write_error) = (0, 0);
        outbox.send(&self.socket.udp, |sent| match sent {
            Ok(count) => success += count as u64,
            Err(_) => write_error += 1,
        });
        self.counters.not_stun.add(tally.not_stun);
        self.counters.ipv4.add(tally.ipv4);
        self.counters.ipv6.add(tally.ipv6);
        self.counters.success.add(success);
        self.counters.write_error.add(write_error);
        Ok(())
    }
}

impl Tally {
    fn request_from(&mut self, source: &SocketAddr) {
        // An IPv4 client of a dual-stack socket comes with a mapped address.
        if source.ip().to_canonical().is_ipv4() {
            self.ipv4 += 1;
        } else {
            self.ipv6 += 1;
        }
    }
}
