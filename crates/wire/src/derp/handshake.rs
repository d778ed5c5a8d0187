//! The first three frames of a connection, for both sides: ServerKey, ClientInfo, ServerInfo.
//!
//! What lives here: the frames' layout and the NaCl boxes inside. It may use keys, the box crate and the JSON bodies.
//! What must stay true: nonces come from the caller, who never uses one twice; one X25519 multiplication serves both
//! directions; whatever the other side sends ends in an error and not in a panic.
//!
//! Source: tailscale: derp/derp_client.go, derp/derpserver/derpserver.go.
use super::{
    ClientInfo, FrameType, Header, InfoError, ServerInfo, TooLong, encode,
    limits::{self, KEY_LEN, MAGIC, MAX_CLIENT_INFO, NONCE_LEN, TAG_LEN},
};
use crate::key::{NodePrivate, NodePublic};
use crypto_secretbox::{Kdf, Key, KeyInit, Nonce, Tag, XSalsa20Poly1305, aead::AeadInPlace};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Length of the ServerKey frame as servers write it: header 5, magic 8, key 32.
pub const SERVER_KEY_FRAME_LEN: usize = limits::HEADER_LEN + SERVER_KEY_LEN;

const SERVER_KEY_LEN: usize = MAGIC.len() + KEY_LEN;

/// Why a handshake fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Another frame stands where this side expects its turn in the handshake.
    #[error("{found} frame where {expected} belongs")]
    WrongFrame {
        /// What the handshake wants here.
        expected: FrameType,
        /// What came.
        found: FrameType,
    },
    /// The payload is too short or too long for its type.
    #[error("{frame_type} frame has a payload of {len} bytes")]
    WrongLength {
        /// Type of the frame.
        frame_type: FrameType,
        /// Payload length, in bytes.
        len: usize,
    },
    /// ServerKey does not start with the magic bytes: no relay of this protocol.
    #[error("server key does not start with the protocol's magic bytes")]
    WrongMagic,
    /// A public key is all zeros: nobody's.
    #[error("public key is all zeros")]
    ZeroKey,
    /// The box was sealed by or for somebody else, or was damaged.
    #[error("box does not open")]
    Sealed,
    /// The box opens, but what it holds is not accepted.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// What this side wants to say does not fit the frame.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Server: the whole ServerKey frame, first on each connection.
#[must_use]
pub fn server_key_frame(server: &NodePublic) -> [u8; SERVER_KEY_FRAME_LEN] {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "constant 40")]
    let header = Header { frame_type: FrameType::SERVER_KEY, len: SERVER_KEY_LEN as u32 };
    let mut frame = [0; SERVER_KEY_FRAME_LEN];
    let (head, payload) = frame.split_at_mut(limits::HEADER_LEN);
    let (magic, key) = payload.split_at_mut(MAGIC.len());
    head.copy_from_slice(&header.encode());
    magic.copy_from_slice(&MAGIC);
    key.copy_from_slice(server.as_bytes());
    frame
}

/// Server: judges the first header of a client; the payload length in bytes, all of which must be read.
///
/// # Errors
/// [`HandshakeError::WrongFrame`] or [`WrongLength`](HandshakeError::WrongLength); the connection must be closed
/// without reading the payload.
pub fn client_info_intake(header: Header) -> Result<usize, HandshakeError> {
    intake(header, FrameType::CLIENT_INFO, KEY_LEN + NONCE_LEN, MAX_CLIENT_INFO)
}

/// Client: judges the first header of a server; the payload length in bytes, all of which must be read.
///
/// # Errors
/// [`HandshakeError::WrongFrame`] or [`WrongLength`](HandshakeError::WrongLength); no relay of this protocol.
pub fn server_key_intake(header: Header) -> Result<usize, HandshakeError> {
    intake(header, FrameType::SERVER_KEY, SERVER_KEY_LEN, limits::MAX_SERVER_KEY)
}

