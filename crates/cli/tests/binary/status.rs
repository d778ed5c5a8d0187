//! A running relay, asked by its private listener.

use super::{Relay, admin_of, ask, each_gets, home, run, wherry};

#[test]
fn mistakes_about_the_private_listener_get_their_lines_and_exit_codes() {
    let home = home();
    let table: &[(&str, i32, &[&str])] = &[
        (
            "status --admin 127.0.0.1:1",
            1,
            &[
                "wherry: cannot reach the private listener at 127.0.0.1:1: Connection refused (os error 111); start the relay, or give the address of its key admin: --admin HOST:PORT; wherry derper has none unless WHERRY_ADMIN is set",
            ],
        ),
        (
            "status --admin NONSENSE",
            64,
            &[
                r#"wherry: admin = "NONSENSE" (flag --admin): no port; allowed: the relay's key admin as HOST:PORT or http://HOST:PORT, 127.0.0.1:3341 if it has none"#,
            ],
        ),
        (
            "status --admin https://127.0.0.1:3341",
            64,
            &[
                r#"wherry: admin = "https://127.0.0.1:3341" (flag --admin): the private listener speaks plain HTTP, not TLS; allowed: the relay's key admin as HOST:PORT or http://HOST:PORT, 127.0.0.1:3341 if it has none"#,
            ],
        ),
        (
            "status --interval soon",
            64,
            &[
                r#"wherry: --interval <TIME>: "soon" is not allowed; allowed: a number with its unit: 500ms, 2s, 1m"#,
            ],
        ),
    ];
    each_gets(&home, table);
}

#[test]
fn status_asks_a_running_relay() {
    let home = home();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --stun 127.0.0.1:0 --admin 127.0.0.1:0",
    ));
    let admin = admin_of(&log);
    let table = run(&mut wherry(&home, &format!("status --interval 10ms --admin http://{admin}/")));
    assert!(
        table.stdout.contains("up 0s, ready\nlistening on 127.0.0.1:"),
        "{}{:?}",
        table.stdout,
        table.stderr
    );
    assert!(table.stdout.contains("\n0 connections, 0 of them at home here;"), "{}", table.stdout);
    let mut json = wherry(&home, "status --interval 0s --json");
    let json = run(json.env("WHERRY_ADMIN", &admin));
    let status: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&status["ready"], &status["addresses"]["admin"]), (&true.into(), &admin.as_str().into()));
    let (line, metrics) = ask(&admin, "/metrics");
    assert!(line.ends_with("200 OK") && metrics.contains("\nwherry_ready 1\n"), "{metrics}");
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn status_asks_on_loopback_who_listens_everywhere() {
    let home = home();
    let (relay, log) =
        Relay::start(wherry(&home, "serve --dev --listen 127.0.0.1:0 --stun off --admin :0 --admin-exposed"));
    let admin = admin_of(&log);
    let port = admin.strip_prefix("[::]").unwrap();
    let mut of_variable = wherry(&home, "status --interval 0s");
    let asked = run(of_variable.env("WHERRY_ADMIN", port));
    assert!(asked.code == Some(0) && asked.stdout.contains(", ready\n"), "{:?}", asked.stderr);
    assert_eq!(relay.stop().0, Some(0));
    // Nobody has it any more.
    let silent = run(&mut wherry(&home, &format!("status --admin {port}")));
    assert!(silent.stderr[0].contains(&format!(" at 127.0.0.1{port}: ")), "{:?}", silent.stderr);
}

#[test]
fn status_says_where_the_private_listener_was_switched_off() {
    let home = home();
    let mut of_variable = wherry(&home, "status");
    let asked = run(of_variable.env("WHERRY_ADMIN", "off"));
    let said = "wherry: admin = \"off\" (environment WHERRY_ADMIN): the private listener is off, so there is nobody to ask who \
                is connected; start the relay with an address there, such as 127.0.0.1:3341, and ask that: --admin HOST:PORT";
    assert_eq!((asked.code, asked.stderr), (Some(1), vec![said.to_owned()]));
    assert_eq!(run(&mut wherry(&home, "status --admin off")).code, Some(64));
}

#[test]
fn status_tells_a_public_listener_from_the_private_one() {
    let home = home();
    let (relay, log) = Relay::start(wherry(
        &home,
        "serve --dev --listen 127.0.0.1:0 --listen plain:127.0.0.1:0 --stun off --admin off",
    ));
    for kind in [" tls=[", " plain=["] {
        let public = log.iter().find_map(|line| line.split_once(kind)).unwrap().1.split_once(']').unwrap().0;
        let asked = run(&mut wherry(&home, &format!("status --admin {public}")));
        assert_eq!(asked.code, Some(1));
        let start = format!("wherry: what answers at {public} is no private listener of wherry (\"HTTP/1.0 ");
        let [line] = asked.stderr.as_slice() else { panic!("{:?}", asked.stderr) };
        assert!(line.starts_with(&start) && line.ends_with("key admin: --admin HOST:PORT"), "{line}");
    }
    let mut of_variable = wherry(&home, "status");
    let refused = run(of_variable.env("WHERRY_ADMIN", "NONSENSE"));
    assert!(
        refused.code == Some(78) && refused.stderr[0].contains("environment WHERRY_ADMIN"),
        "{:?}",
        refused.stderr
    );
    assert_eq!(relay.stop().0, Some(0));
}

#[test]
fn an_address_for_status_is_sent_to_its_flag() {
    let finished = run(&mut wherry(&home(), "status http://127.0.0.1:3341"));
    let hint =
        r#"wherry: "http://127.0.0.1:3341" needs its flag: wherry status --admin http://127.0.0.1:3341"#;
    assert_eq!((finished.code, finished.stderr.as_slice()), (Some(64), &[hint.to_owned()][..]));
}
