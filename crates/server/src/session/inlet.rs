//! The incoming side of a connection: bytes off the socket, and what of them is not whole yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::transport::Opener;

/// Where a connection reads from.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) socket: OwnedReadHalf,
    pub(super) opener: Opener,
    /// Off the socket: the beginning of a record.
    pub(super) wire: Vec<u8>,
    /// Opened: the beginning of a frame.
    pub(super) plain: Vec<u8>,
}

impl Inlet {
    /// Puts what is left from before at the front of `buf` and reads once behind it. Returns the bytes that stand there then;
    /// none if the other end has hung up.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let held = self.put_back(buf)?;
        let mut room = ReadBuf::new(buf.get_mut(held..).unwrap_or_default());
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        Poll::Ready(Ok(if read == 0 { 0 } else { held + read }))
    }

    /// Puts what is left from before at the front of `buf`; returns how much that is.
    ///
    /// # Errors
    /// There is no room: the buffer takes a whole record, so a beginning of one always has.
    pub(super) fn put_back(&self, buf: &mut [u8]) -> io::Result<usize> {
        let front = buf.get_mut(..self.wire.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        front.copy_from_slice(&self.wire);
        Ok(front.len())
    }
}

/// Buffers for the beginnings of records and frames. A connection in full flow needs one between almost any two reads and
/// an idle one none, so they go round.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    spare: Vec<Vec<u8>>,
}

impl Leftovers {
    /// Spare buffers kept.
    const KEPT: usize = 16;

    /// Largest one kept: the beginning of a full record.
    const LARGEST: usize = 32 * 1024;

    /// Makes `store` hold `bytes`; without any it owns no memory.
    pub(super) fn keep(&mut self, store: &mut Vec<u8>, bytes: &[u8]) {
        if !bytes.is_empty() {
            if store.capacity() == 0 {
                *store = self.spare.pop().unwrap_or_default();
            }
            store.clear();
            store.extend_from_slice(bytes);
        } else if store.capacity() > 0 {
            let mut store = std::mem::take(store);
            if self.spare.len() < Self::KEPT && store.capacity() <= Self::LARGEST {
                store.clear();
                self.spare.push(store);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_kept_owns_no_memory() {
        let mut leftovers = Leftovers::default();
        let mut store = Vec::with_capacity(4096);
        leftovers.keep(&mut store, &[]);
        assert_eq!(store.capacity(), 0);
        leftovers.keep(&mut store, b"half a fra");
        assert_eq!(store, b"half a fra");
        leftovers.keep(&mut store, &[]);
        assert_eq!(store.capacity(), 0);
    }

    #[test]
    fn a_flowing_connection_needs_no_new_memory() {
        let mut leftovers = Leftovers::default();
        let mut store = Vec::new();
        leftovers.keep(&mut store, &[7; 1000]);
        let first = store.as_ptr();
        for _ in 0..3 {
            leftovers.keep(&mut store, &[]);
            leftovers.keep(&mut store, &[8; 900]);
            assert_eq!(store.as_ptr(), first);
        }
    }

    #[test]
    fn a_crowd_leaves_few_spare_buffers() {
        let mut leftovers = Leftovers::default();
        let mut stores: Vec<_> = (0..1000).map(|_| vec![1; 100]).collect();
        stores.push(vec![1; 10 * Leftovers::LARGEST]);
        for store in stores.iter_mut().rev() {
            leftovers.keep(store, &[]);
        }
        assert_eq!(leftovers.spare.len(), Leftovers::KEPT);
        assert!(leftovers.spare.iter().all(|spare| spare.capacity() <= Leftovers::LARGEST));
    }
}
