//! Whether a captive portal answers in place of the relays' port 80.
//!
//! Source: tailscale: net/captivedetection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::net::TcpSocket;
use tokio::time::timeout;
use wherry_wire::derp_map::{Address, DerpMap};

use crate::clock;
use crate::http::{self, Answer, HttpError};

/// How long one answer is waited for.
const LIMIT: Duration = Duration::from_secs(3);
/// The most nodes that are asked.
const MAX_NODES: usize = 5;
const NO_CACHE: &str = "Cache-Control: no-cache, no-store, must-revalidate, no-transform, max-age=0";

/// What came of the search for a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portal {
    pub(super) is_captive: bool,
    /// Nodes there were to ask.
    pub(super) nodes: usize,
}

/// Asks the map's nodes over each interface. Only what answers and answers wrongly is a portal.
pub(super) async fn detect(map: &DerpMap, home: Option<i64>, interfaces: &[String]) -> Portal {
    let nodes = nodes(map, home);
    for interface in interfaces {
        let asked = nodes.iter().map(|ip| ask(SocketAddr::from((*ip, 80)), Some(interface)));
        if join_all(asked).await.contains(&true) {
            return Portal { is_captive: true, nodes: nodes.len() };
        }
    }
    Portal { is_captive: false, nodes: nodes.len() }
}

/// Addresses that answer on port 80, those of the home first.
fn nodes(map: &DerpMap, home: Option<i64>) -> Vec<Ipv4Addr> {
    let regions = map.live_regions().map(|(_, region)| region);
    let mut regions: Vec<_> = regions.filter(|region| !region.avoid && !region.no_measure_no_home).collect();
    regions.sort_by_key(|region| Some(region.region_id) != home);
    let nodes = regions.into_iter().flat_map(|region| &region.nodes).filter(|node| node.can_port_80);
    let fixed = nodes.filter_map(|node| match node.ipv4_address() {
        Address::Fixed(ip) => Some(ip),
        _ => None,
    });
    fixed.take(MAX_NODES).collect()
}

/// Whether what answers at `node` is not the node.
async fn ask(node: SocketAddr, interface: Option<&str>) -> bool {
    let challenge = format!("ts_{}", node.ip());
    match timeout(LIMIT, answer(node, &challenge, interface)).await {
        Ok(Ok(answer)) => is_captive(&answer, &challenge),
        // Nobody answers: then nobody answers wrongly either.
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn answer(node: SocketAddr, challenge: &str, interface: Option<&str>) -> Result<Answer, HttpError> {
    let socket = TcpSocket::new_v4()?;
    // An old kernel lets only root choose; then the way out is asked, whichever it is.
    drop(bind(&socket, interface));
    let mut stream = socket.connect(node).await?;
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

fn is_captive(answer: &Answer, challenge: &str) -> bool {
    let expected = format!("response {challenge}");
    answer.status != 204 || answer.header("X-Tailscale-Response") != Some(expected.as_str())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use wherry_wire::derp_map::{Node, Region};

    use super::*;

    /// Whether a server with this answer is taken for a portal, and what it was asked.
    async fn asked(answer: &str) -> (bool, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
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
    async fn only_the_right_answer_to_the_challenge_is_no_portal() {
        let right = "HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_127.0.0.1\r\n\r\n";
        let (captive, request) = asked(right).await;
        assert!(!captive);
        assert!(request.starts_with("GET /generate_204?t="), "{request}");
        assert!(request.contains("\r\nX-Tailscale-Challenge: ts_127.0.0.1\r\n"), "{request}");
        for wrong in [
            "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_192.0.2.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Tailscale-Response: response ts_127.0.0.1\r\n\r\n",
        ] {
            assert!(asked(wrong).await.0, "{wrong}");
        }
    }

    #[tokio::test]
    async fn silence_and_refusal_are_no_portal() {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        assert!(!ask(closed, None).await);
        assert!(!asked("SSH-2.0-OpenSSH\r\n").await.0);
    }

    #[test]
    fn nodes_with_port_80_are_asked_the_homes_first_and_not_more_than_five() {
        let node = |ip: String| Node { ipv4: ip, can_port_80: true, ..Node::default() };
        let region = |id: i64| {
            let mut nodes: Vec<_> = (1..=4).map(|last| node(format!("192.0.{id}.{last}"))).collect();
            nodes.push(node("none".into()));
            nodes.push(Node { can_port_80: false, ..node(format!("192.0.{id}.9")) });
            (id, Some(Region { region_id: id, nodes, ..Region::default() }))
        };
        let mut map = DerpMap { regions: [region(1), region(2)].into(), ..DerpMap::default() };
        let text = |ips: Vec<Ipv4Addr>| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
        let homes = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.1.1"];
        assert_eq!(text(nodes(&map, Some(2))), homes);
        map.regions.get_mut(&2).unwrap().as_mut().unwrap().avoid = true;
        assert_eq!(text(nodes(&map, Some(2)))[0], "192.0.1.1");
        assert_eq!(nodes(&map, None).len(), 4);
    }
}
