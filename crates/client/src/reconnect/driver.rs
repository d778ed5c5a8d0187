//! The driving and receiving face.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use wherry_wire::key::NodePublic;

use super::backoff::Backoff;
use super::handle::ReconnectingSender;
use crate::clock;
use crate::connection::{Connection, Identity, Message, RecvError};
use crate::dial::{DialError, Dialer};
use crate::target::Target;

/// A connection that is dialled again, with growing pauses, whenever it is gone.
///
/// One task calls [`next`](Self::next) in a loop; any number send by a [`ReconnectingSender`].
pub struct Reconnecting {
    dialer: Dialer,
    target: Target,
    identity: Identity,
    backoff: Backoff,
    handle: ReconnectingSender,
    state: State,
    generation: u64,
    /// The pause the relay asked for when it said that it restarts.
    advice: Option<Duration>,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A new connection is open, and was told again what the one before was told.
    Connected {
        /// Counts connections from 1.
        generation: u64,
        /// The relay's key; another one than before means another relay behind the same name.
        server: NodePublic,
    },
    /// The relay tells something.
    Message {
        /// The connection it came by; what another one told of peers is void.
        generation: u64,
        /// What it tells.
        message: Message,
    },
    /// The connection is gone.
    Lost {
        /// The connection that is gone.
        generation: u64,
        /// Why.
        error: RecvError,
        /// The pause before the next dial.
        retry_in: Duration,
    },
    /// A dial failed.
    Failed {
        /// Why.
        error: DialError,
        /// The pause before the next dial.
        retry_in: Duration,
    },
}

type Dialing = Pin<Box<dyn Future<Output = Result<Connection, DialError>> + Send>>;

enum State {
    Idle,
    Pausing(Pin<Box<Sleep>>),
    Dialing(Dialing),
    Open { connection: Box<Connection>, since: Instant },
}

impl Reconnecting {
    /// Dials nothing yet; the first [`next`](Self::next) does.
    #[must_use]
    pub fn new(dialer: Dialer, target: Target, identity: Identity, backoff: Backoff) -> Self {
        let handle = ReconnectingSender::default();
        Self { dialer, target, identity, backoff, handle, state: State::Idle, generation: 0, advice: None }
    }

    /// The sending face.
    #[must_use]
    pub fn sender(&self) -> ReconnectingSender {
        self.handle.clone()
    }

    /// The next thing that happens; dials when there is no connection. Never ends.
    ///
    /// Cancel safety: safe, neither a message nor the progress of a dial or a pause is lost; but nothing goes on
    /// while nobody calls it.
    pub async fn next(&mut self) -> Event {
        loop {
            match &mut self.state {
                State::Idle => self.state = State::Dialing(self.dial()),
                State::Pausing(pause) => {
                    pause.await;
                    self.state = State::Dialing(self.dial());
                }
                State::Dialing(dialing) => {
                    let result = dialing.await;
                    return self.dialled(result);
                }
                State::Open { connection, since } => {
                    let (result, lived) = (connection.recv().await, clock::now() - *since);
                    return self.received(result, lived);
                }
            }
        }
    }

    fn dial(&self) -> Dialing {
        let (dialer, target, identity) = (self.dialer.clone(), self.target.clone(), self.identity.clone());
        let handle = self.handle.clone();
        Box::pin(async move {
            let connection = dialer.connect(&target, &identity).await?;
            // If this fails, so does the first receive, and that is where it is reported.
            drop(handle.connected(connection.sender()).await);
            Ok(connection)
        })
    }

    fn dialled(&mut self, result: Result<Connection, DialError>) -> Event {
        match result {
            Ok(connection) => {
                self.generation += 1;
                self.advice = None;
                let server = connection.server_key();
                self.state = State::Open { connection: Box::new(connection), since: clock::now() };
                Event::Connected { generation: self.generation, server }
            }
            Err(error) => Event::Failed { error, retry_in: self.pause() },
        }
    }

    fn received(&mut self, result: Result<Message, RecvError>, lived: Duration) -> Event {
        let generation = self.generation;
        match result {
            Ok(message) => {
                if let Message::Restarting { reconnect_in, .. } = message {
                    self.advice = Some(reconnect_in);
                }
                Event::Message { generation, message }
            }
            Err(error) => {
                self.handle.disconnected();
                self.backoff.ended_after(lived);
                Event::Lost { generation, error, retry_in: self.pause() }
            }
        }
    }

    /// Starts the pause: the relay's advice if it is no longer than ours could be, else ours.
    fn pause(&mut self) -> Duration {
        let ours = self.backoff.pause(clock::up_to);
        let pause = self.advice.take().filter(|advice| *advice <= self.backoff.bound()).unwrap_or(ours);
        self.state = State::Pausing(Box::pin(sleep(pause)));
        pause
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.handle.disconnected();
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Idle => "idle",
            State::Pausing(_) => "pausing",
            State::Dialing(_) => "dialling",
            State::Open { .. } => "open",
        };
        let mut shown = f.debug_struct("Reconnecting");
        shown.field("state", &state).field("generation", &self.generation).finish_non_exhaustive()
    }
}
