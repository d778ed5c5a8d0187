//! The STUN round over real sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::sleep_until;
use wherry_wire::stun::{TxId, parse_response, request};

use super::address::stun_address;
use super::round::{Question, Round};
use super::sockets::Sockets;
use super::why::Why;
use crate::clock::{Clock, entropy};

/// Plays the round, and takes up answers until `beside` has ended as well, as stock clients do; its result.
///
/// `content` is told as soon as the answers show that nothing stands between this host and the servers; it is dropped
/// when they do not.
pub(super) async fn play<T>(
    round: &mut Round,
    sockets: &Sockets,
    clock: Clock,
    content: oneshot::Sender<()>,
    beside: impl Future<Output = T>,
) -> T {
    let mut beside = pin!(beside);
    let mut result = None;
    let mut content = Some(content);
    let mut lookups = FuturesUnordered::new();
    loop {
        while let Some(question) = round.next_due(clock.now()) {
            lookups.push(find(question));
        }
        let is_over = round.is_over(clock.now());
        if is_over {
            let tell = content.take().filter(|_| round.is_content(clock.now()));
            // Whoever listened may have gone on without it.
            let _gone = tell.map(|tell| tell.send(()));
            if let Some(result) = result {
                return result;
            }
        }
        tokio::select! {
            found = lookups.next(), if !lookups.is_empty() => {
                if let Some((question, Ok(server))) = found {
                    ask(round, sockets, question, server, clock).await;
                }
            }
            (datagram, _) = sockets.recv() => {
                if let Ok((tx, seen)) = parse_response(&datagram) {
                    round.answered(tx, seen, clock.now());
                }
            }
            ended = &mut beside, if result.is_none() => result = Some(ended),
            () = sleep_until(clock.at(round.wake_at())), if !is_over => {}
        }
    }
}

async fn find(question: Question) -> (Question, Result<SocketAddr, Why>) {
    let server = stun_address(&question.node, question.family).await;
    (question, server)
}

/// Writes the question; what cannot be written is as lost as on the way.
async fn ask(round: &mut Round, sockets: &Sockets, question: Question, server: SocketAddr, clock: Clock) {
    let (Some(socket), Ok(tx)) = (sockets.of(question.family), entropy().map(TxId)) else { return };
    let family = question.family;
    round.sent(question, tx, clock.now());
    if socket.send_to(&request(tx), server).await.is_ok() {
        round.findings.sent(family);
    }
}
