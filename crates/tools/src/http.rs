//! One HTTP request over a stream that is open already, for its status and headers alone.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest answer head that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("what answers there does not speak HTTP")]
    NotHttp,
    #[error("the head of the HTTP answer is longer than {MAX_HEAD} bytes")]
    TooLong,
    #[error("the connection ended before the HTTP answer")]
    Ended,
    #[error("the connection broke before the HTTP answer: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for HttpError {
    /// TLS that ends without its farewell is an end like others.
    fn from(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::UnexpectedEof { Self::Ended } else { Self::Io(err) }
    }
}

impl Answer {
    /// The first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Asks for `target`; the connection is of no use afterwards. `headers` are whole lines without their ends.
pub(crate) async fn head<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    authority: &str,
    target: &str,
    headers: &[String],
) -> Result<Answer, HttpError> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: wherry/{version}\r\n{lines}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut buf = Vec::new();
    loop {
        if let Some(answer) = parse(&buf)? {
            return Ok(answer);
        }
        if buf.len() >= MAX_HEAD {
            return Err(HttpError::TooLong);
        }
        if stream.read_buf(&mut buf).await? == 0 {
            return Err(HttpError::Ended);
        }
    }
}

/// The head, once it is whole.
fn parse(bytes: &[u8]) -> Result<Option<Answer>, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(_)) => {
            let status = answer.code.ok_or(HttpError::NotHttp)?;
            let owned = |header: &httparse::Header<'_>| {
                (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
            };
            Ok(Some(Answer { status, headers: answer.headers.iter().map(owned).collect() }))
        }
        Err(_) => Err(HttpError::NotHttp),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn ask(answer: &[u8]) -> Result<Answer, HttpError> {
        let (mut near, mut far) = duplex(64 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        head(&mut near, "relay.example", "/x", &["A: b".to_owned()]).await
    }

    #[tokio::test]
    async fn an_answer_is_its_status_and_headers_in_any_case() {
        let answer = ask(b"HTTP/1.1 204 No Content\r\nX-Thing: one\r\nx-thing: two\r\n\r\n").await.unwrap();
        assert_eq!((answer.status, answer.header("X-THING")), (204, Some("one")));
        assert_eq!(answer.header("other"), None);
    }

    #[tokio::test]
    async fn no_answer_says_why() {
        assert!(matches!(ask(b"SSH-2.0-OpenSSH\r\n").await, Err(HttpError::NotHttp)));
        assert!(matches!(ask(b"HTTP/1.1 200 OK\r\nA: b\r\n").await, Err(HttpError::Ended)));
        let mut endless = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        endless.resize(2 * MAX_HEAD, b'a');
        assert!(matches!(ask(&endless).await, Err(HttpError::TooLong)));
    }

    #[tokio::test]
    async fn the_request_names_host_target_and_headers() {
        let (mut near, mut far) = duplex(4096);
        let headers = ["A: b".to_owned()];
        let asking = tokio::join!(head(&mut near, "relay.example:80", "/x?t=1", &headers), async {
            let mut buf = vec![0; 4096];
            let len = far.read(&mut buf).await.unwrap();
            far.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&buf[..len]).into_owned()
        });
        assert_eq!(asking.0.unwrap().status, 200);
        assert!(asking.1.starts_with("GET /x?t=1 HTTP/1.1\r\nHost: relay.example:80\r\n"), "{}", asking.1);
        assert!(asking.1.ends_with("\r\nA: b\r\nConnection: close\r\n\r\n"), "{}", asking.1);
    }
}
