//! The door: open what came off the socket, seal what goes to it.

use rustls::ProtocolVersion::TLSv1_3;
use rustls::server::UnbufferedServerConnection;

use super::error::CodecError;
use super::records::{self, Opened};
use super::websocket::WebSocket;

/// The state of one connection's layers, without any buffer.
pub struct Codec {
    tls: Option<Box<UnbufferedServerConnection>>,
    websocket: Option<Box<WebSocket>>,
    ended: bool,
}

/// The layers of a codec, as far as its directions come apart.
pub(super) enum Layers {
    Plain,
    Tls13(Box<UnbufferedServerConnection>),
    /// One state for both directions.
    Joined(Codec),
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codec")
            .field("tls", &self.tls.is_some())
            .field("websocket", &self.websocket.is_some())
            .field("ended", &self.ended)
            .finish()
    }
}

impl Codec {
    /// A codec for a plain TCP connection.
    #[must_use]
    pub const fn plain() -> Self {
        Self { tls: None, websocket: None, ended: false }
    }

    /// A codec that begins with the TLS handshake.
    ///
    /// # Errors
    /// [`CodecError::Tls`] if `config` cannot serve any connection.
    pub fn tls(config: std::sync::Arc<rustls::ServerConfig>) -> Result<Self, CodecError> {
        let tls = Box::new(UnbufferedServerConnection::new(config)?);
        Ok(Self { tls: Some(tls), websocket: None, ended: false })
    }

    /// Puts WebSocket messages between TLS and DERP, from the next byte on.
    pub fn upgrade_to_websocket(&mut self) {
        self.websocket = Some(Box::new(WebSocket::new()));
    }

    /// Whether application bytes can be sealed: always for plain TCP, after the handshake for TLS.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// What it is made of, for whoever takes its directions apart.
    ///
    /// # Errors
    /// [`CodecError::Closed`] after an error or [`Self::close`].
    pub(super) fn into_layers(mut self) -> Result<Layers, CodecError> {
        if self.ended {
            return Err(CodecError::Closed);
        }
        Ok(match self.tls.take() {
            None if self.websocket.is_none() => Layers::Plain,
            Some(tls) if self.websocket.is_none() && tls.protocol_version() == Some(TLSv1_3) => {
                Layers::Tls13(tls)
            }
            tls => Layers::Joined(Self { tls, ..self }),
        })
    }

    /// Opens everything whole in `wire`, appending the DERP bytes to `plain` and answers for the peer to `reply`.
    ///
    /// `wire` may be overwritten up to [`Opened::consumed`].
    ///
    /// # Errors
    /// Any [`CodecError`]; `reply` may still hold an alert or a close message worth sending.
    pub fn open(
        &mut self,
        wire: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, CodecError> {
        if self.ended {
            return Err(CodecError::Closed);
        }
        let opened = self.open_layers(wire, plain, reply);
        self.ended |= opened.is_err();
        opened
    }

    fn open_layers(
        &mut self,
        wire: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, CodecError> {
        if self.websocket.is_none() {
            return open_below(self.tls.as_deref_mut(), wire, plain, reply);
        }
        // WebSocket connections are browsers: few, so a buffer of their own costs nobody else.
        let mut messages = Vec::new();
        let mut opened = open_below(self.tls.as_deref_mut(), wire, &mut messages, reply)?;
        opened.finished |= self.open_messages(&messages, plain, reply)?;
        Ok(opened)
    }

    /// Opens WebSocket `messages` that left TLS already. Returns whether the peer closed.
    pub(super) fn open_messages(
        &mut self,
        messages: &[u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<bool, CodecError> {
        let Some(websocket) = &mut self.websocket else { return Err(CodecError::Closed) };
        let mut answers = Vec::new();
        let finished = websocket.open(messages, plain, &mut answers);
        seal_below(self.tls.as_deref_mut(), &answers, reply)?;
        finished
    }

    /// Seals all of `plain` (as many WebSocket messages and TLS records as it takes), appending to `out`.
    ///
    /// # Errors
    /// [`CodecError::Closed`] after an error or [`Self::close`]; [`CodecError::Tls`] when the cipher is exhausted.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        if self.ended {
            return Err(CodecError::Closed);
        }
        let sealed = match &mut self.websocket {
            None => seal_below(self.tls.as_deref_mut(), plain, out),
            Some(websocket) => {
                let mut message = Vec::with_capacity(plain.len() + 16);
                websocket
                    .seal(plain, &mut message)
                    .and_then(|()| seal_below(self.tls.as_deref_mut(), &message, out))
            }
        };
        self.ended |= sealed.is_err();
        sealed
    }

    /// Appends the farewell of each layer to `out`; nothing can be sealed or opened afterwards.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.close_layers(out, None);
    }

    /// As [`Self::close`], giving a WebSocket peer the reason `code` (RFC 6455, section 7.4).
    pub fn close_with_code(&mut self, out: &mut Vec<u8>, code: u16, reason: &'static str) {
        self.close_layers(out, Some((code, reason)));
    }

    fn close_layers(&mut self, out: &mut Vec<u8>, code: Option<(u16, &'static str)>) {
        if self.ended {
            return;
        }
        self.ended = true;
        if let Some(websocket) = &mut self.websocket {
            let mut message = Vec::new();
            websocket.close(code, &mut message);
            if seal_below(self.tls.as_deref_mut(), &message, out).is_err() {
                return;
            }
        }
        if let Some(tls) = &mut self.tls {
            records::close(tls, out);
        }
    }
}

fn open_below(
    tls: Option<&mut UnbufferedServerConnection>,
    wire: &mut [u8],
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
) -> Result<Opened, CodecError> {
    match tls {
        Some(tls) => Ok(records::open(tls, wire, plain, reply)?),
        None => {
            plain.extend_from_slice(wire);
            Ok(Opened { consumed: wire.len(), finished: false })
        }
    }
}

fn seal_below(
    tls: Option<&mut UnbufferedServerConnection>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    match tls {
        _ if plain.is_empty() => Ok(()),
        Some(tls) => Ok(records::seal(tls, plain, out)?),
        None => {
            out.extend_from_slice(plain);
            Ok(())
        }
    }
}
