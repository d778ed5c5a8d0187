//! The accept loop of the private listener.

use std::{convert::Infallible, fmt::Debug, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::{Health, Status, io::Io, route::route};

/// What the relay tells about itself. Asked anew for each request.
pub trait Facts: Debug + Send + Sync + 'static {
    /// Whether it can serve.
    fn health(&self) -> Health;
    /// Its metrics as Prometheus text.
    fn metrics(&self) -> String;
    /// Who is connected.
    fn status(&self) -> Status;
}

/// Connections at a time: a scraper, a load balancer and some people. More wait in the kernel.
const MAX_CONNS: usize = 16;

/// From accept to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// After a failed accept, which is a lack of files: long enough not to spin, short enough not to be noticed.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves requests until dropped, which ends its connections too.
pub async fn serve(listener: TcpListener, facts: Arc<dyn Facts>) {
    let loopback = listener.local_addr().is_ok_and(|addr| addr.ip().to_canonical().is_loopback());
    let mut conns = JoinSet::new();
    loop {
        while conns.len() >= MAX_CONNS || conns.try_join_next().is_some() {
            if conns.len() >= MAX_CONNS {
                conns.join_next().await;
            }
        }
        match listener.accept().await {
            Ok((socket, _)) => drop(conns.spawn(answer(socket, loopback, Arc::clone(&facts)))),
            Err(err) => {
                tracing::warn!(%err, "private listener cannot accept");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One request, one answer.
async fn answer(socket: TcpStream, loopback: bool, facts: Arc<dyn Facts>) {
    let service = service_fn(move |request| {
        let response = route(&request, loopback, facts.as_ref());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let conn = http1::Builder::new().keep_alive(false).serve_connection(Io(socket), service);
    match timeout(PATIENCE, conn).await {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::debug!(%err, "private listener: bad request"),
        Err(_) => tracing::debug!("private listener: too slow"),
    }
}
