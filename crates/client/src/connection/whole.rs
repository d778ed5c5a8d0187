//! An open connection, both halves together.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::split;
use wherry_wire::derp::ServerInfo;
use wherry_wire::key::NodePublic;

use super::handshake::Agreed;
use super::message::Message;
use super::outbox::Shared;
use super::pings::Pings;
use super::receiver::{Receiver, RecvError};
use super::sender::{PingError, SendError, Sender, Sent};
use crate::upgrade::ByteStream;

/// An open connection to one relay.
pub struct Connection {
    sender: Sender,
    receiver: Receiver,
    /// What came while a pong was awaited, oldest first.
    backlog: VecDeque<Message>,
    server: NodePublic,
    addr: SocketAddr,
    timings: Timings,
}

/// How long each step of a dial took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Name resolution; none for an address.
    pub dns: Option<Duration>,
    /// TCP, from the first packet to the connection.
    pub tcp: Duration,
    /// TLS handshake; none for plain HTTP.
    pub tls: Option<Duration>,
    /// From the HTTP request to the relay's first frame.
    pub upgrade: Duration,
    /// From then until the relay said that it takes this client.
    pub welcome: Duration,
    /// Whether the relay's key was known from its certificate, which saves a round trip.
    pub is_fast_start: bool,
}

/// The most messages kept while a pong is awaited.
const MAX_BACKLOG: usize = 1024;

impl Connection {
    pub(crate) fn new(
        stream: Box<dyn ByteStream>,
        buf: Vec<u8>,
        agreed: Agreed,
        addr: SocketAddr,
        timings: Timings,
    ) -> Self {
        let (reading, writing) = split(stream);
        let shared = Arc::new(Shared::new(writing));
        shared.limit(&agreed.info);
        let pings = Arc::new(Pings::default());
        let sender = Sender { shared: Arc::clone(&shared), pings: Arc::clone(&pings) };
        let receiver = Receiver::new(reading, shared, pings, (agreed.key, agreed.info), buf);
        Self { sender, receiver, backlog: VecDeque::new(), server: agreed.server, addr, timings }
    }

    /// The relay's public key.
    #[must_use]
    pub fn server_key(&self) -> NodePublic {
        self.server
    }

    /// What the relay said about itself last, its send limit among it.
    #[must_use]
    pub fn server_info(&self) -> &ServerInfo {
        self.receiver.server_info()
    }

    /// The address that was dialled.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How long each step of the dial took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// The sending half, to clone.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The two halves, for two tasks. What came during a [`ping`](Self::ping) and was not received yet is lost.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&self, dst: &NodePublic, packet: &[u8]) -> Result<Sent, SendError> {
        self.sender.send(dst, packet).await
    }

    /// As [`Receiver::recv`], and as safe to cancel.
    ///
    /// # Errors
    /// As there.
    pub async fn recv(&mut self) -> Result<Message, RecvError> {
        match self.backlog.pop_front() {
            Some(message) => Ok(message),
            None => self.receiver.recv().await,
        }
    }

    /// Sends a ping and waits for its pong; the round-trip time.
    ///
    /// What else comes meanwhile is kept for [`recv`](Self::recv), up to 1024 messages; more end the wait.
    ///
    /// Cancel safety: safe, nothing is lost.
    ///
    /// # Errors
    /// [`PingError`]; after [`PingError::Timeout`] and [`PingError::Busy`] the connection stays usable.
    pub async fn ping(&mut self, limit: Duration) -> Result<Duration, PingError> {
        let (receiver, backlog) = (&mut self.receiver, &mut self.backlog);
        let reading = async {
            while backlog.len() < MAX_BACKLOG {
                match receiver.recv().await {
                    Ok(message) => backlog.push_back(message),
                    Err(_) => return PingError::Closed,
                }
            }
            PingError::Busy
        };
        tokio::select! {
            biased;
            pong = self.sender.ping(limit) => pong,
            err = reading => Err(err),
        }
    }

    /// Ends the connection, with a good-bye to the stream below.
    ///
    /// # Errors
    /// As [`Sender::close`].
    pub async fn close(self) -> Result<(), SendError> {
        self.sender.close().await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("addr", &self.addr)
            .field("timings", &self.timings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "whole_tests.rs"]
mod tests;
