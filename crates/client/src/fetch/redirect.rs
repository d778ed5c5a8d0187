//! Where a redirect leads to.

use http::{StatusCode, Uri};

use super::document::FetchError;

/// Whether an answer sends elsewhere; other codes of the 300s do not say where the document is.
pub(super) fn is_followed(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The URL that a redirect leads to: a whole one, or one relative to where it came from.
///
/// Source: RFC 3986, section 5.2.
pub(super) fn next(from: &str, location: &str) -> Result<String, FetchError> {
    let refused = |reason| FetchError::Redirect { location: location.to_owned(), reason };
    let base: Uri = from.parse().map_err(|_| refused("the URL before it cannot be read"))?;
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err(refused("the URL before it cannot be read"));
    };
    // Fragments are for whoever asked.
    let reference = location.split('#').next().unwrap_or_default();
    let here = |path_and_query: &str| format!("{scheme}://{authority}{path_and_query}");
    let to = match reference {
        "" => here(base.path_and_query().map_or("/", |path| path.as_str())),
        // A colon before any slash ends a scheme.
        _ if reference.split(['/', '?']).next().is_some_and(|first| first.contains(':')) => {
            reference.to_owned()
        }
        _ if reference.starts_with("//") => format!("{scheme}:{reference}"),
        _ if reference.starts_with('/') => here(&without_dots(reference)),
        _ if reference.starts_with('?') => here(&format!("{}{reference}", base.path())),
        _ => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            here(&without_dots(&format!("{folder}/{reference}")))
        }
    };
    let is_secure = to.parse::<Uri>().is_ok_and(|to| to.scheme_str() == Some("https"));
    if scheme == "https" && !is_secure {
        return Err(refused("it leads from TLS to a connection without"));
    }
    Ok(to)
}

/// A path, perhaps with a query, without its segments `.` and `..`.
fn without_dots(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.find('?') {
        Some(at) => path_and_query.split_at(at),
        None => (path_and_query, ""),
    };
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            // Above the root is the root.
            let _ = kept.pop();
        }
        match segment {
            "." | ".." if segments.peek().is_none() => kept.push(""),
            "." | ".." => {}
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(from: &str, location: &str) -> Result<String, String> {
        next(from, location).map_err(|err| err.to_string())
    }

    #[test]
    fn a_redirect_is_a_url_or_relative_to_the_one_before() {
        let from = "https://a.example:8443/maps/old.json?v=1";
        for (location, to) in [
            ("https://b.example/y#z", "https://b.example/y"),
            ("//b.example/y", "https://b.example/y"),
            ("/y?z", "https://a.example:8443/y?z"),
            ("map.json", "https://a.example:8443/maps/map.json"),
            ("./map.json?at=http://x/", "https://a.example:8443/maps/map.json?at=http://x/"),
            ("../x/./y/..", "https://a.example:8443/x/"),
            ("../../../y", "https://a.example:8443/y"),
            ("?v=2", "https://a.example:8443/maps/old.json?v=2"),
            ("#z", "https://a.example:8443/maps/old.json?v=1"),
        ] {
            assert_eq!(at(from, location).as_deref(), Ok(to), "{location}");
        }
        assert_eq!(at("http://a.example", "y").unwrap(), "http://a.example/y");
        assert_eq!(at("http://a.example/x", "https://b.example/y").unwrap(), "https://b.example/y");
    }

    #[test]
    fn a_redirect_never_leaves_tls() {
        for location in ["http://a.example/y", "file:///etc/passwd", "javascript:x", "https:", "x:y"] {
            assert!(at("https://a.example/x", location).unwrap_err().contains("TLS"), "{location}");
        }
        let err = at("https://a.example/x", "http://a.example/y?token=secret").unwrap_err();
        assert!(err.contains("a.example/y") && !err.contains("secret"), "{err}");
        assert!(at("https://a.example/x", "HTTPS://b.example/y").is_ok());
    }
}
