use std::{path::PathBuf, time::Duration};

use wherry_server::config::{Admit, CertSetting, Environment, Home, ListenAddr, NodeKeySource, Settings};

use super::{
    flags::{self, Flags},
    go,
    settings::settings,
};

fn argv(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn parse(line: &str) -> Flags {
    flags::parse(&argv(line)).unwrap_or_else(|problems| panic!("{line}: {problems}"))
}

fn complaints(line: &str) -> Vec<String> {
    flags::parse(&argv(line)).expect_err(line).to_string().lines().map(str::to_owned).collect()
}

/// Settings of a user who is not root and whose home is empty.
fn of(line: &str, env: &[(&'static str, &'static str)]) -> Result<Settings, Vec<String>> {
    let env = Environment::of(env.iter().copied().chain([("HOME", "/nonexistent")]));
    settings(&parse(line), &env).map_err(|err| err.to_string().lines().map(str::to_owned).collect())
}

#[test]
fn flags_are_read_as_go_reads_them() {
    let plain = Flags::default;
    let table: &[(&str, Flags)] = &[
        ("", plain()),
        ("--", plain()),
        ("-a :8443", Flags { addr: ":8443".into(), ..plain() }),
        ("--a=:8443", Flags { addr: ":8443".into(), ..plain() }),
        ("-a=", Flags { addr: String::new(), ..plain() }),
        ("-a -1", Flags { addr: "-1".into(), ..plain() }),
        ("-stun=false --derp=F -dev", Flags { stun: false, derp: false, dev: true, ..plain() }),
        ("-dev=0 -stun=TRUE", plain()),
        ("-http-port -1", Flags { http_port: -1, ..plain() }),
        ("--http-port=8080 -stun-port 1", Flags { http_port: 8080, stun_port: 1, ..plain() }),
        ("-home blank", Flags { home: "blank".into(), ..plain() }),
        ("-home=", plain()),
        ("-hostname=a=b", Flags { hostname: "a=b".into(), ..plain() }),
        ("-a :1 -a :2", Flags { addr: ":2".into(), ..plain() }),
        ("-tcp-write-timeout 0", Flags { tcp_write_timeout: Duration::ZERO, ..plain() }),
        ("-tcp-user-timeout=1m30s", Flags { tcp_user_timeout: Duration::from_secs(90), ..plain() }),
        ("-version", Flags { version: true, ..plain() }),
        ("-h", Flags { help: true, ..plain() }),
        // A container that passes every flag, most of them empty.
        (
            "--hostname=x --verify-clients=false --verify-client-url= --acme-email= --ace=false",
            Flags { hostname: "x".into(), ..plain() },
        ),
        ("-verify-client-url-fail-open -socket /run/t.sock -accept-connection-limit +Inf", plain()),
    ];
    for (line, expected) in table {
        assert_eq!(parse(line), *expected, "{line}");
    }
}

#[test]
fn each_bad_flag_gets_its_line() {
    let table: &[(&str, &str)] = &[
        ("-foo", "unknown flag -foo; -help lists those there are"),
        ("--foo=1", "unknown flag -foo; -help lists those there are"),
        ("-hostnme x", "unknown flag -hostnme; did you mean -hostname?"),
        ("-stun_port=1", "unknown flag -stun_port; did you mean -stun-port?"),
        ("-a", "flag -a: a value is missing; allowed: [IP]:PORT"),
        ("-stun=yes", r#"flag -stun: "yes" is not allowed; allowed: true or false, after an equals sign"#),
        ("-stun-port 0", r#"flag -stun-port: "0" is not allowed; allowed: a port, 1 to 65535"#),
        ("-stun-port=x", r#"flag -stun-port: "x" is not allowed; allowed: a port, 1 to 65535"#),
        ("-http-port 70000", r#"flag -http-port: "70000" is not allowed; allowed: a port, or -1 for none"#),
        (
            "-home index.html",
            r#"flag -home: "index.html" is not allowed; allowed: blank, or an http:// or https:// URL"#,
        ),
        ("-certmode auto", r#"flag -certmode: "auto" is not allowed; allowed: manual"#),
        (
            "-tcp-write-timeout 2",
            r#"flag -tcp-write-timeout: "2" is not allowed; allowed: a duration such as 15s or 1m30s"#,
        ),
        (
            "-verify-clients",
            "flag -verify-clients: not served yet, it comes in a later version; to admit only some, set WHERRY_ADMIT=list:FILE with their node keys",
        ),
        ("-mesh-with=a,b", "flag -mesh-with: not served yet, it comes in a later version; leave it out"),
        ("-rate-config", "flag -rate-config: not served yet, it comes in a later version; leave it out"),
        ("---a", r#"bad flag "---a": no name"#),
        ("-=x", r#"bad flag "-=x": no name"#),
        (
            "serve",
            r#"unexpected argument "serve": a flag starts with a dash, and the value of a switch follows an equals sign: -stun=false"#,
        ),
    ];
    for (line, expected) in table {
        assert_eq!(complaints(line), [*expected], "{line}");
    }
    assert_eq!(complaints("-foo -a :443 -bar -stun false").len(), 3, "all at once");
}

#[test]
fn durations_are_gos() {
    let read = |text| go::parse_duration(text).map(|time| time.as_nanos());
    for (text, nanos) in [
        ("0", 0),
        ("0s", 0),
        ("1ns", 1),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("2h45m30.25s", 9_930_250_000_000),
        ("10µs", 10_000),
        ("+3ms", 3_000_000),
        ("1us1us", 2_000),
    ] {
        assert_eq!(read(text), Some(nanos), "{text}");
    }
    for text in
        ["", "1", "s", ".s", "1.2.3s", "-1s", "1 s", "1S", "1d", "99999999999999999999h", "9999999999h"]
    {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn tls_is_on_port_443_or_with_manual_certificates() {
    let manual =
        of("-c k -certmode manual -certdir /certs -a 192.0.2.1:8443 -hostname relay.example", &[]).unwrap();
    assert_eq!(manual.listen, [ListenAddr { addr: "192.0.2.1:8443".parse().unwrap(), tls: true }]);
    assert_eq!(manual.cert, Some(CertSetting::DerperManual { dir: "/certs".into() }));
    assert_eq!(manual.http, ["192.0.2.1:80".parse().unwrap()]);
    assert_eq!(manual.stun, ["192.0.2.1:3478".parse().unwrap()]);
    assert_eq!(manual.node_key, NodeKeySource::File("k".into()));
    let plain = of("-c k -a :8080", &[]).unwrap();
    assert_eq!(plain.listen, [ListenAddr { addr: "[::]:8080".parse().unwrap(), tls: false }]);
    assert!(plain.cert.is_none() && plain.http.is_empty());
    assert_eq!(
        of("-c k", &[]).unwrap_err(),
        [
            "flag -certmode: not served yet, it comes in a later version; letsencrypt is the default, so give -certmode manual with -certdir, where <hostname>.crt and <hostname>.key are; for an IP address they are made"
        ]
    );
    let cloud = of("-c k -certmode gcp", &[]).unwrap_err();
    assert!(cloud[0].contains("Google") && !cloud[0].contains("letsencrypt"), "{cloud:?}");
}

#[test]
fn dev_is_plain_on_3340_with_a_new_key_and_the_mesh_key_of_the_environment() {
    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let dev = of("-dev -a :1 -c ignored", &[("TAILSCALE_DERPER_MESH_KEY", KEY)]).unwrap();
    assert_eq!(dev.listen, [ListenAddr { addr: "[::]:3340".parse().unwrap(), tls: false }]);
    assert_eq!(dev.node_key, NodeKeySource::Ephemeral);
    assert!(dev.mesh_key.is_some());
    assert!(of("-dev", &[]).unwrap().mesh_key.is_none());
    assert_eq!(
        of("-dev", &[("TAILSCALE_DERPER_MESH_KEY", "short")]).unwrap_err(),
        ["TAILSCALE_DERPER_MESH_KEY: not a mesh key: 64 hex digits are wanted"]
    );
}

#[test]
fn everybody_is_admitted_unless_the_environment_says_otherwise() {
    assert_eq!(of("-dev", &[]).unwrap().admit, Admit::Open);
    assert_eq!(of("-dev", &[]).unwrap().admin, None);
    let told = of(
        "-dev",
        &[("WHERRY_ADMIT", "list:/dev/null"), ("WHERRY_ADMIN", "127.0.0.1:1"), ("WHERRY_WORKERS", "3")],
    );
    let told = told.unwrap();
    assert_eq!(told.admit, Admit::List("/dev/null".into()));
    assert_eq!(told.admin, Some("127.0.0.1:1".parse().unwrap()));
    assert_eq!(told.workers.map(Into::into), Some(3_usize));
    assert_eq!(
        of("-dev", &[("WHERRY_ADMIT", "some")]).unwrap_err(),
        [
            r#"admit = "some" (environment WHERRY_ADMIT): not one of the allowed words; allowed: open, or list:FILE"#
        ]
    );
}

#[test]
fn what_has_no_default_for_an_ordinary_user_is_asked_for() {
    assert_eq!(
        of("-a 1.2.3.4.5:443 -hostname a:b -certmode manual", &[]).unwrap_err(),
        [
            r#"flag -a: "1.2.3.4.5:443" is not allowed: "1.2.3.4.5" is not an IP address; allowed: [IP]:PORT"#,
            r#"flag -hostname: "a:b" is not allowed: not a DNS name; allowed: a name or an IP address"#,
            "flag -c: give a key file, such as -c /var/lib/derper/derper.key; only root has a default",
        ]
    );
    let manual = of("-certmode manual -c k -hostname x", &[]).unwrap();
    assert_eq!(
        manual.cert,
        Some(CertSetting::DerperManual { dir: "/nonexistent/.cache/tailscale/derper-certs".into() })
    );
    assert_eq!(manual.state_dir, PathBuf::from("/nonexistent/.cache/tailscale/derper-certs"));
    let missing = of("-dev=0 -a :1 -c k -mesh-psk-file /nonexistent/key", &[]).unwrap_err();
    assert_eq!(
        missing,
        [
            "flag -mesh-psk-file: cannot read /nonexistent/key: No such file or directory (os error 2); check the path, or put it there first"
        ]
    );
}

#[test]
fn the_rest_goes_where_it_belongs() {
    let line = "-c k -a :1 -home https://example.com/ -derp=false -stun=false -tcp-keepalive-time 20s -tcp-write-timeout 0 -tcp-user-timeout 1s";
    let settings = of(line, &[]).unwrap();
    assert_eq!(settings.home, Home::Redirect("https://example.com/".into()));
    assert!(!settings.derp && settings.stun.is_empty());
    assert_eq!(settings.limits.write_timeout, None);
    assert_eq!(settings.limits.tcp_user_timeout, Some(Duration::from_secs(1)));
    assert_eq!(settings.limits.tcp_keepalive, Duration::from_secs(20));
    assert_eq!(of("-c k -a :1 -home blank", &[]).unwrap().home, Home::Blank);
}

#[test]
fn help_names_every_flag() {
    let help = flags::help();
    for flag in ["-a", "-c", "-certmode", "-stun-port", "-verify-clients", "-mesh-with", "-rate-config"] {
        assert!(help.contains(flag), "{flag}");
    }
}
