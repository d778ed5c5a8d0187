//! `https://host[:port]/derp`.

use std::str::FromStr;

use http::Uri;

use super::endpoint::{Address, Endpoint, Scheme, Target, TargetError, server_name};
use crate::tls::Verify;

impl FromStr for Endpoint {
    type Err = TargetError;

    /// Reads `https://host[:port][/path]` or `http://…`; without a path it is `/derp`.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let endpoint = Self::of_document(text)?;
        let path = if endpoint.path == "/" { "/derp".to_owned() } else { endpoint.path };
        Ok(Self { path, ..endpoint })
    }
}

impl Endpoint {
    /// Reads a URL whose path is as it is written.
    pub(crate) fn of_document(text: &str) -> Result<Self, TargetError> {
        let not_url = || TargetError::NotUrl { text: text.to_owned() };
        let url: Uri = text.parse().map_err(|_| not_url())?;
        let scheme = match url.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            other => return Err(TargetError::Scheme { scheme: other.unwrap_or_default().to_owned() }),
        };
        let authority = url.authority().ok_or_else(not_url)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserName);
        }
        let bracketed = authority.host();
        let port = match authority.as_str().strip_prefix(bracketed).ok_or_else(not_url)? {
            "" if scheme == Scheme::Https => 443,
            "" => 80,
            rest => rest
                .strip_prefix(':')
                .and_then(|digits| digits.parse().ok())
                .filter(|port| *port != 0)
                .ok_or_else(not_url)?,
        };
        let host = bracketed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bracketed);
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            label: host.to_owned(),
            scheme,
            host: host.to_owned(),
            server_name: server_name(host)?,
            port,
            path: path.to_owned(),
            verify: Verify::Host,
            v4: Address::OfHost,
            v6: Address::OfHost,
            dial_host: None,
            ideal_node: None,
        })
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// One endpoint by its URL.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        text.parse().map(Self::one)
    }
}

#[cfg(test)]
mod tests {
    use super::super::without_secrets;
    use super::*;

    fn read(text: &str) -> (String, u16, String, String) {
        let endpoint: Endpoint = text.parse().unwrap();
        let authority = endpoint.authority();
        (endpoint.host, endpoint.port, endpoint.path, authority)
    }

    #[test]
    fn url_defaults_are_the_schemes_port_and_the_derp_path() {
        let named = |port, path: &str, authority: &str| {
            ("relay.example".to_owned(), port, path.to_owned(), authority.to_owned())
        };
        assert_eq!(read("https://relay.example"), named(443, "/derp", "relay.example"));
        assert_eq!(read("https://relay.example/"), named(443, "/derp", "relay.example"));
        assert_eq!(read("http://relay.example/derp"), named(80, "/derp", "relay.example"));
        assert_eq!(read("https://relay.example:8443/x?y=1"), named(8443, "/x?y=1", "relay.example:8443"));
        assert_eq!(read("http://relay.example:443"), named(443, "/derp", "relay.example:443"));
    }

    #[test]
    fn ipv6_hosts_lose_their_brackets_and_get_them_back_in_the_host_header() {
        let endpoint: Endpoint = "https://[2001:db8::7]:8443".parse().unwrap();
        assert_eq!(endpoint.host, "2001:db8::7");
        assert_eq!(endpoint.authority(), "[2001:db8::7]:8443");
        assert!(matches!(endpoint.server_name, rustls::pki_types::ServerName::IpAddress(_)));
    }

    #[test]
    fn what_may_be_a_secret_is_not_said() {
        for (url, said) in [
            ("https://me:pw@relay.example:0/x?t=1#y", "https://…@relay.example:0/x?…"),
            ("//me@relay.example", "//…@relay.example"),
            ("me:p@w@relay.example/?t", "…@relay.example/?…"),
            ("https://me:p/w@relay.example/map", "https://…@relay.example/map"),
            ("https://me:p?w@relay.example/map?t", "https://…@relay.example/map?…"),
            ("https://me:p#w@relay.example", "https://…@relay.example"),
            ("https://to/ken@relay.example", "https://…@relay.example"),
            ("https://me@relay.example/x@y", "https://…@y"),
            ("https:/me:pw@relay.example/map", "https:/…@relay.example/map"),
            ("https:me:pw@relay.example", "https:…@relay.example"),
            ("http//me:pw@relay.example", "…@relay.example"),
            ("me:/pw@relay.example", "…@relay.example"),
            ("https://relay.example/map?mail=a@b", "https://relay.example/map?…"),
            ("https://relay.example/map?token=a:b@c", "https://…"),
            ("https://relay.example:8443/map?token=a@b", "https://…"),
            ("https://me.too:p?w@relay.example", "https://…"),
            ("maps@home.yaml", "maps@home.yaml"),
            ("https://relay.example/#t", "https://relay.example/?…"),
            ("https://relay.example/a@b//c", "https://relay.example/a@b//c"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), said);
        }
        let err = "https://relay.example:0/map?token=secret".parse::<Endpoint>().unwrap_err();
        assert!(!err.to_string().contains("secret"), "{err}");
    }

    #[test]
    fn what_is_no_relay_url_says_why() {
        let err = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert_eq!(err("wss://relay.example"), TargetError::Scheme { scheme: "wss".into() });
        assert_eq!(err("relay.example"), TargetError::Scheme { scheme: String::new() });
        assert_eq!(err("https://me:pw@relay.example"), TargetError::UserName);
        for text in [
            "",
            "https://",
            "https://relay.example:0",
            "https://relay.example:99999",
            "https://relay.example:",
        ] {
            assert_eq!(err(text), TargetError::NotUrl { text: text.into() });
        }
        assert_eq!(err("https://a_b..c"), TargetError::Host { host: "a_b..c".into() });
    }
}
