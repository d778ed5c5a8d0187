//! What answers on port 80 to the question by which clients look for captive portals.
//!
//! Source: tailscale: net/captivedetection.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::{Duration, UNIX_EPOCH};

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use wherry_wire::derp_map::{Address, Node};

use crate::clock;
use crate::http::{self, Answer, HttpError};

/// How long one answer is waited for.
const LIMIT: Duration = Duration::from_secs(3);
const NO_CACHE: &str = "Cache-Control: no-cache, no-store, must-revalidate, no-transform, max-age=0";

/// Who should answer 204, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    /// A node, which repeats a challenge as well. Clients ask by IPv4 alone.
    Node(SocketAddrV4),
    /// A host of the vendor.
    Vendor(&'static str),
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Whom was asked: a challenge is answered as only who understands it does.
    Witness,
    /// Somebody else.
    Stranger,
    /// Nobody, or nothing of HTTP.
    Nobody,
}

impl Witness {
    fn host(self) -> String {
        match self {
            Self::Node(addr) => addr.ip().to_string(),
            Self::Vendor(name) => name.to_owned(),
        }
    }

    /// What it has to repeat.
    fn challenge(self) -> Option<String> {
        match self {
            Self::Node(_) => Some(format!("ts_{}", self.host())),
            Self::Vendor(_) => None,
        }
    }

    fn has_answered(self, answer: &Answer) -> bool {
        let expected = self.challenge().map(|challenge| format!("response {challenge}"));
        let repeats = expected.is_none() || answer.header("X-Tailscale-Response") == expected.as_deref();
        answer.status == 204 && repeats
    }
}

/// Who is to answer for a node: clients ask at the IPv4 address of its entry, and resolve no name for it.
pub(crate) fn witness(node: &Node) -> Option<Witness> {
    match node.ipv4_address() {
        Address::Fixed(ip) => Some(Witness::Node(SocketAddrV4::new(ip, 80))),
        Address::Dns | Address::Off => None,
    }
}

/// What is wrong with a node that does not answer, though its entry says so.
pub(crate) const WRONG: &str = "CanPort80 is true, but no relay answers on 80/tcp: clients may take their network for a captive portal's";

/// What to do about it.
pub(crate) const CURE: &str =
    "take CanPort80 out of the entry, or let the relay answer there (wherry: http = \":80\") and open 80/tcp";

/// Asks `witness`, over this interface if one is named.
pub(crate) async fn ask(witness: Witness, interface: Option<&str>) -> Heard {
    match timeout(LIMIT, answer(witness, interface)).await {
        Ok(Ok(answer)) if witness.has_answered(&answer) => Heard::Witness,
        Ok(Ok(_)) => Heard::Stranger,
        Ok(Err(_)) | Err(_) => Heard::Nobody,
    }
}

async fn answer(witness: Witness, interface: Option<&str>) -> Result<Answer, HttpError> {
    let mut stream = match witness {
        Witness::Node(addr) => connect(addr.into(), interface).await?,
        Witness::Vendor(name) => connect_to_any(lookup_host((name, 80)).await?, interface).await?,
    };
    let seconds = clock::wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let challenge = witness.challenge().map(|challenge| format!("X-Tailscale-Challenge: {challenge}"));
    let headers: Vec<_> = [NO_CACHE.to_owned()].into_iter().chain(challenge).collect();
    http::head(&mut stream, &witness.host(), &format!("/generate_204?t={seconds}"), &headers).await
}

async fn connect_to_any(
    addrs: impl Iterator<Item = SocketAddr>,
    interface: Option<&str>,
) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for addr in addrs {
        match connect(addr, interface).await {
            Ok(stream) => return Ok(stream),
            Err(err) => last = err,
        }
    }
    Err(last)
}

async fn connect(addr: SocketAddr, interface: Option<&str>) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // An old kernel lets only root choose; then the way out is asked, whichever it is.
    drop(bind(&socket, interface));
    socket.connect(addr).await
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
        tokio::join!(ask(Witness::Node(addr), None), serving)
    }

    #[tokio::test]
    async fn only_the_right_answer_to_the_challenge_is_the_relays() {
        let right = "HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_127.0.0.1\r\n\r\n";
        let (heard, request) = asked(right).await;
        assert_eq!(heard, Heard::Witness);
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
        assert_eq!(ask(Witness::Node(nobody), None).await, Heard::Nobody);
        assert_eq!(asked("SSH-2.0-OpenSSH\r\n").await.0, Heard::Nobody);
    }

    #[tokio::test]
    async fn the_vendor_knows_no_challenge_and_has_only_to_say_204() {
        let vendor = Witness::Vendor("vendor.example");
        let is_it = |text: &'static [u8]| async move {
            let (mut near, mut far) = tokio::io::duplex(4096);
            far.write_all(text).await.unwrap();
            vendor.has_answered(&http::head(&mut near, "vendor.example", "/generate_204", &[]).await.unwrap())
        };
        assert!(is_it(b"HTTP/1.1 204 No Content\r\n\r\n").await);
        assert!(!is_it(b"HTTP/1.1 200 OK\r\n\r\n").await);
    }
}