fn intake(header: Header, expected: FrameType, min: usize, max: usize) -> Result<usize, HandshakeError> {
    if header.frame_type != expected {
        return Err(HandshakeError::WrongFrame { expected, found: header.frame_type });
    }
    let len = limits::to_usize(header.len);
    bounded(expected, len, min, max)?;
    Ok(len)
}

fn bounded(frame_type: FrameType, len: usize, min: usize, max: usize) -> Result<(), HandshakeError> {
    if (min..=max).contains(&len) { Ok(()) } else { Err(HandshakeError::WrongLength { frame_type, len }) }
}

/// Server: opens a ClientInfo payload. The client's key is proven by the box.
///
/// Costs one X25519 multiplication; the shared key then seals the answer without another.
///
/// # Errors
/// [`HandshakeError::WrongLength`], [`ZeroKey`](HandshakeError::ZeroKey), [`Sealed`](HandshakeError::Sealed) or
/// [`Info`](HandshakeError::Info).
pub fn open_client_info(
    server: &NodePrivate,
    payload: &[u8],
) -> Result<(NodePublic, ClientInfo, SharedKey), HandshakeError> {
    open_client_info_by(|client| Some(SharedKey::of(&server.multiply(client))), payload)
}

/// As [`open_client_info`], with a shared key of the caller's, who may know it already or a faster way to it.
///
/// `share` gets the client's public key and returns the key that the server's secret one shares with it, or `None` if it
/// refuses that key.
///
/// # Errors
/// As [`open_client_info`]; [`Sealed`](HandshakeError::Sealed) for a key that `share` refuses.
pub fn open_client_info_by(
    share: impl FnOnce(&NodePublic) -> Option<SharedKey>,
    payload: &[u8],
) -> Result<(NodePublic, ClientInfo, SharedKey), HandshakeError> {
    let wrong_length = HandshakeError::WrongLength { frame_type: FrameType::CLIENT_INFO, len: payload.len() };
    bounded(FrameType::CLIENT_INFO, payload.len(), KEY_LEN + NONCE_LEN, MAX_CLIENT_INFO)?;
    let (client, sealed) = payload.split_first_chunk().ok_or(wrong_length)?;
    let (nonce, sealed) = sealed.split_first_chunk().ok_or(wrong_length)?;
    let client = NodePublic::from_bytes(*client);
    if client.is_zero() {
        return Err(HandshakeError::ZeroKey);
    }
    let shared = share(&client).ok_or(HandshakeError::Sealed)?;
    let info = ClientInfo::from_json(&shared.open(nonce, sealed)?)?;
    Ok((client, info, shared))
}

/// Client: reads a ServerKey payload; what follows the key is left to the future.
///
/// # Errors
/// [`HandshakeError::WrongLength`], [`WrongMagic`](HandshakeError::WrongMagic) or
/// [`ZeroKey`](HandshakeError::ZeroKey).
pub fn parse_server_key(payload: &[u8]) -> Result<NodePublic, HandshakeError> {
    let wrong_length = HandshakeError::WrongLength { frame_type: FrameType::SERVER_KEY, len: payload.len() };
    bounded(FrameType::SERVER_KEY, payload.len(), SERVER_KEY_LEN, limits::MAX_SERVER_KEY)?;
    let (magic, rest) = payload.split_first_chunk().ok_or(wrong_length)?;
    if *magic != MAGIC {
        return Err(HandshakeError::WrongMagic);
    }
    let key = NodePublic::from_bytes(*rest.first_chunk().ok_or(wrong_length)?);
    if key.is_zero() { Err(HandshakeError::ZeroKey) } else { Ok(key) }
}

