//! Many datagrams with one system call.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use wherry_wire::stun::MAX_RESPONSE_LEN;

/// Datagrams for one call. More of them gain nothing: the cost of a call is then below 3 % of that of its
/// datagrams. It bounds how long answers wait for others.
pub(super) const BATCH: usize = 64;

/// Longest datagram looked at, the longest that some networks carry in one piece; requests have 40 bytes. Of
/// the memory only pages that were written to are really taken.
const MAX_DATAGRAM: usize = 9216;

/// Datagrams that came in one call.
pub(super) struct Inbox {
    headers: MultiHeaders<SockaddrStorage>,
    memory: Vec<u8>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { headers: MultiHeaders::preallocate(BATCH, None), memory: vec![0; BATCH * MAX_DATAGRAM] }
    }

    /// Waits for a datagram until the socket's time-out, then takes what there is and hands `read` the bytes and
    /// the source of each. One that is too long arrives cut off.
    ///
    /// # Errors
    /// What the system says; `EAGAIN` when nothing came in time.
    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        mut read: impl FnMut(&[u8], SocketAddr),
    ) -> Result<(), Errno> {
        let mut slots = self.memory.chunks_exact_mut(MAX_DATAGRAM);
        let mut slices: [_; BATCH] = array::from_fn(|_| [IoSliceMut::new(slots.next().unwrap_or_default())]);
        let wait_for_one = MsgFlags::MSG_WAITFORONE;
        let received =
            recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), wait_for_one, None)?;
        for datagram in received {
            if let Some(source) = datagram.address.as_ref().and_then(internet_address) {
                read(datagram.iovs().next().unwrap_or_default(), source);
            }
        }
        Ok(())
    }
}

/// Answers to be sent with one call.
pub(super) struct Outbox {
    headers: MultiHeaders<SockaddrStorage>,
    answers: Vec<Answer>,
    to: Vec<Option<SockaddrStorage>>,
}

struct Answer {
    bytes: [u8; MAX_RESPONSE_LEN],
    len: usize,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            answers: Vec::with_capacity(BATCH),
            to: Vec::with_capacity(BATCH),
        }
    }

    /// Adds an answer to `source`, which `write` writes and returns the length of.
    pub(super) fn add(
        &mut self,
        source: SocketAddr,
        write: impl FnOnce(&mut [u8; MAX_RESPONSE_LEN]) -> usize,
    ) {
        let mut bytes = [0; MAX_RESPONSE_LEN];
        let len = write(&mut bytes);
        self.answers.push(Answer { bytes, len });
        self.to.push(Some(SockaddrStorage::from(source)));
    }

    /// Sends every answer or gives it up; empties the box. `sent` is handed how many went out with a call, or
    /// why one did not.
    pub(super) fn send(&mut self, socket: &UdpSocket, mut sent: impl FnMut(Result<usize, Errno>)) {
        let mut done = 0;
        while let Some(to @ [_, ..]) = self.to.get(done..) {
            let mut waiting = self.answers.iter().skip(done);
            let slices: [_; BATCH] = array::from_fn(|_| {
                let answer = waiting.next();
                [IoSlice::new(answer.and_then(|answer| answer.bytes.get(..answer.len)).unwrap_or_default())]
            });
            let result =
                sendmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter(), to, [], MsgFlags::empty());
            // The call stops before the first that fails; alone in front, it is the one the error speaks of.
            let result = result.map(Iterator::count);
            match result {
                Err(Errno::EINTR) => continue,
                Err(_) => done += 1,
                Ok(count) => done += count.max(1),
            }
            sent(result);
        }
        self.answers.clear();
        self.to.clear();
    }
}

fn internet_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddrV4::from(*v4).into());
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into()))
}
