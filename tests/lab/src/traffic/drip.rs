//! Small datagrams, there and back.

use std::net::{Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

/// Where `echo` listens.
pub(super) const PORT: u16 = 7007;

/// How long after the last datagram an answer still counts.
const TAIL: Duration = Duration::from_secs(2);

/// Sends back whatever comes.
pub(super) fn echo() -> Result<(), String> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)).map_err(|err| format!("echo: {err}"))?;
    println!("ready");
    let mut buffer = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).map_err(|err| format!("echo: {err}"))?;
        let datagram = buffer.get(..length).unwrap_or_default();
        // A way back that is gone for a moment loses this one: that is what the other end counts.
        drop(socket.send_to(datagram, from));
    }
}

/// Sends `count` numbered datagrams, one each `pause_ms`; prints a line for each answer and how many came.
pub(super) fn drip(addr: &str, count: &str, pause_ms: &str) -> Result<(), String> {
    let number = |word: &str| word.parse::<u32>().map_err(|err| format!("drip: {word}: {err}"));
    let (count, pause) = (number(count)?, Duration::from_millis(u64::from(number(pause_ms)?)));
    let told = |err| format!("drip: {err}");
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).map_err(told)?;
    let to = format!("[::ffff:{addr}]:{PORT}");
    let start = Instant::now();
    let end = start + pause * count + TAIL;
    let (mut sent, mut back) = (0, vec![false; usize::try_from(count).unwrap_or_default()]);
    while Instant::now() < end && back.contains(&false) {
        let due = start + pause * sent;
        if sent < count && Instant::now() >= due {
            // No route yet is a loss like any other.
            drop(socket.send_to(&sent.to_be_bytes(), &to));
            sent += 1;
            continue;
        }
        let next = if sent < count { due } else { end };
        let rest = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(rest)).map_err(told)?;
        let mut answer = [0; 4];
        if socket.recv(&mut answer).is_ok_and(|length| length == answer.len()) {
            let number = u32::from_be_bytes(answer);
            if let Some(slot) = usize::try_from(number).ok().and_then(|at| back.get_mut(at)) {
                *slot = true;
                println!("{number} {}", start.elapsed().as_millis());
            }
        }
    }
    Ok(())
}
