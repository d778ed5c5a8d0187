use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::Trust;

fn dialer() -> Dialer {
    Dialer::new(Trust::system([]).unwrap())
}

async fn fetched(dialer: Dialer, url: &str) -> Result<Document, FetchError> {
    dialer.fetch(&Wanted::new(url, 1_000)).await
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr.to_string())
}

/// The next connection, once its request has come; and the path that it asks for.
async fn asked(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let path = path(&mut stream).await;
    (stream, path)
}

async fn path(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned()
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_in_chunks_is_read_up_to_the_limit_and_not_beyond() {
    const LEN: usize = 5_000;
    let (listener, addr) = listener().await;
    let serving = async {
        for _ in 0..2 {
            let (mut stream, _) = asked(&listener).await;
            stream.write_all(CHUNKED).await.unwrap();
            // Who has seen enough hangs up.
            drop(stream.write_all(&b"1\r\nx\r\n".repeat(LEN)).await);
            drop(stream.write_all(b"0\r\n\r\n").await);
        }
    };
    let url = format!("http://{addr}/");
    let fetching = async {
        let whole = dialer().fetch(&Wanted::new(&url, LEN)).await.unwrap();
        let long = dialer().fetch(&Wanted::new(&url, LEN - 1)).await.unwrap_err();
        (whole, long)
    };
    let ((whole, long), ()) = tokio::join!(fetching, serving);
    assert_eq!(whole.body, b"x".repeat(LEN));
    assert!(matches!(long, FetchError::TooLong { limit } if limit == LEN - 1), "{long:?}");
}

#[tokio::test]
async fn a_body_that_trickles_ends_with_the_time_for_all_of_it() {
    let (listener, addr) = listener().await;
    let serving = async {
        let (mut stream, _) = asked(&listener).await;
        stream.write_all(CHUNKED).await.unwrap();
        // From here on nothing is waited for but the clock.
        tokio::time::pause();
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        for _ in 0..60 {
            ticks.tick().await;
            drop(stream.write_all(b"1\r\nx\r\n").await);
        }
        drop(stream.write_all(b"0\r\n\r\n").await);
    };
    let (dialer, url) = (dialer(), format!("http://{addr}/"));
    let (fetched, ()) = tokio::join!(fetched(dialer, &url), serving);
    assert!(matches!(fetched, Err(FetchError::Timeout { .. })), "{fetched:?}");
}

#[tokio::test]
async fn a_relative_redirect_is_followed_as_other_clients_do() {
    let (listener, addr) = listener().await;
    let serving = async {
        for (wanted, location) in [("/a/old", "new?x"), ("/a/new?x", "?y"), ("/a/new?y", "../b")] {
            let (mut stream, path) = asked(&listener).await;
            assert_eq!(path, wanted);
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        let (mut stream, _) = asked(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
    };
    let (dialer, url) = (dialer(), format!("http://{addr}/a/old"));
    let (fetched, ()) = tokio::join!(fetched(dialer, &url), serving);
    let fetched = fetched.unwrap();
    assert_eq!((fetched.url, fetched.body), (format!("http://{addr}/b"), b"{}".to_vec()));
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends_and_shows_no_token() {
    let (listener, addr) = listener().await;
    let serving = async {
        for _ in 0..=MAX_REDIRECTS {
            let (mut stream, _) = asked(&listener).await;
            let answer = b"HTTP/1.1 302 Found\r\nLocation: ?token=secret\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    };
    let url = format!("http://{addr}/map?token=secret");
    let (fetched, ()) = tokio::join!(fetched(dialer(), &url), serving);
    let err = fetched.unwrap_err().to_string();
    assert!(err.contains("/map?…") && err.contains("too many") && !err.contains("secret"), "{err}");
}

#[tokio::test]
async fn a_redirect_off_tls_is_refused_and_not_dialled() {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap().der().clone();
    let (secure, addr) = listener().await;
    let (plain, elsewhere) = listener().await;
    let serving = async {
        let (stream, _) = secure.accept().await.unwrap();
        let mut stream = acceptor(&key, certificate.clone()).accept(stream).await.unwrap();
        assert_eq!(path(&mut stream).await, "/map");
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/map\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let dialer = Dialer::new(Trust::only([certificate.clone()]).unwrap());
    let url = format!("https://{addr}/map");
    let fetching = async {
        tokio::select! {
            fetched = fetched(dialer, &url) => fetched,
            _ = plain.accept() => panic!("it was dialled"),
        }
    };
    let (fetched, ()) = tokio::join!(fetching, serving);
    let err = fetched.unwrap_err();
    assert!(matches!(&err, FetchError::Redirect { reason, .. } if reason.contains("TLS")), "{err:?}");
}

fn acceptor(key: &KeyPair, certificate: CertificateDer<'static>) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
