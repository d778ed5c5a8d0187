//! GET, with redirects.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{
    ACCEPT, CONNECTION, CONTENT_TYPE, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    USER_AGENT,
};
use http::{HeaderName, Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::client::conn::http1;
use tokio::time::timeout;

use super::carrier::Carrier;
use super::document::{Document, FetchError};
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
                |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            if let (true, Some(location)) = (head.status.is_redirection(), header(LOCATION)) {
                return Ok(Answer::Elsewhere(location));
            }
            // A length that is announced need not be waited for.
            if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
                return Err(FetchError::TooLong { limit: max_bytes });
            }
            let body =
                Limited::new(body, max_bytes).collect().await.map_err(|err| too_long(err, max_bytes))?;
            let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
            let has_some = etag.is_some() || last_modified.is_some();
            Ok(Answer::Document(Document {
                url: url.to_owned(),
                status: head.status.as_u16(),
                content_type: header(CONTENT_TYPE),
                validators: has_some.then(|| Validators { url: url.to_owned(), etag, last_modified }),
                body: body.to_bytes().to_vec(),
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
    // Path and authority were parts of a URL and the validators headers, so only the URL can be at fault.
    let not_url = |_| crate::TargetError::NotUrl { text: url.to_owned() };
    Ok(request.body(Empty::new()).map_err(not_url)?)
}

enum Answer {
    Document(Document),
    Elsewhere(String),
}

/// The body's error: the length limit's own, or hyper's.
fn too_long(err: Box<dyn Error + Send + Sync>, limit: usize) -> FetchError {
    match err.downcast::<hyper::Error>() {
        Ok(err) => FetchError::Http(*err),
        Err(_) => FetchError::TooLong { limit },
    }
}

/// The URL that a redirect leads to.
fn next(from: &str, location: &str) -> Result<String, FetchError> {
    let refused = |reason| FetchError::Redirect { location: location.to_owned(), reason };
    let base: Uri = from.parse().map_err(|_| refused("the URL before it cannot be read"))?;
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err(refused("the URL before it cannot be read"));
    };
    let to = match location {
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ if location.contains("://") => location.to_owned(),
        _ => return Err(refused("it is no whole URL and no path")),
    };
    // Fragments are for whoever asked.
    let to = to.split('#').next().unwrap_or_default().to_owned();
    if scheme == "https" && !to.starts_with("https://") {
        return Err(refused("it leads from TLS to a connection without"));
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_a_url_or_a_path_and_never_leaves_tls() {
        let at = |from, location| next(from, location).map_err(|err| err.to_string());
        assert_eq!(at("http://a.example/x", "https://b.example/y#z").unwrap(), "https://b.example/y");
        assert_eq!(at("https://a.example:8443/x", "/y?z").unwrap(), "https://a.example:8443/y?z");
        assert_eq!(at("https://a.example/x", "//b.example/y").unwrap(), "https://b.example/y");
        assert!(at("https://a.example/x", "http://a.example/y").unwrap_err().contains("TLS"));
        assert!(at("https://a.example/x", "file:///etc/passwd").is_err());
        assert!(at("https://a.example/x", "y").is_err());
    }
}
