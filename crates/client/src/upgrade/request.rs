//! The upgrade request.

use crate::target::Endpoint;

/// Whether the relay shall skip its HTTP answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastStart {
    /// The client knows the relay's key already and sends its first frame along.
    Yes,
    /// The relay answers by HTTP, then sends its key.
    No,
}

/// The whole head of the request that turns HTTP into DERP, for who drives the stream without a [`Dialer`](crate::Dialer).
///
/// Source: tailscale: derp/derphttp/derphttp_client.go, `connect`.
#[must_use]
pub fn upgrade_request(endpoint: &Endpoint, fast_start: FastStart) -> Vec<u8> {
    let mut head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: wherry/{}\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n",
        endpoint.path,
        endpoint.authority(),
        env!("CARGO_PKG_VERSION"),
    );
    if fast_start == FastStart::Yes {
        head.push_str("Derp-Fast-Start: 1\r\n");
    }
    if let Some(name) = &endpoint.ideal_node {
        head.push_str("Ideal-Node: ");
        // A map is not ours: nothing in a name may end the header.
        head.extend(name.chars().filter(|c| c.is_ascii_graphic() || *c == ' '));
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_asks_for_derp_and_names_the_host() {
        let endpoint: Endpoint = "https://relay.example:8443/derp".parse().unwrap();
        let head = String::from_utf8(upgrade_request(&endpoint, FastStart::No)).unwrap();
        assert!(head.starts_with("GET /derp HTTP/1.1\r\nHost: relay.example:8443\r\n"), "{head}");
        assert!(head.contains("\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"), "{head}");
        assert!(!head.contains("Fast-Start") && !head.contains("Ideal"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn fast_start_and_ideal_node_are_headers_that_cannot_be_broken_out_of() {
        let mut endpoint: Endpoint = "https://relay.example".parse().unwrap();
        endpoint.ideal_node = Some("900a\r\nX: y".into());
        let head = String::from_utf8(upgrade_request(&endpoint, FastStart::Yes)).unwrap();
        assert!(head.contains("\r\nDerp-Fast-Start: 1\r\n"), "{head}");
        assert!(head.contains("\r\nIdeal-Node: 900aX: y\r\n\r\n"), "{head}");
    }
}
