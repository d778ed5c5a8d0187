use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, oneshot};
use tokio::task::JoinSet;
use wherry_client::Trust;

use super::*;

/// No relay hangs up before all have been asked, and each but the last only when the one after it has been left, so that
/// they end in the opposite order.
#[tokio::test]
async fn relays_are_examined_side_by_side_and_told_in_their_order() {
    const RELAYS: usize = 3;
    // No step takes that long: what ends is ended by a relay.
    let dialer = Dialer::new(Trust::system([]).unwrap()).with_budget(Duration::from_secs(30));
    let all_asked = Arc::new(Barrier::new(RELAYS));
    let (mut patients, mut relays) = (Vec::new(), JoinSet::new());
    let mut after: Option<oneshot::Receiver<()>> = None;
    for _ in 0..RELAYS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        patients.push(patient(listener.local_addr().unwrap()));
        let (all_asked, next) = (Arc::clone(&all_asked), after.take());
        let (left, is_left) = oneshot::channel();
        after = Some(is_left);
        relays.spawn(async move {
            let (first, _) = listener.accept().await.unwrap();
            all_asked.wait().await;
            if let Some(next) = next {
                next.await.unwrap();
            }
            hang_up(first).await;
            // Asked by its family, it was left before.
            hang_up(listener.accept().await.unwrap().0).await;
            left.send(()).unwrap_or_default();
        });
    }
    patients.reverse();
    let mut told = Vec::new();
    let examined = examine_all(&dialer, &patients, |patient, diagnosis| {
        told.push((patient.endpoint.port(), diagnosis.findings));
    });
    examined.await.unwrap();
    let ports: Vec<_> = told.iter().map(|(port, _)| *port).collect();
    assert_eq!(ports, patients.iter().map(|patient| patient.endpoint.port()).collect::<Vec<_>>());
    for (_, findings) in told {
        let faults: Vec<_> = findings.iter().filter(|finding| finding.is_fault()).collect();
        let [fault] = &faults[..] else { panic!("{findings:?}") };
        assert!(
            fault.part == Part::Tls && fault.found.contains("ended during the TLS handshake"),
            "{fault:?}"
        );
    }
}

#[test]
fn an_address_that_a_proxy_makes_up_is_told() {
    let mark = |ip: &str| named("relay.example", ip.parse().unwrap()).mark;
    assert_eq!([mark("198.18.0.5"), mark("198.20.0.5")], [Mark::Warning, Mark::Ok]);
}

/// Ends the connection before TLS does anything. Closed with the client's words unread, it would break instead.
async fn hang_up(mut stream: TcpStream) {
    stream.shutdown().await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
}

fn patient(addr: SocketAddr) -> Patient {
    Patient {
        endpoint: format!("https://{addr}").parse().unwrap(),
        map: None,
        stun_port: None,
        stun_ip: None,
        ip: None,
        stun_is_guess: false,
        key: None,
        is_here: false,
        is_open: false,
    }
}
