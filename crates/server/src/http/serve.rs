//! Driving hyper on one connection until it ends or is taken over.

use std::convert::Infallible;
use std::future::{Pending, Ready};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::Either;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use tokio::io::AsyncWriteExt;

use super::Site;
use super::page::Page;
use super::route::route;
use super::upgrade::{Answer, Upgrade};
use crate::metrics::Counters;
use crate::transport::Stream;

/// Bytes of a request's head at most: stock clients send a few hundred.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// A connection that HTTP is done with.
#[derive(Debug)]
pub struct Takeover {
    /// What was asked for.
    pub upgrade: Upgrade,
    /// The connection; bytes behind the request are still in it.
    pub stream: Stream,
}

/// Serves requests on `stream` until one asks for an upgrade; `None` when the connection ended before.
pub async fn serve(stream: Stream, site: &Site, counters: &Counters) -> Option<Takeover> {
    let seen = Mutex::new(None);
    let router = Router { site, counters, seen: &seen };
    let mut conn = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(stream, router);
    loop {
        let serving = std::future::poll_fn(|cx| {
            let polled = Pin::new(&mut conn).poll_without_shutdown(cx);
            match take(&seen) {
                Some(seen) => Poll::Ready(Some(seen)),
                None => polled.map(|_| None),
            }
        });
        match tokio::time::timeout(site.patience, serving).await.unwrap_or_default() {
            Some(Seen::Answered) => {}
            Some(Seen::Upgrade(upgrade)) => {
                let http1::Parts { mut io, read_buf, .. } = conn.into_parts();
                io.unread(&read_buf);
                return Some(Takeover { upgrade, stream: io });
            }
            None => {
                let mut stream = conn.into_parts().io;
                // A peer that is gone does not hear it.
                drop(tokio::time::timeout(FAREWELL, stream.shutdown()).await);
                return None;
            }
        }
    }
}

/// For a farewell that the peer may not take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the router saw since the driver last looked.
enum Seen {
    /// A request that was answered: the peer gets as long again for the next.
    Answered,
    /// A request to be taken over.
    Upgrade(Upgrade),
}

fn take(seen: &Mutex<Option<Seen>>) -> Option<Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct Router<'s> {
    site: &'s Site,
    counters: &'s Counters,
    seen: &'s Mutex<Option<Seen>>,
}

impl Service<Request<Incoming>> for Router<'_> {
    type Response = Page;
    type Error = Infallible;
    /// An upgrade is never answered by hyper: its request stays pending until the driver takes the connection apart.
    type Future = Either<Ready<Result<Page, Infallible>>, Pending<Result<Page, Infallible>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (seen, answer) = match route(&request, self.site) {
            Answer::Page(page) => {
                self.counters.answered(page.status());
                (Seen::Answered, Either::Left(std::future::ready(Ok(page))))
            }
            Answer::Upgrade(upgrade) => (Seen::Upgrade(upgrade), Either::Right(std::future::pending())),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        answer
    }
}
