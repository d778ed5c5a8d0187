//! What answers on port 80 to the question by which clients look for captive portals.
//!
//! Source: tailscale: net/captivedetection.

use std::io;
use std::net::SocketAddrV4;
use std::time::{Duration, UNIX_EPOCH};

use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::clock;
use crate::http::{self, Answer, HttpError};

/// How long one answer is waited for.
const LIMIT: Duration = Duration::from_secs(3);
const NO_CACHE: &str = "Cache-Control: no-cache, no-store, must-revalidate, no-transform, max-age=0";

/// Who answers at a node's address. Clients ask by IPv4 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The relay: the challenge is answered as only who understands it does.
    Relay,
    /// Somebody else.
    Stranger,
    /// Nobody, or nothing of HTTP.
    Nobody,
}

/// Asks `node`, over this interface if one is named.
pub(crate) async fn ask(node: SocketAddrV4, interface: Option<&str>) -> Heard {
    let challenge = format!("ts_{}", node.ip());
    match timeout(LIMIT, answer(node, &challenge, interface)).await {
        Ok(Ok(answer)) if is_right(&answer, &challenge) => Heard::Relay,
        Ok(Ok(_)) => Heard::Stranger,
        Ok(Err(_)) | Err(_) => Heard::Nobody,
    }
}

async fn answer(node: SocketAddrV4, challenge: &str, interface: Option<&str>) -> Result<Answer, HttpError> {
    let socket = TcpSocket::new_v4()?;
    // An old kernel lets only root choose; then the way out is asked, whichever it is.
    drop(bind(&socket, interface));
    let mut stream = socket.connect(node.into()).await?;
    let seconds = clock::wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let headers = [NO_CACHE.to_owned(), format!("X-Tailscale-Challenge: {challenge}")];
    http::head(&mut stream, &node.ip().to_string(), &format!("/generate_204?t={seconds}"), &headers).await
}

/// To one interface, since a portal may stand behind one that is not the way out yet.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind(socket: &TcpSocket, interface: Option<&str>) -> io::Result<()> {
    socket2::SockRef::from(socket).bind_device(interface.map(str::as_bytes))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
fn bind(_: &TcpSocket, _: Option<&str>) -> io::Result<()> {
    Ok(())
}

fn is_right(answer: &Answer, challenge: &str) -> bool {
    let expected = format!("response {challenge}");
    answer.status == 204 && answer.header("X-Tailscale-Response") == Some(expected.as_str())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Who a server with this answer is taken for, and what it was asked.
    async fn asked(answer: &str) -> (Heard, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let SocketAddr::V4(addr) = listener.local_addr().unwrap() else { panic!("it was bound to IPv4") };
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buf = vec![0; 4096];
            let len = stream.read(&mut buf).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&buf[..len]).into_owned()
        };
        tokio::join!(ask(addr, None), serving)
    }

    #[tokio::test]
    async fn only_the_right_answer_to_the_challenge_is_the_relays() {
        let right = "HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_127.0.0.1\r\n\r\n";
        let (heard, request) = asked(right).await;
        assert_eq!(heard, Heard::Relay);
        assert!(request.starts_with("GET /generate_204?t="), "{request}");
        assert!(request.contains("\r\nX-Tailscale-Challenge: ts_127.0.0.1\r\n"), "{request}");
        for wrong in [
            "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_192.0.2.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Tailscale-Response: response ts_127.0.0.1\r\n\r\n",
        ] {
            assert_eq!(asked(wrong).await.0, Heard::Stranger, "{wrong}");
        }
    }

    #[tokio::test]
    async fn silence_and_refusal_are_nobody() {
        // Out of 127.0.0.0/8, so that nobody else listens there.
        let [a, b, c] = clock::entropy().unwrap();
        let nobody = SocketAddrV4::new(Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254), 80);
        assert_eq!(ask(nobody, None).await, Heard::Nobody);
        assert_eq!(asked("SSH-2.0-OpenSSH\r\n").await.0, Heard::Nobody);
    }
}
