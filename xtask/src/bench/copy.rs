//! The limit of any relay: bytes copied from one TCP connection to another, none looked at.
//!
//! Two processes of this program: the copy on the relay's core, its load on the generator's. The load is that of `peak`: as
//! many bytes of each pair on their way as `peak` has in packets. Then it is an overload: twice its peak, about as much more as `ladder` offers a relay in the end.

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Pairs of connections.
const PAIRS: u8 = 10;

/// Bytes of a packet of 1400 with its frame: header and key.
const PACKET: f64 = 1437.0;

/// Bytes of one pair on their way at once: 64 packets.
const WINDOW: usize = 64 * 1437;

/// Bytes copied at once.
const PIECE: usize = 64 * 1024;

/// Load before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// How much more than its peak the copy is offered in the end.
const OVERLOAD: u128 = 2;

/// Share of a core that the copy takes at least where it is the limit.
const BUSY: f64 = 0.9;

/// How long a wait for sockets may take.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a connection to the copy is for; the first byte it sends. The second is the number of the pair.
const SOURCE: u8 = b's';
const SINK: u8 = b't';

/// Copies for one load, then ends.
///
/// # Errors
/// The address cannot be had, or the system lets nobody wait for sockets.
pub(crate) fn copy(addr: &str) -> io::Result<()> {
    let listener = TcpListener::bind(addr)?;
    let (mut sources, mut sinks): (Vec<_>, Vec<_>) = ((0..PAIRS).map(|_| None).collect(), Vec::new());
    sinks.resize_with(usize::from(PAIRS), || None);
    while sources.iter().chain(&sinks).any(Option::is_none) {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut hello = [0; 2];
        // Somebody may only look whether we listen.
        if stream.read_exact(&mut hello).is_err() {
            continue;
        }
        let side = if hello[0] == SOURCE { &mut sources } else { &mut sinks };
        if let Some(seat) = side.get_mut(usize::from(hello[1])) {
            *seat = Some(stream);
        }
    }
    let mut pairs: Vec<(TcpStream, TcpStream)> =
        sources.into_iter().flatten().zip(sinks.into_iter().flatten()).collect();
    let epoll = watch(pairs.iter().map(|(source, _)| source))?;
    let mut piece = vec![0; PIECE];
    let mut open = pairs.len();
    while open > 0 {
        for number in ready(&epoll, PATIENCE)? {
            let Some((source, sink)) = pairs.get_mut(number) else { continue };
            // The load hangs up without a word; bytes on their way are lost then.
            let copied =
                source.read(&mut piece).and_then(|read| sink.write_all(&piece[..read]).map(|()| read));
            if !matches!(copied, Ok(1..)) {
                epoll.delete(&*source)?;
                open -= 1;
            }
        }
    }
    Ok(())
}

/// One pair, seen from the load.
struct Pair {
    source: TcpStream,
    sink: TcpStream,
    /// Bytes that have left and not come back, in the closed loop.
    on_their_way: usize,
    /// Bytes that were due so far in the overload, taken or not.
    offered: u128,
}

/// What was copied while it counted, and at what price.
struct Copied {
    bytes: usize,
    cpu: Duration,
    wall: Duration,
}

impl Copied {
    /// Packets in a second of `time`.
    fn packets_in(&self, time: Duration) -> f64 {
        self.bytes as f64 / PACKET / time.as_secs_f64()
    }

    /// Share of a core that was taken.
    fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Bytes that come back in `time` at this rate.
    fn bytes_in(&self, time: Duration) -> u128 {
        self.bytes as u128 * time.as_micros() / self.wall.as_micros().max(1)
    }
}