/// Client: the whole ClientInfo frame, and the key that opens the answer.
///
/// `nonce` must be random and used for nothing else. Costs two X25519 multiplications.
///
/// # Errors
/// [`HandshakeError::ZeroKey`] if the server's key is, [`TooLong`](HandshakeError::TooLong) if the frame would be
/// longer than a server reads.
pub fn client_info_frame(
    client: &NodePrivate,
    server: &NodePublic,
    nonce: [u8; NONCE_LEN],
    info: &ClientInfo,
) -> Result<(Vec<u8>, SharedKey), HandshakeError> {
    if server.is_zero() {
        return Err(HandshakeError::ZeroKey);
    }
    let shared = SharedKey::of(&client.multiply(server));
    let public = client.public();
    let sealed = shared.seal(&nonce, &info.to_json());
    let len = sealed.len().saturating_add(KEY_LEN + NONCE_LEN);
    TooLong::check(len, MAX_CLIENT_INFO)?;
    let mut frame = Vec::new();
    encode::frame(&mut frame, FrameType::CLIENT_INFO, [public.as_bytes().as_slice(), &nonce, &sealed]);
    Ok((frame, shared))
}

/// Key shared by two sides, the same in all their handshakes; wiped when dropped, masked in `Debug`.
#[derive(Clone)]
pub struct SharedKey(XSalsa20Poly1305);

impl SharedKey {
    /// The key of a NaCl box from the X25519 product of the two sides (RFC 7748, section 5).
    #[must_use]
    pub fn of(product: &[u8; 32]) -> Self {
        let mut key = XSalsa20Poly1305::kdf(Key::from_slice(product), &Default::default());
        let cipher = XSalsa20Poly1305::new(&key);
        key.zeroize();
        Self(cipher)
    }

    /// Server: the whole ServerInfo frame, second on each connection.
    ///
    /// `nonce` must be random and used for nothing else.
    #[must_use]
    pub fn seal_server_info(&self, nonce: [u8; NONCE_LEN], info: &ServerInfo) -> Vec<u8> {
        let mut frame = Vec::new();
        encode::frame(
            &mut frame,
            FrameType::SERVER_INFO,
            [nonce.as_slice(), &self.seal(&nonce, &info.to_json())],
        );
        frame
    }

    /// Client: opens a ServerInfo payload.
    ///
    /// # Errors
    /// [`HandshakeError::WrongLength`], [`Sealed`](HandshakeError::Sealed) or [`Info`](HandshakeError::Info).
    pub fn open_server_info(&self, payload: &[u8]) -> Result<ServerInfo, HandshakeError> {
        let frame_type = FrameType::SERVER_INFO;
        let wrong_length = HandshakeError::WrongLength { frame_type, len: payload.len() };
        bounded(frame_type, payload.len(), NONCE_LEN, limits::MAX_CLIENT_FRAME)?;
        let (nonce, sealed) = payload.split_first_chunk().ok_or(wrong_length)?;
        Ok(ServerInfo::from_json(&self.open(nonce, sealed)?)?)
    }

    /// Tag, then ciphertext.
    fn seal(&self, nonce: &[u8; NONCE_LEN], body: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; TAG_LEN];
        sealed.extend_from_slice(body);
        let (tag, text) = sealed.split_at_mut(TAG_LEN);
        #[expect(clippy::expect_used, reason = "this cipher fails only if given associated data")]
        let computed =
            self.0.encrypt_in_place_detached(&Nonce::from(*nonce), &[], text).expect("no such data");
        tag.copy_from_slice(&computed);
        sealed
    }

    fn open(&self, nonce: &[u8; NONCE_LEN], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, HandshakeError> {
        let (tag, text) = sealed.split_first_chunk::<TAG_LEN>().ok_or(HandshakeError::Sealed)?;
        let mut body = Zeroizing::new(text.to_vec());
        self.0
            .decrypt_in_place_detached(&Nonce::from(*nonce), &[], &mut body, &Tag::from(*tag))
            .map_err(|_| HandshakeError::Sealed)?;
        Ok(body)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(***)")
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
