//! Each way a dial fails names its step and its cause.

use wherry_client::{
    AttemptError, DialError, Dialer, HandshakeError, Identity, RecvError, Step, Target, TlsError,
    UpgradeError, Verify,
};

use crate::exchange::{connect, dialer};
use crate::subject::{Kind, Relay};

async fn failure(dialer: &Dialer, target: &Target) -> DialError {
    dialer.connect(target, &Identity::throw_away().unwrap()).await.unwrap_err()
}

#[tokio::test]
async fn a_key_that_is_not_admitted_is_refused_in_the_handshake() {
    let Some(relay) = Relay::start_closed() else { return };
    let target = Target::one(relay.endpoint("https").with_verify(Verify::Pin(relay.pin())));
    for dialer in [dialer(), dialer().without_fast_start()] {
        let err = failure(&dialer, &target).await;
        assert!(matches!(err, DialError::Handshake(HandshakeError::Refused)), "{err:?}");
        assert_eq!(err.step(), Step::Handshake);
    }
}

#[tokio::test]
async fn a_server_without_derp_answers_by_http_also_to_a_fast_start() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &["-derp=false"]) else { return };
    let target = Target::one(relay.endpoint("https").with_verify(Verify::Pin(relay.pin())));
    for dialer in [dialer(), dialer().without_fast_start()] {
        let err = failure(&dialer, &target).await;
        assert_eq!(err.to_string(), "the server answers with HTTP status 404: derp server disabled");
        assert_eq!(err.step(), Step::Upgrade);
    }
}

#[tokio::test]
async fn tls_to_a_plain_server_and_plain_to_a_tls_server_are_told_apart() {
    let Some(plain) = Relay::start(Kind::Http, &[]) else { return };
    let err = failure(&dialer(), &plain.target("https")).await;
    assert!(matches!(err, DialError::Tls(TlsError::NotTls)), "{err:?}");
    let Some(tls) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let err = failure(&dialer(), &tls.target("http")).await;
    let DialError::Handshake(HandshakeError::Upgrade(UpgradeError::Status { status: 400, .. })) = err else {
        panic!("{err:?}");
    };
}

#[tokio::test]
async fn a_closed_port_fails_at_tcp() {
    // Nobody listens on port 1 of this address.
    let err = failure(&dialer(), &"https://127.9.9.9:1".parse().unwrap()).await;
    assert_eq!(err.step(), Step::Tcp);
    let DialError::Unreachable { attempts } = err else { panic!("{err:?}") };
    assert!(
        matches!(attempts[..], [ref one] if matches!(one.error, AttemptError::Connect(_))),
        "{attempts:?}"
    );
}

#[tokio::test]
async fn watching_without_the_mesh_key_is_cut() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let (mut connection, _) = connect(&relay.target("http")).await;
    connection.sender().watch().await.unwrap();
    let err = connection.recv().await.unwrap_err();
    assert!(matches!(err, RecvError::Closed | RecvError::Io(_)), "{err:?}");
}
