//! The sending face.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wherry_wire::key::NodePublic;

use crate::connection::{PingError, SendError, Sender, Sent};

/// Sends on whatever connection there is at the moment; cheap to clone, for any number of tasks.
///
/// Cancel safety is that of [`Sender`].
#[derive(Debug, Clone, Default)]
pub struct ReconnectingSender {
    wishes: Arc<Mutex<Wishes>>,
}

/// The current connection, and what each new one is told first.
#[derive(Debug, Default)]
struct Wishes {
    sender: Option<Sender>,
    is_home: bool,
    is_watching: bool,
}

impl ReconnectingSender {
    /// As [`Sender::send`]; without a connection the packet is lost, as on any relay's way.
    ///
    /// # Errors
    /// As there; [`SendError::Closed`] without a connection.
    pub async fn send(&self, dst: &NodePublic, packet: &[u8]) -> Result<Sent, SendError> {
        self.current()?.send(dst, packet).await
    }

    /// As [`Sender::forward`].
    ///
    /// # Errors
    /// As there; [`SendError::Closed`] without a connection.
    pub async fn forward(&self, src: &NodePublic, dst: &NodePublic, packet: &[u8]) -> Result<(), SendError> {
        self.current()?.forward(src, dst, packet).await
    }

    /// As [`Sender::close_peer`].
    ///
    /// # Errors
    /// As there; [`SendError::Closed`] without a connection.
    pub async fn close_peer(&self, peer: &NodePublic) -> Result<(), SendError> {
        self.current()?.close_peer(peer).await
    }

    /// As [`Sender::ping`]; somebody must be in [`Reconnecting::next`](super::Reconnecting::next) meanwhile.
    ///
    /// # Errors
    /// As there; [`SendError::Closed`] without a connection.
    pub async fn ping(&self, limit: Duration) -> Result<Duration, PingError> {
        self.current()?.ping(limit).await
    }

    /// Tells this and every later connection whether the relay is this node's home; not yet connected is fine.
    ///
    /// # Errors
    /// [`SendError::Io`], [`SendError::Closed`] if the present connection is just ending; the wish is kept.
    pub async fn note_preferred(&self, is_home: bool) -> Result<(), SendError> {
        let sender = {
            let mut wishes = self.wishes();
            wishes.is_home = is_home;
            wishes.sender.clone()
        };
        match sender {
            Some(sender) => sender.note_preferred(is_home).await,
            None => Ok(()),
        }
    }

    /// Asks this and every later connection to tell of all peers; not yet connected is fine.
    ///
    /// # Errors
    /// [`SendError::Io`], [`SendError::Closed`] if the present connection is just ending; the wish is kept.
    pub async fn watch(&self) -> Result<(), SendError> {
        let sender = {
            let mut wishes = self.wishes();
            wishes.is_watching = true;
            wishes.sender.clone()
        };
        match sender {
            Some(sender) => sender.watch().await,
            None => Ok(()),
        }
    }

    /// Takes over a new connection and tells it what earlier ones were told.
    pub(super) async fn connected(&self, sender: &Sender) -> Result<(), SendError> {
        let (mut told_home, is_watching) = {
            let mut wishes = self.wishes();
            wishes.sender = Some(sender.clone());
            (false, wishes.is_watching)
        };
        if is_watching {
            sender.watch().await?;
        }
        // Another task may change its mind between the look and the write; the last word must be the relay's.
        loop {
            let is_home = self.wishes().is_home;
            if is_home == told_home {
                return Ok(());
            }
            sender.note_preferred(is_home).await?;
            told_home = is_home;
        }
    }

    pub(super) fn disconnected(&self) {
        self.wishes().sender = None;
    }

    fn current(&self) -> Result<Sender, SendError> {
        self.wishes().sender.clone().ok_or(SendError::Closed)
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
