//! One question to the private listener.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use wherry_server::admin::Status;

use crate::failure::Failure;

/// Why the private listener says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(
        "cannot reach the private listener at {admin}: {err}; start the relay, or give the address of its key admin: --admin HOST:PORT; \
         wherry derper has none unless WHERRY_ADMIN is set"
    )]
    Unreachable { admin: String, err: io::Error },
    #[error(
        "the private listener at {admin} did not answer within 5 s; if it is the relay's, that hangs, or has as many files open as it may (wherry doctor, as root, tells); else give the address of the relay's key admin: --admin HOST:PORT"
    )]
    Silent { admin: String },
    #[error(
        "what answers at {admin} is no private listener of wherry ({line:?}): a public one (key listen) does not tell who is connected; give the address of the relay's key admin: --admin HOST:PORT"
    )]
    Stranger { admin: String, line: String },
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        Self::Other(error.into())
    }
}

/// For one answer: the relay is on this host, or near.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fetches `/status.json` over HTTP/1.0 from host and port: one request, an answer that ends with the connection. Who listens on
/// every address is asked on loopback.
pub(crate) async fn ask(admin: &str) -> Result<Status, AskError> {
    let admin = &on_loopback(admin);
    let exchange = async {
        let mut socket = TcpStream::connect(admin).await?;
        let request = format!("GET /status.json HTTP/1.0\r\nHost: {admin}\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(PATIENCE, exchange)
        .await
        .map_err(|_| AskError::Silent { admin: admin.to_owned() })?
        .map_err(|err| AskError::Unreachable { admin: admin.to_owned(), err })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    serde_json::from_str(body).map_err(|_| AskError::Stranger {
        admin: admin.to_owned(),
        line: head.lines().next().unwrap_or_default().to_owned(),
    })
}

/// An address that stands for all of a host is none to connect to.
fn on_loopback(admin: &str) -> String {
    match admin.parse::<SocketAddr>() {
        // It takes IPv4 as well, and a host may have IPv6 switched off.
        Ok(addr) if addr.ip().is_unspecified() => format!("{}:{}", Ipv4Addr::LOCALHOST, addr.port()),
        _ => admin.to_owned(),
    }
}
