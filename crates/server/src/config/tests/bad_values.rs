//! What is refused, key by key.

use super::*;

/// A key, what it is given, and how the line begins that it gets.
const BAD_VALUES: &[(&str, &[&str], &str)] = &[
    (
        "listen",
        &["localhost:443"],
        r#"listen = "localhost:443" (flag --listen): "localhost" is not an IP address; allowed: [IP]:PORT with TLS, or plain:[IP]:PORT without; names are not resolved"#,
    ),
    (
        "listen",
        &["0.0.0.0:99999"],
        r#"listen = "0.0.0.0:99999" (flag --listen): the port must be from 0 to 65535; allowed:"#,
    ),
    ("listen", &["127.0.0.1"], r#"listen = "127.0.0.1" (flag --listen): no port; allowed:"#),
    ("listen", &["plain:"], r#"listen = "plain:" (flag --listen): empty; allowed:"#),
    (
        "listen",
        &["::1:443"],
        r#"listen = "::1:443" (flag --listen): an IPv6 address needs brackets, and the port stands behind them; allowed:"#,
    ),
    (
        "listen",
        &["fe80::x:443"],
        r#"listen = "fe80::x:443" (flag --listen): "fe80::x" is not an IP address; allowed:"#,
    ),
    (
        "listen",
        &["127.0.0.1:1", "127.0.0.1:1"],
        r#"listen = "127.0.0.1:1" (flag --listen): given twice; allowed:"#,
    ),
    (
        "http",
        &["on"],
        r#"http = "on" (flag --http): "on" is not an IP address; allowed: [IP]:PORT, off, or auto"#,
    ),
    (
        "stun",
        &["127.0.0.1:stun"],
        r#"stun = "127.0.0.1:stun" (flag --stun): the port must be from 0 to 65535; allowed:"#,
    ),
    (
        "hostname",
        &["relay.example:443"],
        r#"hostname = "relay.example:443" (flag --hostname): a name without port is wanted; the port belongs into listen; allowed:"#,
    ),
    (
        "hostname",
        &["relay..example"],
        r#"hostname = "relay..example" (flag --hostname): not a DNS name; allowed: a DNS name or an IP address, without port"#,
    ),
    (
        "hostname",
        &["https://relay.example:443"],
        r#"hostname = "https://relay.example:443" (flag --hostname): a name alone is wanted, without scheme (https://), port and path; the port belongs into listen; allowed:"#,
    ),
    ("hostname", &["192.0.2.256"], r#"hostname = "192.0.2.256" (flag --hostname): not a DNS name; allowed:"#),
    (
        "hostname",
        &["börse.example"],
        r#"hostname = "börse.example" (flag --hostname): not ASCII; write the punycode form (xn--…); allowed:"#,
    ),
    (
        "admit",
        &["opne"],
        r#"admit = "opne" (flag --admit): not one of the allowed words; did you mean "open"?; allowed: open, or list:FILE"#,
    ),
    ("admit", &["list:"], r#"admit = "list:" (flag --admit): empty; allowed:"#),
    ("admit", &["open", "open"], "admit (flag --admit): takes one value, given 2; allowed:"),
    (
        "admin",
        &["0.0.0.0:9090"],
        r#"admin = "0.0.0.0:9090" (flag --admin): not loopback: whoever reaches it sees who uses the relay; use 127.0.0.1, or set admin_exposed if the network is private"#,
    ),
    (
        "home",
        &["blnak"],
        r#"home = "blnak" (flag --home): not one of the allowed words; did you mean "blank"?; allowed: default, blank, or an http:// or https:// URL"#,
    ),
    (
        "home",
        &["https://x\r\ny"],
        r#"home = "https://x\r\ny" (flag --home): not one of the allowed words; allowed:"#,
    ),
    ("derp", &["yes"], r#"derp = "yes" (flag --derp): not one of the allowed words; allowed: true or false"#),
    (
        "workers",
        &["0"],
        r#"workers = "0" (flag --workers): must be from 1 to 1024; allowed: 1 to 1024, or auto"#,
    ),
    ("workers", &["-1"], r#"workers = "-1" (flag --workers): not a number; allowed:"#),
    (
        "log",
        &["info,wherry=loud"],
        r#"log = "info,wherry=loud" (flag --log): not one of the allowed words; allowed: off, error"#,
    ),
    (
        "log_format",
        &["jsn"],
        r#"log_format = "jsn" (flag --log-format): not one of the allowed words; did you mean "json"?; allowed: text or json"#,
    ),
    (
        "limits.handshake",
        &["10"],
        r#"limits.handshake = "10" (flag --limits-handshake): no unit; allowed: a number with its unit: 500ms, 10s, 5m, 1h"#,
    ),
    (
        "limits.handshake",
        &["10 parsecs"],
        r#"limits.handshake = "10 parsecs" (flag --limits-handshake): unknown unit "parsecs"; allowed:"#,
    ),
    (
        "limits.handshake",
        &["0s"],
        r#"limits.handshake = "0s" (flag --limits-handshake): must be from 100ms to 10m; allowed:"#,
    ),
    (
        "limits.keepalive",
        &["2m"],
        r#"limits.keepalive = "2m" (flag --limits-keepalive): must be from 1s to 110s; allowed:"#,
    ),
    (
        "limits.write_timeout",
        &["never"],
        r#"limits.write_timeout = "never" (flag --limits-write-timeout): not a number; allowed:"#,
    ),
    (
        "limits.mailbox_bytes",
        &["4M"],
        r#"limits.mailbox_bytes = "4M" (flag --limits-mailbox-bytes): unknown unit "M"; did you mean "MiB"?; allowed: a number with its unit: 64KiB, 4MiB"#,
    ),
    (
        "limits.mailbox_bytes",
        &["64KiB"],
        r#"limits.mailbox_bytes = "64KiB" (flag --limits-mailbox-bytes): must be from 128KiB to 1GiB; allowed:"#,
    ),
    (
        "limits.mailbox_bytes",
        &["99999999999999999999GiB"],
        r#"limits.mailbox_bytes = "99999999999999999999GiB" (flag --limits-mailbox-bytes): not a number; allowed:"#,
    ),
    (
        "limits.memory",
        &["1MiB"],
        r#"limits.memory = "1MiB" (flag --limits-memory): must be 16MiB at least; allowed:"#,
    ),
    (
        "cert_dir",
        &["/tmp"],
        r#"cert_dir = "/tmp" (flag --cert-dir): self_signed is set too; remove one of the two"#,
    ),
];

#[test]
fn each_bad_value_gets_its_line() {
    for (name, values, expected) in BAD_VALUES {
        let mut desk = Desk::new();
        desk.flag(name, values);
        let problems = desk.problems();
        assert!(
            problems.len() == 1 && problems[0].starts_with(expected),
            "expected\n{expected}\ngot\n{}",
            problems.join("\n")
        );
    }
}
