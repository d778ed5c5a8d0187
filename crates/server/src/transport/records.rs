//! TLS records by rustls' unbuffered interface: the caller owns all bytes.
//!
//! The interface has edges that this file keeps to itself. A state with output may come up in any call, also while
//! reading. A record that is not whole yet is reported as nothing to discard. After an error the connection object
//! still answers as if it were healthy, so the codec above remembers the error.

use rustls::Error;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};

/// What `Codec::open` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Bytes taken from the front of the input; the rest must be presented again, at the front, with more behind it.
    pub consumed: usize,
    /// The peer said that nothing more will come.
    pub finished: bool,
}

/// Bytes that sealing `plain_len` bytes may take at most, protocol answers included.
///
/// A TLS record holds up to 16 KiB and costs at most 5 + 256 bytes more; a WebSocket message 14. The constant
/// leaves room for what rustls queued by itself (a key update, an alert).
#[must_use]
const fn sealed_bound(plain_len: usize) -> usize {
    plain_len + (plain_len / 16_384 + 2) * 261 + 1024
}

/// Opens every whole record in `wire`; handshake flights and answers go to `reply`.
pub(super) fn open(
    tls: &mut UnbufferedServerConnection,
    wire: &mut [u8],
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
) -> Result<Opened, Error> {
    let mut consumed = 0;
    loop {
        let rest = wire.get_mut(consumed..).unwrap_or_default();
        let UnbufferedStatus { discard, state, .. } = tls.process_tls_records(rest);
        let mut taken = discard;
        let finished = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record?;
                    plain.extend_from_slice(record.payload);
                    taken += record.discard;
                }
                None
            }
            Ok(ConnectionState::EncodeTlsData(encoding)) => {
                encode(encoding, reply)?;
                None
            }
            Ok(ConnectionState::TransmitTlsData(transmit)) => {
                // `reply` goes out with the next write, before anything sealed later.
                transmit.done();
                None
            }
            Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => Some(false),
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Some(true),
            // Early data is off in our configuration; rustls never offers it then.
            Ok(_) => return Err(Error::General("unexpected early data".to_owned())),
            Err(error) => {
                alert(tls, reply);
                return Err(error);
            }
        };
        consumed += taken;
        if let Some(finished) = finished {
            return Ok(Opened { consumed, finished });
        }
    }
}

/// Seals `plain` into as many records as it takes.
pub(super) fn seal(
    tls: &mut UnbufferedServerConnection,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    with_write_traffic(tls, out, |traffic, out| {
        append(out, sealed_bound(plain.len()), |room| traffic.encrypt(plain, room))
    })
}

/// Appends a `close_notify` alert, if the handshake got far enough for one.
pub(super) fn close(tls: &mut UnbufferedServerConnection, out: &mut Vec<u8>) {
    // A peer that breaks off the handshake gets no farewell; there is nobody to tell about the failure.
    drop(with_write_traffic(tls, out, |traffic, out| {
        append(out, sealed_bound(0), |room| traffic.queue_close_notify(room))
    }));
}

/// Runs `write` once rustls is ready for application data, encoding first what it queued by itself.
fn with_write_traffic(
    tls: &mut UnbufferedServerConnection,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut WriteTraffic<'_, ServerConnectionData>, &mut Vec<u8>) -> Result<(), EncryptError>,
) -> Result<(), Error> {
    loop {
        match tls.process_tls_records(&mut []).state? {
            ConnectionState::WriteTraffic(mut traffic) => {
                return write(&mut traffic, out).map_err(|_| Error::EncryptError);
            }
            ConnectionState::EncodeTlsData(encoding) => encode(encoding, out)?,
            ConnectionState::TransmitTlsData(transmit) => transmit.done(),
            ConnectionState::PeerClosed => {}
            _ => return Err(Error::HandshakeNotComplete),
        }
    }
}

/// After an error, rustls offers the alert that the peer should get in the next calls.
fn alert(tls: &mut UnbufferedServerConnection, reply: &mut Vec<u8>) {
    while let Ok(ConnectionState::EncodeTlsData(encoding)) = tls.process_tls_records(&mut []).state {
        if encode(encoding, reply).is_err() {
            return;
        }
    }
}

fn encode(mut encoding: EncodeTlsData<'_, ServerConnectionData>, out: &mut Vec<u8>) -> Result<(), Error> {
    let needed = match encoding.encode(&mut []) {
        Ok(_) => return Ok(()),
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        Err(EncodeError::AlreadyEncoded) => return Err(Error::EncryptError),
    };
    append(out, needed, |room| encoding.encode(room)).map_err(|_| Error::EncryptError)
}

/// Lets `fill` write into `room` bytes behind the end of `out` and keeps what it wrote.
fn append<E>(
    out: &mut Vec<u8>,
    room: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let end = out.len();
    out.resize(end + room, 0);
    let filled = fill(out.get_mut(end..).unwrap_or_default());
    out.truncate(end + *filled.as_ref().unwrap_or(&0));
    filled.map(drop)
}
