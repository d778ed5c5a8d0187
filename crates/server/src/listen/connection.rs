//! One connection from accept to session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::AlertDescription;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wherry_switch::MemoryClaim;

use crate::http::{self, Site, Takeover, WebSocket};
use crate::metrics::{Counters, Refusal};
use crate::session::{self, Arrival, Before, Knocks, Refused, Relay, Whereabouts};
use crate::transport::{Codec, CodecError, EstablishError, Stream};

/// Memory of a connection that has said nothing yet: its task, its socket and a deadline.
const SILENT_BYTES: usize = 4 << 10;

/// Memory of one that speaks: buffers of TLS and HTTP for both directions, at most a record or a request's head each.
const SPEAKING_BYTES: usize = 48 << 10;

/// What stands behind every listener.
#[derive(Debug)]
pub struct Door {
    /// Where sessions live.
    pub relay: Arc<Relay>,
    /// What HTTP answers.
    pub site: Site,
    /// Where the front counts.
    pub counters: Arc<Counters>,
    /// Clients that refused the certificate.
    pub refusers: Knocks<Whereabouts>,
}

/// What a listener speaks.
#[derive(Debug, Clone)]
pub enum Face {
    /// DERP over HTTP over TLS.
    Tls(Arc<rustls::ServerConfig>),
    /// DERP over HTTP.
    Plain,
    /// The plain HTTP beside a TLS listener: redirects and the captive-portal check.
    Port80,
}

impl Door {
    /// Whoever runs the relay asks why machines stay away whose map has an old pin; here is where it shows.
    fn tell_refuser(&self, remote: SocketAddr, alert: AlertDescription) {
        let told = self.refusers.told(remote.ip().into(), self.relay.clock.now());
        let Some(Before { unlogged, left_out }) = told else { return };
        tracing::info!(
            addr = %remote, alert = alert.as_str(), unlogged, left_out,
            "a client refuses the certificate; if it is one of yours, compare its map with `wherry map entry`"
        );
    }
}

/// Serves a connection until it is a session or over.
pub(super) async fn serve(socket: TcpStream, remote: SocketAddr, face: &Face, door: &Door) {
    // IPv4 clients of a dual-stack listener are IPv4 clients.
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    door.counters.accepted.add(1);
    let mut memory = door.relay.switch.memory().claim_refusable();
    if !memory.cover(if matches!(face, Face::Tls(_)) { SILENT_BYTES } else { SPEAKING_BYTES }) {
        return door.counters.refuse(Refusal::Memory);
    }
    let stream = match face {
        Face::Tls(config) => match establish(socket, config, door.site.patience, &mut memory).await {
            Ok(stream) => stream,
            Err(Unestablished { refusal, objection }) => {
                if let Some(alert) = objection {
                    door.tell_refuser(remote, alert);
                }
                tracing::debug!(addr = %remote, reason = refusal.name(), "refused before HTTP");
                return door.counters.refuse(refusal);
            }
        },
        Face::Plain => Stream::new(socket, Codec::plain(), Vec::new()),
        Face::Port80 => {
            let stream = Stream::new(socket, Codec::plain(), Vec::new());
            return http::serve_port80(stream, &door.site, &door.counters).await;
        }
    };
    let Some(takeover) = Box::pin(http::serve(stream, &door.site, &door.counters)).await else { return };
    door.counters.upgraded.add(1);
    if let Err(error) = Box::pin(enter(takeover, remote, memory, door)).await {
        tracing::debug!(addr = %remote, err = %error, "refused");
        door.counters.refuse(error.reason());
    }
}

/// From the upgrade to the session.
async fn enter(
    takeover: Takeover,
    remote: SocketAddr,
    memory: MemoryClaim,
    door: &Door,
) -> Result<(), Refused> {
    let Takeover { upgrade, mut stream } = takeover;
    let mut greeting = upgrade.head;
    if let Some(websocket) = upgrade.websocket {
        let head = std::mem::take(&mut greeting);
        let speaking = speak_websocket(&mut stream, &head, websocket);
        tokio::time::timeout(door.relay.timing.handshake, speaking).await.unwrap_or(Err(Refused::TooSlow))?;
        door.counters.websocket_sessions.add(1);
    }
    let arrival = Arrival { remote, greeting, not_ideal: upgrade.not_ideal };
    session::accept(stream, arrival, memory, &door.relay).await
}

/// Answers a WebSocket handshake and changes over to messages.
async fn speak_websocket(stream: &mut Stream, head: &[u8], websocket: WebSocket) -> Result<(), Refused> {
    stream.write_all(head).await?;
    stream.upgrade_to_websocket()?;
    if websocket == WebSocket::OtherProtocol {
        stream.close_with_code(1008, "client must speak the derp subprotocol").await?;
        return Err(Refused::OtherSubprotocol);
    }
    Ok(())
}

/// What plain HTTP gets on a TLS port, word for word as Go's server says it.
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Why there is no TLS with a client.
#[derive(Debug)]
struct Unestablished {
    refusal: Refusal,
    /// What the client has against the certificate, if that is it.
    objection: Option<AlertDescription>,
}

impl From<Refusal> for Unestablished {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, objection: None }
    }
}

