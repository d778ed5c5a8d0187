//! The key of one direction and the counter that makes each nonce a new one.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use rustls::{ConnectionTrafficSecrets, Error};

use super::{HEADER_LEN, TAG_LEN};

/// The cipher state of one direction.
pub(super) struct Keys {
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    /// Records sealed or opened with this key.
    records: u64,
}

impl Keys {
    /// The keys from `secrets`, of which `records` records were used up already.
    ///
    /// # Errors
    /// A cipher that TLS 1.3 does not have.
    pub(super) fn new((records, secrets): (u64, ConnectionTrafficSecrets)) -> Result<Self, Error> {
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(Error::General("cipher without a record layer".to_owned())),
        };
        let wrong = |_| Error::General("secrets of a wrong length".to_owned());
        let iv = iv.as_ref().try_into().map_err(|_| Error::General("nonce of a wrong length".to_owned()))?;
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).map_err(wrong)?);
        Ok(Self { key, iv, records })
    }

    /// Records sealed or opened with this key.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// Opens `body`, content and tag, where it stands; returns the content, or `None` if it is not authentic.
    pub(super) fn open<'a>(&mut self, header: [u8; HEADER_LEN], body: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let nonce = self.nonce()?;
        self.key.open_in_place(nonce, Aad::from(header), body).ok()
    }

    /// Seals `content` where it stands; returns the tag, or `None` if the key is used up.
    pub(super) fn seal(&mut self, header: [u8; HEADER_LEN], content: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        let nonce = self.nonce()?;
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), content).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// The nonce of the next record (section 5.3). None is given twice: the counter ends before it wraps.
    fn nonce(&mut self) -> Option<Nonce> {
        let mut nonce = self.iv;
        for (byte, count) in nonce.iter_mut().rev().zip(self.records.to_le_bytes()) {
            *byte ^= count;
        }
        self.records = self.records.checked_add(1)?;
        Some(Nonce::assume_unique_for_key(nonce))
    }
}
