//! One packet through a relay.

use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use wherry_client::{Connection, DialError, Message, NodePublic, RecvError, SendError, Sent};
use wherry_server::clock::Clock;

/// Why the packet did not come out again.
#[derive(Debug, Error)]
pub(super) enum Lost {
    #[error("the packet could not be sent: {0}")]
    Send(#[from] SendError),
    #[error("the relay allows too little traffic for one packet")]
    OverLimit,
    #[error("the connection ended before the packet came: {0}")]
    Recv(#[from] RecvError),
    #[error("the packet did not come out within {} ms", limit.as_millis())]
    Timeout { limit: Duration },
    #[error("a second connection for the packet's way out fails: {0}")]
    Partner(DialError),
    #[error("no random bytes for the packet")]
    Entropy,
}

/// How a packet goes: from one connection to another, or to the one that sends it.
pub(super) enum Way<'a> {
    Across(&'a mut Connection, &'a mut Connection),
    Back(&'a mut Connection),
}

/// Sends one packet to the peer `dst`, whose connection is the way's end; how long it was under way.
///
/// # Errors
/// [`Lost`].
pub(super) async fn trip(
    way: Way<'_>,
    dst: &NodePublic,
    limit: Duration,
    clock: &Clock,
) -> Result<Duration, Lost> {
    let payload: [u8; 64] = clock.random().map_err(|_| Lost::Entropy)?;
    let start = clock.now();
    let work = async {
        let end = match way {
            Way::Across(from, to) => {
                send(from, dst, &payload).await?;
                to
            }
            Way::Back(connection) => {
                send(connection, dst, &payload).await?;
                connection
            }
        };
        arrive(end, &payload).await
    };
    timeout(limit, work).await.unwrap_or(Err(Lost::Timeout { limit }))?;
    Ok(clock.now().saturating_sub(start))
}

async fn send(from: &Connection, dst: &NodePublic, payload: &[u8]) -> Result<(), Lost> {
    match from.send(dst, payload).await? {
        Sent::Written => Ok(()),
        Sent::OverLimit => Err(Lost::OverLimit),
    }
}

async fn arrive(at: &mut Connection, payload: &[u8]) -> Result<(), Lost> {
    loop {
        if let Message::Packet { packet, .. } = at.recv().await?
            && packet == payload
        {
            return Ok(());
        }
    }
}
