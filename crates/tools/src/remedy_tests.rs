use super::*;

#[test]
fn a_resolver_that_fails_and_a_name_that_is_unknown_are_told_apart() {
    let said = |words: &str| {
        let error = AttemptError::Lookup(io::Error::other(words.to_owned()));
        name(&[Attempt { label: String::new(), at: String::new(), error }])
    };
    let prefix = "failed to lookup address information: ";
    for words in ["Temporary failure in name resolution", "Try again"] {
        assert!(said(&format!("{prefix}{words}")).contains("/etc/resolv.conf"), "{words}");
    }
    assert!(is_of_resolver(&io::ErrorKind::TimedOut.into()));
    for words in ["Name or service not known", "Name does not resolve", "No address associated with hostname"]
    {
        assert!(said(&format!("{prefix}{words}")).contains("spelling"), "{words}");
    }
}

fn advice(url: &str, tool: Tool, err: TlsError) -> String {
    let endpoint = url.parse().unwrap();
    dial(&DialError::Tls(err), &Situation { endpoint: &endpoint, tool, seen_pin: None })
}

/// What a tool would refuse is not advised.
#[test]
fn advice_names_what_the_tool_takes() {
    let tools = [
        (Tool::Ping { has_key: false }, true, true),
        (Tool::Doctor { has_key: false }, true, true),
        (Tool::Netcheck { has_key: false }, true, false),
        (Tool::Bench, false, true),
        (Tool::Map, false, false),
    ];
    for (tool, has_families, takes_http) in tools {
        for last in [AttemptError::Connect(io::ErrorKind::NetworkUnreachable.into()), AttemptError::NoFamily]
        {
            let attempts = [Attempt { label: String::new(), at: String::new(), error: last }];
            assert_eq!(tcp(&attempts, 443, tool).contains("-4 or -6"), has_families, "{tool:?}");
        }
        let plain = advice("https://relay.example", tool, TlsError::NotTls);
        assert_eq!(plain.contains("http:// URL"), takes_http, "{tool:?}");
    }
}

#[test]
fn each_answer_in_place_of_an_upgrade_has_its_own_advice() {
    let https = "Client sent an HTTP request to an HTTPS server.";
    for (url, status, body, word) in [
        ("https://relay.example", 426, "DERP requires connection upgrade", "Upgrade and Connection"),
        ("https://relay.example", 400, https, "plain HTTP to a TLS listener"),
        ("http://relay.example", 400, https, "https:// URL"),
        ("https://relay.example", 400, "No required SSL certificate was sent", "certificate of the client"),
        ("https://relay.example", 200, "", "web server answers"),
        ("https://relay.example", 302, "", "follow no redirect"),
        ("https://relay.example", 401, "", "log-in"),
        ("https://relay.example", 429, "", "limits requests"),
        ("https://relay.example", 502, "502 Bad Gateway", "does not reach the relay"),
        ("https://relay.example", 502, "", "proxy_ssl_name NAME"),
        ("https://relay.example", 400, https, "proxy_ssl_name NAME"),
        ("https://relay.example", 400, "", "keeps the request from it"),
    ] {
        let endpoint = url.parse().unwrap();
        let situation =
            Situation { endpoint: &endpoint, tool: Tool::Doctor { has_key: false }, seen_pin: None };
        let said = refusal(status, body, &situation);
        assert!(said.contains(word), "{status}: {said}");
    }
}

#[test]
fn tls_that_ends_without_a_certificate_points_at_the_name() {
    let ended = || TlsError::Ended(io::ErrorKind::UnexpectedEof.into());
    let by_name = advice("https://relay.example", Tool::Bench, ended());
    assert!(by_name.contains("for the name sent to it, \"relay.example\""), "{by_name}");
    let by_address = advice("https://[2001:db8::7]:8443", Tool::Ping { has_key: false }, ended());
    assert!(by_address.contains("bare address 2001:db8::7"), "{by_address}");
    assert!([by_name, by_address].iter().all(|advice| advice.contains("WHERRY_LOG=debug")));
}
