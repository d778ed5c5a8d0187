//! Records for the socket, sealed.

use rustls::kernel::KernelConnection;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::{Error, SupportedCipherSuite};

use super::keys::Keys;
use super::opener::Opener;
use super::{Fault, HEADER_LEN, KEY_UPDATE, MARGIN, MAX_CONTENT, TAG_LEN, content};

/// The type of the content behind it and the tag.
const TRAILER_LEN: usize = 1 + TAG_LEN;

/// What a record is longer than its content.
const OVERHEAD: usize = HEADER_LEN + TRAILER_LEN;

/// The sending direction of a connection. It keeps what keys of both directions are derived from.
pub(in crate::transport) struct Sealer {
    pub(super) keys: Keys,
    /// Apart, since only a new key needs it.
    schedule: Box<KernelConnection<ServerConnectionData>>,
    /// Records that may be sealed with one key.
    pub(super) limit: u64,
}

/// Takes over from rustls, which must have finished the handshake and have nothing to say.
///
/// # Errors
/// It has not, or the connection is not of TLS 1.3.
pub(in crate::transport) fn take_over(tls: UnbufferedServerConnection) -> Result<(Opener, Sealer), Error> {
    let (secrets, schedule) = tls.dangerous_into_kernel_connection()?;
    let SupportedCipherSuite::Tls13(suite) = schedule.negotiated_cipher_suite() else {
        return Err(Error::General("not a connection of TLS 1.3".to_owned()));
    };
    let limit = suite.common.confidentiality_limit;
    Ok((
        Opener::new(secrets.rx)?,
        Sealer { keys: Keys::new(secrets.tx)?, schedule: Box::new(schedule), limit },
    ))
}

impl Sealer {
    /// Appends to `out` the records of what `write` appends to it.
    ///
    /// # Errors
    /// The key could not be renewed.
    pub(in crate::transport) fn seal(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        if self.keys.records().saturating_add(MARGIN) >= self.limit {
            self.renew_key(out)?;
        }
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        write(out);
        let sealed = self.seal_from(start, out);
        if sealed.is_err() {
            // What is not sealed must not go out.
            out.truncate(start);
        }
        sealed
    }

    /// Says that we go on with a new key, and does.
    ///
    /// # Errors
    /// rustls cannot derive one.
    pub(super) fn renew_key(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let [message, a, b, c] = KEY_UPDATE;
        self.say(content::HANDSHAKE, &[message, a, b, c, 0], out)?;
        self.keys = Keys::new(self.schedule.update_tx_secret()?)?;
        Ok(())
    }

    /// Gives `opener` the key that the peer goes on with, and renews ours where it asked for that.
    ///
    /// # Errors
    /// rustls cannot derive one.
    pub(in crate::transport) fn follow_key_update(
        &mut self,
        opener: &mut Opener,
        wants_answer: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        opener.set_keys(self.schedule.update_rx_secret()?)?;
        if wants_answer { self.renew_key(out) } else { Ok(()) }
    }

    /// Tells the peer that nothing more will come.
    ///
    /// # Errors
    /// The key is used up.
    pub(in crate::transport) fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        const WARNING: u8 = 1;
        const CLOSE_NOTIFY: u8 = 0;
        self.say(content::ALERT, &[WARNING, CLOSE_NOTIFY], out)
    }

    /// Tells the peer what it did wrong.
    ///
    /// # Errors
    /// The key is used up.
    pub(in crate::transport) fn blame(&mut self, fault: Fault, out: &mut Vec<u8>) -> Result<(), Error> {
        const FATAL: u8 = 2;
        fault.alert().map_or(Ok(()), |alert| self.say(content::ALERT, &[FATAL, alert], out))
    }

    fn say(&mut self, content_type: u8, content: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        out.extend_from_slice(content);
        out.extend_from_slice(&[0; TRAILER_LEN]);
        let sealed = self.seal_record(content_type, out.get_mut(start..).unwrap_or_default());
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    /// Seals what stands in `out` behind a header at `start`, in as many records as it takes.
    fn seal_from(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let content_len = out.len() - start - HEADER_LEN;
        let records = content_len.div_ceil(MAX_CONTENT);
        if records == 0 {
            out.truncate(start);
            return Ok(());
        }
        out.resize(start + content_len + records * OVERHEAD, 0);
        let sealed = out.get_mut(start..).unwrap_or_default();
        // Content after the first record makes room for headers and tags; from the back, so that nothing is overwritten.
        for record in (1..records).rev() {
            let from = HEADER_LEN + record * MAX_CONTENT;
            let len = MAX_CONTENT.min(content_len - record * MAX_CONTENT);
            sealed.copy_within(from..from + len, from + record * OVERHEAD);
        }
        sealed
            .chunks_mut(MAX_CONTENT + OVERHEAD)
            .try_for_each(|record| self.seal_record(content::APPLICATION_DATA, record))
    }

    /// Seals one record whose content stands in its place; header, type and tag are filled in.
    fn seal_record(&mut self, content_type: u8, record: &mut [u8]) -> Result<(), Error> {
        const LEGACY_VERSION: [u8; 2] = [3, 3];
        let (header, body) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::EncryptError)?;
        let [len_high, len_low] = u16::try_from(body.len()).map_err(|_| Error::EncryptError)?.to_be_bytes();
        *header = [content::APPLICATION_DATA, LEGACY_VERSION[0], LEGACY_VERSION[1], len_high, len_low];
        let (content, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::EncryptError)?;
        if let Some(last) = content.last_mut() {
            *last = content_type;
        }
        *tag = self.keys.seal(*header, content).ok_or(Error::EncryptError)?;
        Ok(())
    }
}
