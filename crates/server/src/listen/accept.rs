//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::connection::{Door, Face, serve};

/// How long to wait when the system has no file descriptor or memory for another connection: some will end meanwhile.
const OUT_OF_ROOM: Duration = Duration::from_millis(100);

/// Accepts connections until dropped; those that are not sessions by then end with it.
pub async fn accept(listener: TcpListener, face: Face, door: Arc<Door>) {
    let mut connections = JoinSet::new();
    let mut complained = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((socket, remote)) => {
                complained = false;
                let (face, door) = (face.clone(), Arc::clone(&door));
                connections.spawn(async move { serve(socket, remote, &face, &door).await });
            }
            Err(error) if is_out_of_room(&error) => {
                door.counters.accept_errors.add(1);
                if !complained {
                    tracing::error!(err = %error, "cannot accept connections; raise the limit of open files");
                    complained = true;
                }
                tokio::time::sleep(OUT_OF_ROOM).await;
            }
            // The connection ended before it was accepted: its own affair.
            Err(error) => tracing::debug!(err = %error, "accept failed"),
        }
    }
}

fn is_out_of_room(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}