impl Unestablished {
    fn of(error: &EstablishError) -> Self {
        match error {
            EstablishError::Codec(error) => {
                tracing::debug!(err = %error, "TLS handshake failed");
                Self { refusal: Refusal::Tls, objection: objection(error) }
            }
            EstablishError::Io(_) | EstablishError::HungUp => Refusal::HungUp.into(),
        }
    }
}

/// The alert by which a client says that it does not take the certificate.
fn objection(error: &CodecError) -> Option<AlertDescription> {
    match error {
        CodecError::Tls(rustls::Error::AlertReceived(alert)) => Some(*alert).filter(|alert| {
            matches!(
                alert,
                AlertDescription::BadCertificate
                    | AlertDescription::UnsupportedCertificate
                    | AlertDescription::CertificateRevoked
                    | AlertDescription::CertificateExpired
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::UnknownCA
            )
        }),
        _ => None,
    }
}

/// The TLS handshake, within `patience` from the first wait to the end.
async fn establish(
    socket: TcpStream,
    config: &Arc<rustls::ServerConfig>,
    patience: Duration,
    memory: &mut MemoryClaim,
) -> Result<Stream, Unestablished> {
    tokio::time::timeout(patience, async {
        // A connection that says nothing has no TLS state yet.
        let first = first_bytes(&socket).await?;
        if looks_like_http(&first) {
            answer_plainly(socket).await;
            return Err(Refusal::HttpOnTls.into());
        }
        if !memory.cover(SPEAKING_BYTES) {
            return Err(Refusal::Memory.into());
        }
        let codec = Codec::tls(Arc::clone(config)).map_err(|_| Refusal::Tls)?;
        let mut stream = Stream::new(socket, codec, first);
        stream.establish().await.map_err(|error| Unestablished::of(&error))?;
        Ok(stream)
    })
    .await
    .unwrap_or(Err(Refusal::TooSlow.into()))
}

/// Reads until it is clear whether this is TLS.
async fn first_bytes(socket: &TcpStream) -> Result<Vec<u8>, Refusal> {
    const HANDSHAKE_RECORD: u8 = 0x16;
    let mut first = Vec::new();
    loop {
        socket.readable().await.map_err(|_| Refusal::HungUp)?;
        match socket.try_read_buf(&mut first) {
            Ok(0) => return Err(Refusal::HungUp),
            Ok(_) if first.len() >= 5 || first.first() == Some(&HANDSHAKE_RECORD) => return Ok(first),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(Refusal::HungUp),
        }
    }
}

fn looks_like_http(first: &[u8]) -> bool {
    [&b"GET /"[..], b"HEAD ", b"POST ", b"PUT /", b"OPTIO"].iter().any(|method| first.starts_with(method))
}

/// What is taken of a request that is not served: the longest head of one that is.
const MAX_REQUEST: usize = 16 << 10;

/// For the answer to plain HTTP, and the end of the request.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers, then takes what is left of the request: a connection that is closed with words of the peer unread is reset, and a
/// proxy loses the answer with it. Who does not hang up in time is hung up on all the same.
async fn answer_plainly(mut socket: TcpStream) {
    let answering = async {
        socket.write_all(NOT_HTTPS).await?;
        socket.shutdown().await?;
        let (mut left, mut request) = (MAX_REQUEST, [0; 512]);
        while left > 0 {
            match socket.read(&mut request).await? {
                0 => break,
                len => left = left.saturating_sub(len),
            }
        }
        std::io::Result::Ok(())
    };
    // A peer that is gone does not hear it.
    drop(tokio::time::timeout(FAREWELL, answering).await);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (peer, listener.accept().await.unwrap().0)
    }

    /// A reset would tell the peer, which may not have read it yet, to throw the answer away.
    #[tokio::test]
    async fn plain_http_gets_its_answer_without_a_reset_however_long_the_request_is() {
        let (mut peer, socket) = pair().await;
        peer.write_all(&[b"GET /derp HTTP/1.1\r\nCookie: ", &[b'a'; 8000][..], b"\r\n\r\n"].concat())
            .await
            .unwrap();
        first_bytes(&socket).await.unwrap();
        let mut said = Vec::new();
        let hearing = async {
            peer.read_to_end(&mut said).await?;
            peer.shutdown().await
        };
        let (heard, ()) = tokio::join!(hearing, answer_plainly(socket));
        assert!(heard.is_ok(), "{heard:?}");
        let reset = peer.take_error().unwrap();
        assert!(reset.is_none(), "{reset:?}");
        assert_eq!(said, NOT_HTTPS);
    }

    /// Paused, time goes on where nothing else does.
    #[tokio::test(start_paused = true)]
    async fn who_asks_a_tls_port_by_plain_http_and_stays_is_hung_up_on() {
        let (mut peer, socket) = pair().await;
        peer.write_all(b"GET /derp HTTP/1.1\r\n").await.unwrap();
        answer_plainly(socket).await;
        let (mut endless, socket) = pair().await;
        let sending = async { while endless.write_all(&[b'a'; 4096]).await.is_ok() {} };
        tokio::join!(sending, answer_plainly(socket));
    }
}
