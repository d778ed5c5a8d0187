//! What a configuration comes to, and what is wrong with it.

use super::{Finished, home, run, wherry};

#[test]
fn config_check_shows_where_each_value_came_from() {
    let home = home();
    std::fs::write(home.path().join("relay.toml"), "# mine\nworkers = 2\n[limits]\nkeepalive = '61s'\n")
        .unwrap();
    let mut command = wherry(&home, "config check --dev --config relay.toml --stun 127.0.0.1:5 --json");
    let finished = run(command.env("WHERRY_HOME", "blank"));
    assert_eq!(finished.code, Some(0), "{:?}", finished.stderr);
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let of = |key: &str| {
        let rows = report["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        format!("{} {}", row["values"], row["from"].as_str().unwrap())
    };
    assert_eq!(of("workers"), r#"["2"] relay.toml:2"#);
    assert_eq!(of("limits.keepalive"), r#"["61s"] relay.toml:4"#);
    assert_eq!(of("stun"), r#"["127.0.0.1:5"] flag --stun"#);
    assert_eq!(of("home"), r#"["blank"] environment WHERRY_HOME"#);
    assert_eq!(of("listen"), r#"["127.0.0.1:3340"] --dev"#);
    assert_eq!(of("derp"), r#"["true"] default"#);
    assert_eq!(report["ok"], true);
    let memory =
        report["settings"].as_array().unwrap().iter().find(|row| row["key"] == "limits.memory").unwrap();
    assert!(memory["reason"].as_str().unwrap().contains("a quarter of the "), "{memory}");
    let table = run(&mut wherry(&home, "config check --dev --config relay.toml")).stdout;
    assert!(table.ends_with("\nok: the relay can start with this, if its addresses are free\n"), "{table}");
    assert!(table.contains("default: a quarter of the "), "{table}");
    assert!(
        table.lines().any(|line| line.split_whitespace().eq(["workers", "2", "relay.toml:2"])),
        "{table}"
    );
}

#[test]
fn config_check_shows_values_beside_mistakes() {
    let home = home();
    let failed = run(&mut wherry(&home, "config check --json --workers 0"));
    let report: serde_json::Value = serde_json::from_str(&failed.stdout).unwrap();
    let count = |of: &str| report[of].as_array().unwrap().len();
    assert_eq!((failed.code, count("problems"), count("settings")), (Some(78), 3, 38));
    let failed = run(&mut wherry(&home, "config check --workers 0 --hostname x"));
    assert_eq!((failed.code, failed.stderr.len(), failed.stdout.contains("ok:")), (Some(78), 3, false));
    assert_eq!(report["ok"], false);
    let line = |of: &str| failed.stdout.lines().find(|line| line.starts_with(of)).unwrap_or_default();
    let words = |of: &str| line(of).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("workers"), "workers 0 flag --workers");
    assert_eq!(words("cert_dir"), "cert_dir none default");
    let unknown = run(&mut wherry(&home, "config check --admti open --lisen :1"));
    assert_eq!(
        unknown.stderr,
        [
            "wherry: unknown flag --admti; did you mean --admit?",
            "wherry: unknown flag --lisen; did you mean --listen?"
        ]
    );
    assert_eq!(unknown.code, Some(64));
    assert!(unknown.stdout.contains("\nlisten "), "{}", unknown.stdout);
    let no_file = run(&mut wherry(&home, "config check --conf relay.toml"));
    assert_eq!((no_file.code, &*no_file.stdout), (Some(64), ""));
    assert_eq!(no_file.stderr, ["wherry: unknown flag --conf; did you mean --config?"]);
}

#[test]
fn a_secret_in_the_url_of_an_included_map_is_shown_nowhere() {
    let home = home();
    let urls = [
        "https://me:s3cret@maps.example/m",
        "https://maps.example/m?token=s3cret",
        "ftp://me:s3cret@x",
        "https://me:p/s3cret@maps.example/m",
        "https:/me:s3cret@maps.example/m",
        "me:s3cret@maps.example/m",
    ];
    let urls = urls.map(|url| format!("{url:?}")).join(", ");
    std::fs::write(home.path().join("relay.toml"), format!("[map]\ninclude = [{urls}]\n")).unwrap();
    for args in [
        "config check --dev --config relay.toml",
        "config check --dev --config relay.toml --json",
        "serve --dev --config relay.toml",
        "doctor relay.toml",
        "doctor relay.toml --json",
    ] {
        let Finished { stdout, stderr, .. } = run(&mut wherry(&home, args));
        assert!(
            stdout.contains("…@maps.example/m") || stderr.concat().contains("…@maps.example/m"),
            "{args}: {stdout}{stderr:?}"
        );
        assert!(
            !stdout.contains("s3cret") && !stderr.concat().contains("s3cret"),
            "{args}: {stdout}{stderr:?}"
        );
    }
}

#[test]
fn a_key_in_the_place_of_its_file_is_shown_nowhere() {
    let home = home();
    let hex = "5e".repeat(32);
    let written = format!("mesh_key_file = \"{hex}\"\nkey_file = \"privkey:{hex}\"\n");
    std::fs::write(home.path().join("relay.toml"), written).unwrap();
    for args in
        ["config check --dev --config relay.toml", "serve --dev --config relay.toml", "doctor relay.toml"]
    {
        let Finished { stdout, stderr, .. } = run(&mut wherry(&home, args));
        let all = stdout + &stderr.concat();
        assert!(all.contains("a key, which is not shown") && !all.contains("5e5e"), "{args}: {all}");
    }
}

#[test]
fn config_check_judges_the_files_of_included_maps() {
    let home = home();
    let check = |text: &[u8]| {
        std::fs::write(home.path().join("map.yaml"), text).unwrap();
        run(&mut wherry(&home, "config check --dev --map-include map.yaml"))
    };
    let broken = check(b"regions: 7\n");
    assert_eq!((broken.code, broken.stderr.len()), (Some(78), 1), "{:?}", broken.stderr);
    assert!(broken.stderr[0].starts_with("wherry: map.yaml:1:10: error ["), "{:?}", broken.stderr);
    let binary = check(b"\x1f\x8b");
    assert_eq!(binary.code, Some(78), "{:?}", binary.stderr);
    let node = "{name: 7a, regionid: 7, hostname: a.example}";
    let good = check(
        format!("regions: {{7: {{regionid: 7, regioncode: a, regionname: A, nodes: [{node}]}}}}\n")
            .as_bytes(),
    );
    assert_eq!((good.code, good.stderr), (Some(0), Vec::new()));
}

#[test]
fn config_check_writes_nothing() {
    let home = home();
    assert_eq!(run(&mut wherry(&home, "config check --dev")).code, Some(0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn config_check_looks_into_the_files_that_are_named() {
    let home = home();
    std::fs::create_dir(home.path().join("certs")).unwrap();
    std::fs::write(home.path().join("nodes"), "nodekey:12\n").unwrap();
    let line = "config check --listen 127.0.0.1:1 --cert-dir certs --admit list:nodes";
    let finished = run(&mut wherry(&home, line));
    assert_eq!(finished.code, Some(78));
    let [list, certificates] = finished.stderr.as_slice() else { panic!("{:?}", finished.stderr) };
    assert!(list.starts_with("wherry: list nodes: line 1: "), "{list}");
    assert!(certificates.starts_with("wherry: certs holds no certificate"), "{certificates}");
    let finished = run(&mut wherry(&home, &format!("{line} --workers 0")));
    assert_eq!(finished.stderr.len(), 3, "a mistake elsewhere hides nothing: {:?}", finished.stderr);
}
