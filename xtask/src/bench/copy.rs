//! The limit of any relay: bytes copied from one TCP connection to another, none looked at.
//!
//! Two processes of this program: the copy on the relay's core, its load on the generator's. The load is that of `peak`: as
//! many bytes of each pair on their way as `peak` has in packets.

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
        for number in ready(&epoll)? {
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
    on_their_way: usize,
}

/// Loads the copy at `addr`, process `pid`, for so many milliseconds, and reports as `wherry bench` does.
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
    let begin = Instant::now();
    let mut bytes = 0;
    let mut base = None;
    while begin.elapsed() < WARM_UP + length {
        if base.is_none() && begin.elapsed() >= WARM_UP {
            base = Some((cpu(pid)?, Instant::now(), bytes));
        }
        for number in ready(&epoll)? {
            let Some(pair) = pairs.get_mut(number) else { continue };
            bytes += pair.drain(&mut piece)?;
            pair.fill(&piece)?;
        }
    }
    let (cpu_before, since, before) = base.ok_or_else(|| io::Error::other("a run without length"))?;
    let (cpu, wall) = ((cpu(pid)? - cpu_before).as_secs_f64(), since.elapsed().as_secs_f64());
    let packets = (bytes - before) as f64 / PACKET;
    Ok(json!({
        "figures": [
            {"name": "packets_per_cpu_second", "value": packets / cpu},
            {"name": "packets_per_second", "value": packets / wall}
        ],
        "reasons": [],
        "server": {"cores_used": cpu / wall}
    }))
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
        Ok(Self { source: side(SOURCE)?, sink: side(SINK)?, on_their_way: 0 })
    }

    /// Sends what there is room for; what the socket does not take has its turn after the next piece has come back.
    fn fill(&mut self, piece: &[u8]) -> io::Result<()> {
        let room = WINDOW.saturating_sub(self.on_their_way);
        match self.source.write(&piece[..room.min(piece.len())]) {
            Ok(written) => self.on_their_way += written,
            Err(err) if err.kind() == ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
        Ok(())
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

/// Pairs that have something to read, after waiting up to a tenth of a second for the first.
fn ready(epoll: &Epoll) -> io::Result<Vec<usize>> {
    let mut events = [EpollEvent::empty(); 16];
    let count = epoll.wait(&mut events, EpollTimeout::from(100_u8))?;
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
        assert!(report.pointer("/figures/1/value").and_then(Value::as_f64).unwrap() > 1000.0, "{report}");
        copying.join().unwrap().unwrap();
    }
}
