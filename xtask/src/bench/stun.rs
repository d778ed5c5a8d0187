//! STUN binding requests, a bounded number on their way at once.

use crate::scenario::{Plan, Sample, Stopwatch};
use crate::subject::Running;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};
use wherry_wire::stun;

/// Requests sent before their answers are read.
const BURST: usize = 64;

/// Asks for the length of the plan.
///
/// # Errors
/// No answers at all, or the relay is gone.
pub(crate) fn run(running: &Running, plan: &Plan) -> io::Result<Sample> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(running.stun)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    if ask_for(&socket, plan.warm_up)? == 0 {
        return Err(io::Error::other("STUN stays silent"));
    }
    let stopwatch = Stopwatch::start(running)?;
    let answers = ask_for(&socket, plan.run)?;
    stopwatch.stop(running, answers)
}

fn ask_for(socket: &UdpSocket, length: Duration) -> io::Result<u64> {
    let until = Instant::now() + length;
    let mut answer = [0; 128];
    let mut answers = 0;
    while Instant::now() < until {
        for turn in 0..BURST {
            let id = [u8::try_from(turn).unwrap_or(0); 12];
            socket.send(&stun::request(stun::TxId(id)))?;
        }
        for _ in 0..BURST {
            match socket.recv(&mut answer) {
                Ok(_) => answers += 1,
                // Lost on the way: the next burst goes on.
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) => return Err(err),
            }
        }
    }
    Ok(answers)
}
