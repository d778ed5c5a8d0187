//! One node asked for STUN, by a socket of its own that hears of refusals.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout_at;
use wherry_wire::stun::{TxId, parse_response, request};

use crate::clock::{Clock, entropy};

/// When the question is repeated, and given up: each from the beginning.
const TRIES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];

/// Asks up to four times within two seconds: the round-trip time, and which address the server sees.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] if no answer comes; what the system says otherwise, a refusal among it.
pub(super) async fn ask(server: SocketAddr, from: Option<IpAddr>) -> io::Result<(Duration, SocketAddr)> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = from.filter(|from| from.is_ipv4() == server.is_ipv4()).unwrap_or(any);
    let socket = UdpSocket::bind((from, 0)).await?;
    socket.connect(server).await?;
    let clock = Clock::start();
    let mut asked: Vec<(TxId, Duration)> = Vec::new();
    for end in TRIES {
        let tx = TxId(entropy()?);
        asked.push((tx, clock.now()));
        socket.send(&request(tx)).await?;
        match timeout_at(clock.at(end), answer(&socket, &asked)).await {
            Ok(Ok((sent, seen))) => return Ok((clock.now().saturating_sub(sent), seen)),
            Ok(Err(err)) => return Err(err),
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// When the answered question was asked, and the answer; anything else on the socket is passed over.
async fn answer(socket: &UdpSocket, asked: &[(TxId, Duration)]) -> io::Result<(Duration, SocketAddr)> {
    let mut datagram = [0; 1500];
    loop {
        let len = socket.recv(&mut datagram).await?;
        let Ok((tx, seen)) = parse_response(datagram.get(..len).unwrap_or_default()) else { continue };
        if let Some((_, sent)) = asked.iter().find(|(known, _)| *known == tx) {
            return Ok((*sent, seen));
        }
    }
}

#[cfg(test)]
mod tests {
    use wherry_wire::stun::{MAX_RESPONSE_LEN, parse_request, response};

    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

    #[tokio::test]
    async fn a_lost_question_is_asked_again_and_a_strangers_answer_is_passed_over() {
        let server = UdpSocket::bind((HERE, 0)).await.unwrap();
        let addr = server.local_addr().unwrap();
        let answering = async {
            let (mut datagram, mut out) = ([0; 1500], [0; MAX_RESPONSE_LEN]);
            server.recv_from(&mut datagram).await.unwrap();
            let (len, from) = server.recv_from(&mut datagram).await.unwrap();
            let tx = parse_request(&datagram[..len]).unwrap();
            let seen = "192.0.2.1:7".parse().unwrap();
            for (tx, seen) in [(TxId([9; 12]), "192.0.2.9:9".parse().unwrap()), (tx, seen)] {
                let len = response(tx, &seen, &mut out);
                server.send_to(&out[..len], from).await.unwrap();
            }
        };
        let clock = Clock::start();
        let (asked, ()) = tokio::join!(ask(addr, None), answering);
        let (took, seen) = asked.unwrap();
        assert_eq!(seen, "192.0.2.1:7".parse().unwrap());
        let all = clock.now();
        assert!(took + TRIES[0] <= all, "measured from the first question: {took:?} of {all:?}");
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_refuses() {
        // Out of 127.0.0.0/8, so that nobody else listens there.
        let [a, b, c] = entropy().unwrap();
        let closed = SocketAddr::from(([127, 1 + a % 254, b, 1 + c % 254], 3478));
        assert_eq!(ask(closed, None).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let silent = UdpSocket::bind((HERE, 0)).await.unwrap();
        let asked = ask(silent.local_addr().unwrap(), None).await;
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
