//! HTTP/1.1 responses taken apart, nothing hidden.

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// First line without its line end.
    pub status_line: String,
    /// Header names and values in their order and spelling.
    pub headers: Vec<(String, String)>,
    /// Whatever followed the head, if it was read.
    pub body: Vec<u8>,
}

impl Response {
    /// The status code, or 0 if the first line has none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    /// The value of a header, its name compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// Length of the body; `None`: it lasts until the stream ends.
    pub(crate) fn body_len(&self) -> Option<usize> {
        if matches!(self.status(), 101 | 204 | 304) {
            return Some(0);
        }
        self.header("content-length").and_then(|len| len.parse().ok())
    }
}

pub(crate) fn parse_head(head: &[u8]) -> Response {
    let head = std::str::from_utf8(head).expect("an HTTP head is text");
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let status_line = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Response { status_line, headers, body: Vec::new() }
}
