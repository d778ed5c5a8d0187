//! GET, with redirects.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{
    ACCEPT, CONNECTION, CONTENT_TYPE, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    USER_AGENT,
};
use http::{HeaderName, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use tokio::time::timeout;

use super::carrier::Carrier;
use super::document::{Document, FetchError};
use super::redirect::{is_followed, next};
use super::wanted::{Validators, Wanted};
use crate::dial::Dialer;
use crate::target::{Endpoint, Target};
use crate::tls::Verify;

/// Redirects that are followed: http to https, a new home, and a spare one or two.
const MAX_REDIRECTS: usize = 4;

/// For everything: what Headscale gives a map's URL.
///
/// Source: headscale: hscontrol/derp/derp.go.
const LIMIT: Duration = Duration::from_secs(30);

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

impl Dialer {
    /// Fetches a document; the answer may have any status.
    ///
    /// Redirects are followed, but never from TLS to plain HTTP. Cancelled, the connection is closed.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, wanted: &Wanted) -> Result<Document, FetchError> {
        let late = |_| Err(FetchError::Timeout { limit: LIMIT });
        timeout(LIMIT, self.follow(wanted)).await.unwrap_or_else(late)
    }

    async fn follow(&self, wanted: &Wanted) -> Result<Document, FetchError> {
        let (mut url, mut verify) = (wanted.url.clone(), wanted.verify.clone());
        for _ in 0..=MAX_REDIRECTS {
            match self.get(&url, verify, wanted).await? {
                Answer::Document(document) => return Ok(document),
                Answer::Elsewhere(location) => (url, verify) = (next(&url, &location)?, Verify::Host),
            }
        }
        Err(FetchError::Redirect { location: url, reason: "there were too many before it" })
    }

    async fn get(&self, url: &str, verify: Verify, wanted: &Wanted) -> Result<Answer, FetchError> {
        let endpoint = Endpoint::of_document(url)?.with_verify(verify);
        let request = request(url, &endpoint, wanted)?;
        let plain = self.tcp(&Target::one(endpoint)).await?;
        let stream = self.tls(plain).await?.into_stream();
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(Carrier(Box::new(stream)))
            .await
            .map_err(FetchError::Http)?;
        let max_bytes = wanted.max_bytes;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(FetchError::Http)?;
            let (head, body) = answer.into_parts();
            let header =
                |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            if let (true, Some(location)) = (is_followed(head.status), header(LOCATION.as_str())) {
                return Ok(Answer::Elsewhere(location));
            }
            // A length that is announced need not be waited for.
            if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
                return Err(FetchError::TooLong { limit: max_bytes });
            }
            let (etag, last_modified) = (header(ETAG.as_str()), header(LAST_MODIFIED.as_str()));
            let has_some = etag.is_some() || last_modified.is_some();
            Ok(Answer::Document(Document {
                url: url.to_owned(),
                status: head.status.as_u16(),
                content_type: header(CONTENT_TYPE.as_str()),
                validators: has_some.then(|| Validators { url: url.to_owned(), etag, last_modified }),
                header: wanted.header.and_then(|(name, _)| header(name)),
                body: whole(body, max_bytes).await?,
            }))
        };
        match select(pin!(exchange), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            // The connection is over; what came is still to be taken up.
            Either::Right((_, exchange)) => exchange.await,
        }
    }
}

fn request(url: &str, endpoint: &Endpoint, wanted: &Wanted) -> Result<Request<Empty<Bytes>>, FetchError> {
    let authority = endpoint.authority();
    // Whoever it came from before can say whether it is the same, and nobody else.
    let known = wanted.known.as_ref().filter(|known| known.url == url);
    let known =
        |validator: fn(&Validators) -> &Option<String>| known.and_then(|known| validator(known).as_deref());
    let headers: [(HeaderName, Option<&str>); 6] = [
        (HOST, Some(&authority)),
        (USER_AGENT, Some(concat!("wherry/", env!("CARGO_PKG_VERSION")))),
        (ACCEPT, Some("application/json, application/yaml;q=0.9, */*;q=0.5")),
        (IF_NONE_MATCH, known(|known| &known.etag)),
        (IF_MODIFIED_SINCE, known(|known| &known.last_modified)),
        (CONNECTION, Some("close")),
    ];
    let mut request = Request::get(&endpoint.path);
    for (name, value) in headers {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    if let Some((name, says)) = wanted.header {
        request = request.header(name, says);
    }
    // Path and authority were parts of a URL and the validators headers, so only the URL can be at fault.
    let not_url = |_| crate::TargetError::NotUrl { text: url.to_owned() };
    Ok(request.body(Empty::new()).map_err(not_url)?)
}

enum Answer {
    Document(Document),
    Elsewhere(String),
}

/// The body in one piece: kept in those it comes in, one of single bytes would take many times its length.
async fn whole(mut body: Incoming, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing here.
        let Ok(data) = frame.map_err(FetchError::Http)?.into_data() else { continue };
        if data.len() > limit.saturating_sub(whole.len()) {
            return Err(FetchError::TooLong { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

#[cfg(test)]
#[path = "get_tests.rs"]
mod tests;
