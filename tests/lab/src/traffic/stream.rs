//! A long stream over TCP, compared byte by byte.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Where `sink` listens.
pub(super) const PORT: u16 = 7008;

/// Bytes written at once.
const CHUNK: usize = 64 * 1024;

/// How long either end waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes that both ends know: a xorshift generator with a fixed seed.
struct Bytes(u64);

impl Bytes {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = self.0.to_le_bytes()[0];
        }
    }
}

/// Takes one connection, compares, and answers how many bytes were right.
pub(super) fn sink() -> Result<(), String> {
    let told = |err| format!("sink: {err}");
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).map_err(told)?;
    println!("ready");
    let (mut stream, _) = listener.accept().map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    let (mut buffer, mut expected, mut bytes, mut right) =
        (vec![0; CHUNK], vec![0; CHUNK], Bytes::new(), 0_u64);
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(err) if err.kind() == ErrorKind::Interrupted => continue,
            Err(err) => return Err(told(err)),
        };
        let wanted = expected.get_mut(..length).unwrap_or_default();
        bytes.fill(wanted);
        if buffer.get(..length) != Some(&*wanted) {
            return Err(format!("sink: a wrong byte within {length} bytes after the first {right}"));
        }
        right += u64::try_from(length).unwrap_or_default();
    }
    stream.write_all(&right.to_be_bytes()).map_err(told)
}

/// Sends `bytes` and prints how many arrived right and how long it took.
pub(super) fn pour(addr: &str, bytes: &str) -> Result<(), String> {
    let told = |err| format!("pour: {err}");
    let count: usize = bytes.parse().map_err(|err| format!("pour: {bytes}: {err}"))?;
    let mut stream = TcpStream::connect((addr, PORT)).map_err(told)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    let (start, mut source, mut buffer, mut left) = (Instant::now(), Bytes::new(), vec![0; CHUNK], count);
    while left > 0 {
        let chunk = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
        source.fill(chunk);
        stream.write_all(chunk).map_err(told)?;
        left -= chunk.len();
    }
    stream.shutdown(Shutdown::Write).map_err(told)?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).map_err(told)?;
    println!("{} {}", u64::from_be_bytes(answer), start.elapsed().as_millis());
    Ok(())
}