/// Loads the copy at `addr`, process `pid`, as `peak` does, then with twice what that brought; each counts for so many
/// milliseconds. Reports as `wherry bench` does.
///
/// # Errors
/// The copy is not there, or ended too soon.
pub(crate) fn load(addr: &str, pid: &str, milliseconds: &str) -> io::Result<Value> {
    let addr: SocketAddr = addr.parse().map_err(io::Error::other)?;
    let pid = Pid::from_raw(pid.parse().map_err(io::Error::other)?);
    let length = Duration::from_millis(milliseconds.parse().map_err(io::Error::other)?);
    let mut pairs = (0..PAIRS).map(|number| Pair::connect(addr, number)).collect::<io::Result<Vec<_>>>()?;
    let epoll = watch(pairs.iter().map(|pair| &pair.sink))?;
    let mut piece = vec![0; 4 * PIECE];
    pairs.iter_mut().try_for_each(|pair| pair.fill(&piece))?;
    let peak = measure(pid, length, || {
        let mut bytes = 0;
        for number in ready(&epoll, PATIENCE)? {
            let Some(pair) = pairs.get_mut(number) else { continue };
            bytes += pair.drain(&mut piece)?;
            pair.fill(&piece)?;
        }
        Ok(bytes)
    })?;
    let begin = Instant::now();
    let overload = measure(pid, length, || {
        let mut bytes = 0;
        for number in ready(&epoll, Duration::ZERO)? {
            let Some(pair) = pairs.get_mut(number) else { continue };
            bytes += pair.drain(&mut piece)?;
        }
        let due = OVERLOAD * peak.bytes_in(begin.elapsed()) / u128::from(PAIRS);
        pairs.iter_mut().try_for_each(|pair| pair.offer(due, &piece))?;
        Ok(bytes)
    })?;
    let [peak_rate, overload_rate] = [&peak, &overload].map(|copied| copied.packets_in(copied.wall));
    Ok(json!({
        "figures": [
            {"name": "packets_per_cpu_second", "value": peak.packets_in(peak.cpu)},
            {"name": "packets_per_second", "value": peak_rate},
            {"name": "overload_per_second", "value": overload_rate},
            {"name": "overload_share", "value": (overload.cores() >= BUSY).then(|| overload_rate / peak_rate)}
        ],
        "reasons": [],
        "server": {"cores_used": peak.cores()}
    }))
}

/// Does `step`, which returns how many bytes came back, over and over; what comes after the warm-up counts.
fn measure(pid: Pid, length: Duration, mut step: impl FnMut() -> io::Result<usize>) -> io::Result<Copied> {
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        step()?;
    }
    let (before, since) = (cpu(pid)?, Instant::now());
    let mut bytes = 0;
    while since.elapsed() < length {
        bytes += step()?;
    }
    Ok(Copied { bytes, cpu: cpu(pid)?.saturating_sub(before), wall: since.elapsed() })
}

impl Pair {
    fn connect(addr: SocketAddr, number: u8) -> io::Result<Self> {
        let side = |kind| {
            let mut stream = TcpStream::connect(addr)?;
            stream.write_all(&[kind, number])?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok::<_, io::Error>(stream)
        };
        Ok(Self { source: side(SOURCE)?, sink: side(SINK)?, on_their_way: 0, offered: 0 })
    }

    /// Sends what there is room for; what the socket does not take has its turn after the next piece has come back.
    fn fill(&mut self, piece: &[u8]) -> io::Result<()> {
        let room = WINDOW.saturating_sub(self.on_their_way);
        self.on_their_way += self.send(&piece[..room.min(piece.len())])?;
        Ok(())
    }

    /// Sends what has become due since the last time, `due` being all until now. What the socket does not take is lost.
    fn offer(&mut self, due: u128, piece: &[u8]) -> io::Result<()> {
        let more = usize::try_from(due.saturating_sub(self.offered)).unwrap_or(usize::MAX);
        self.offered = due;
        self.send(&piece[..more.min(piece.len())]).map(drop)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.source.write(bytes) {
            Err(err) if err.kind() == ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }

    fn drain(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self.sink.read(piece) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.on_their_way = self.on_their_way.saturating_sub(read);
                Ok(read)
            }
            Err(err) if err.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(err) => Err(err),
        }
    }
}

fn watch<'a>(streams: impl Iterator<Item = &'a TcpStream>) -> io::Result<Epoll> {
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    for (number, stream) in (0..).zip(streams) {
        epoll.add(stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
    }
    Ok(epoll)
}

/// Pairs that have something to read, after waiting up to `patience` for the first.
fn ready(epoll: &Epoll, patience: Duration) -> io::Result<Vec<usize>> {
    let mut events = [EpollEvent::empty(); 16];
    let count = epoll.wait(&mut events, EpollTimeout::try_from(patience).map_err(io::Error::other)?)?;
    Ok(events[..count].iter().filter_map(|event| usize::try_from(event.data()).ok()).collect())
}

fn cpu(pid: Pid) -> io::Result<Duration> {
    Ok(clock_gettime(clock_getcpuclockid(pid)?)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_as_fast_as_the_copy_works() {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let copying = std::thread::spawn({
            let addr = addr.clone();
            move || copy(&addr)
        });
        while TcpStream::connect(&addr).is_err() {
            std::thread::yield_now();
        }
        let report = load(&addr, &std::process::id().to_string(), "50").unwrap();
        let figure = |at: usize| report["figures"][at]["value"].as_f64().unwrap();
        assert!(figure(1) > 1000.0 && figure(2) > 1000.0, "{report}");
        // Where tests run beside it, the copy may not have had its core.
        let share = report["figures"][3]["value"].as_f64();
        assert!(share.is_none_or(|share| (share - figure(2) / figure(1)).abs() < 1e-9), "{report}");
        copying.join().unwrap().unwrap();
    }
}
