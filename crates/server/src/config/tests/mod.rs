mod bad_values;
mod map;

use std::path::PathBuf;

use super::*;

/// A folder with the files a test needs, and the sources of a relay on loopback that has nothing to complain about.
struct Desk {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let env = Environment::of([("HOME", "/nonexistent")]);
        let mut desk = Self { dir, sources: Sources { env, ..Sources::default() } };
        desk.flag("state", &[state.to_str().unwrap()]);
        desk.flag("hostname", &["relay.example"]);
        desk.flag("listen", &["127.0.0.1:8443"]);
        desk.flag("self_signed", &["true"]);
        desk
    }

    /// Nothing set at all.
    fn bare() -> Self {
        let mut desk = Self::new();
        desk.sources.flags.clear();
        desk
    }

    fn flag(&mut self, name: &str, values: &[&str]) {
        let key = key(name).unwrap();
        self.sources.flags.retain(|flag| flag.key.name != name);
        self.sources.flags.push(Flag { key, values: values.iter().map(|&value| value.to_owned()).collect() });
    }

    fn env(&mut self, variables: &[(&'static str, &'static str)]) {
        self.sources.env = Environment::of(variables.iter().copied().chain([("HOME", "/nonexistent")]));
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn file(&mut self, text: &str) {
        self.sources.file = Some(self.write("wherry.toml", text));
    }

    fn load(&self) -> Effective {
        load(&self.sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The problems, one a line, with the folder of the test cut out.
    fn problems(&self) -> Vec<String> {
        let dir = format!("{}/", self.dir.path().display());
        let problems = load(&self.sources).expect_err("nothing to complain about");
        problems.all.iter().map(|problem| problem.to_string().replace(&dir, "")).collect()
    }

    fn origin(&self, name: &str) -> String {
        let rows = self.load().survey.rows;
        let origin = rows.into_iter().find(|row| row.key == name).unwrap().origin.to_string();
        origin.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let mut desk = Desk::new();
    assert_eq!(desk.origin("limits.keepalive"), "default");
    assert_eq!(desk.load().settings.limits.keepalive.as_secs(), 60);
    desk.file("# one\n[limits]\nkeepalive = '61s'\n");
    assert_eq!(desk.origin("limits.keepalive"), "wherry.toml:3");
    assert_eq!(desk.load().settings.limits.keepalive.as_secs(), 61);
    desk.env(&[("WHERRY_LIMITS_KEEPALIVE", "1m2s")]);
    assert_eq!(desk.origin("limits.keepalive"), "environment WHERRY_LIMITS_KEEPALIVE");
    assert_eq!(desk.load().settings.limits.keepalive.as_secs(), 62);
    desk.flag("limits.keepalive", &["63s"]);
    assert_eq!(desk.origin("limits.keepalive"), "flag --limits-keepalive");
    assert_eq!(desk.load().settings.limits.keepalive.as_secs(), 63);
}

#[test]
fn dev_needs_nothing_and_stays_on_loopback() {
    let mut desk = Desk::bare();
    desk.sources.dev = true;
    let settings = desk.load().settings;
    assert_eq!(settings.admit, Admit::Open);
    assert_eq!(settings.listen, [ListenAddr::parse("127.0.0.1:3340").unwrap()]);
    assert_eq!(settings.stun, ["127.0.0.1:3478".parse().unwrap()]);
    assert_eq!(settings.state_dir, PathBuf::from("/nonexistent/.local/state/wherry/dev"));
    assert!(matches!(settings.cert, Some(CertSetting::SelfSigned { .. })));
    assert_eq!(desk.origin("admit"), "--dev");
}

#[test]
fn dev_on_a_public_address_still_wants_an_admission_choice() {
    let mut desk = Desk::bare();
    desk.sources.dev = true;
    desk.flag("listen", &["0.0.0.0:443"]);
    assert_eq!(
        desk.problems(),
        [
            "admit: not set, and 0.0.0.0:443 can be reached from outside: say who may use the relay: --admit list:FILE (node keys, one a line) or --admit open (anybody)"
        ]
    );
    desk.file("# nothing yet");
    let in_file = r#"say who may use the relay: admit = "list:FILE" (node keys, one a line) or admit = "open" (anybody)"#;
    assert!(desk.problems()[0].ends_with(in_file), "{:?}", desk.problems());
    desk.flag("admit", &["open"]);
    assert_eq!(desk.load().settings.admit, Admit::Open);
}

#[test]
fn nothing_set_is_refused_with_what_to_do() {
    assert_eq!(
        Desk::bare().problems(),
        [
            "admit: not set, and [::]:443 can be reached from outside: say who may use the relay: --admit list:FILE (node keys, one a line) or --admit open (anybody)",
            "cert_dir: not set, and [::]:443 speaks TLS: give --cert-dir DIR (your own certificates) or --self-signed",
        ]
    );
}

#[test]
fn what_is_missing_in_a_file_is_named_by_its_keys() {
    let mut desk = Desk::bare();
    desk.file("admit = 'open'");
    let certificate = r#"cert_dir: not set, and [::]:443 speaks TLS: set cert_dir = "DIR" (your own certificates) or self_signed = true"#;
    assert_eq!(desk.problems(), [certificate]);
    desk.file("admit = 'open'\nself_signed = true");
    let hostname = r#"hostname: not set, and a self-signed certificate needs it: set hostname = "NAME", the name or IP that clients dial"#;
    assert_eq!(desk.problems(), [hostname]);
    desk.sources.env = Environment::default();
    assert!(
        desk.problems().iter().any(|one| one.ends_with(r#": set state = "DIR""#)),
        "{:?}",
        desk.problems()
    );
}

#[test]
fn the_words_of_derper_lead_to_the_keys_that_do_the_same() {
    let mut desk = Desk::new();
    desk.file("stun_port = 3479\nverify_clients = true\ncertdir = 'x'\ncertmode = 'manual'\n");
    desk.env(&[("WHERRY_STUN_PORT", "3479")]);
    let said = desk.problems().join("\n");
    for (word, key) in [
        ("stun_port", "stun"),
        ("verify_clients", "admit"),
        ("certdir", "cert_dir"),
        ("certmode", "self_signed"),
    ] {
        assert!(said.contains(&format!("unknown key {word:?} (")), "{said}");
        assert!(said.contains(&format!("did you mean {key:?}?")), "{word}: {said}");
    }
    assert!(said.contains("did you mean \"WHERRY_STUN\"?"), "{said}");
}

#[test]
fn port_80_and_stun_follow_the_listeners() {
    let mut desk = Desk::new();
    desk.flag("admit", &["open"]);
    desk.flag("listen", &["192.0.2.1:443", "[2001:db8::1]:8443", "plain:192.0.2.1:8080"]);
    let settings = desk.load().settings;
    assert_eq!(settings.http, ["192.0.2.1:80".parse().unwrap()]);
    assert_eq!(settings.stun, ["192.0.2.1:3478".parse().unwrap(), "[2001:db8::1]:3478".parse().unwrap()]);
    assert_eq!(settings.listen.iter().filter(|one| one.tls).count(), 2);
    desk.flag("stun", &["off"]);
    desk.flag("http", &["off"]);
    let settings = desk.load().settings;
    assert!(settings.http.is_empty() && settings.stun.is_empty());
}

#[test]
fn auto_leaves_out_what_a_wildcard_takes_anyway() {
    let stun_beside = |listen: &[&str]| {
        let mut desk = Desk::new();
        desk.flag("admit", &["open"]);
        desk.flag("listen", listen);
        desk.load().settings.stun.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(stun_beside(&[":443", "plain:127.0.0.1:8080", "[::1]:8443"]), "[::]:3478");
    assert_eq!(stun_beside(&["0.0.0.0:443", "127.0.0.1:8443", "[::1]:443"]), "0.0.0.0:3478 [::1]:3478");
    assert_eq!(stun_beside(&[":443", "0.0.0.0:8443"]), "0.0.0.0:3478 [::]:3478");
}

#[test]
fn a_wildcard_and_one_of_its_addresses_on_the_same_port_are_refused() {
    let mut desk = Desk::new();
    desk.flag("admit", &["open"]);
    desk.flag("listen", &[":443", "plain:127.0.0.1:443"]);
    desk.flag("http", &["0.0.0.0:80", "[::]:80"]);
    desk.flag("stun", &["127.0.0.1:3478", "0.0.0.0:3478"]);
    assert_eq!(
        desk.problems(),
        [
            r#"listen = ":443,plain:127.0.0.1:443" (flag --listen): [::]:443 is every address of the host, 127.0.0.1:443 with them; remove one of the two"#,
            r#"stun = "127.0.0.1:3478,0.0.0.0:3478" (flag --stun): 0.0.0.0:3478 is every address of the host, 127.0.0.1:3478 with them; remove one of the two"#,
        ]
    );
    desk.flag("listen", &[":0", "127.0.0.1:0", "0.0.0.0:443", "[2001:db8::1]:443"]);
    desk.flag("stun", &["off"]);
    assert_eq!(desk.load().settings.listen.len(), 4);
}

#[test]
fn plain_listeners_need_no_certificate() {
    let mut desk = Desk::bare();
    desk.flag("listen", &["plain:127.0.0.1:8080"]);
    assert_eq!(desk.load().settings.cert, None);
}

#[test]
fn a_wildcard_takes_both_families_unless_ipv4_is_listed_too() {
    let all = ["[::]:443", "0.0.0.0:80", "[::]:80", "[::1]:443"].map(|text| text.parse().unwrap());
    assert_eq!(all.each_ref().map(|addr| dual_stack(addr, &all)), [true, false, false, false]);
}

#[test]
fn a_file_that_cannot_be_used_says_which_and_why() {
    let mut desk = Desk::new();
    let junk = desk.write("junk", "not a key\n");
    let zero = desk.write("zero", &"0".repeat(64));
    let junk = junk.to_str().unwrap();
    desk.flag("admit", &["list:/nonexistent/list"]);
    desk.flag("self_signed", &["false"]);
    desk.flag("cert_dir", &[junk]);
    desk.flag("key_file", &[junk]);
    desk.flag("mesh_key_file", &[zero.to_str().unwrap()]);
    assert_eq!(
        desk.problems(),
        [
            r#"admit = "list:/nonexistent/list" (flag --admit): no such file; make it: mkdir -p /nonexistent && touch /nonexistent/list; then a node key a line, a name behind it if you like; an empty list admits nobody"#,
            r#"cert_dir = "junk" (flag --cert-dir): not a folder; name the folder that holds the files"#,
            r#"key_file = "junk" (flag --key-file): not a node key: neither JSON with a PrivateKey as derper writes it nor a line privkey:HEX"#,
            r#"mesh_key_file = "zero" (flag --mesh-key-file): the key is all zero, which means no key; make one with: openssl rand -hex 32"#,
        ]
    );
    desk.flag("mesh_key_file", &[junk]);
    assert!(
        desk.problems().contains(
            &r#"mesh_key_file = "junk" (flag --mesh-key-file): not a mesh key: 64 hex digits are wanted"#
                .to_owned()
        )
    );
}

#[test]
fn a_switch_that_cannot_be_read_is_taken_for_neither() {
    let mut desk = Desk::new();
    desk.flag("self_signed", &["yes"]);
    assert_eq!(
        desk.problems(),
        [r#"self_signed = "yes" (flag --self-signed): not one of the allowed words; allowed: true or false"#,]
    );
    desk.flag("listen", &["0.0.0.0:8443"]);
    desk.flag("derp", &["yes"]);
    desk.flag("cert_dir", &["/nonexistent"]);
    desk.flag("admin", &["0.0.0.0:1"]);
    desk.flag("admin_exposed", &["yes"]);
    let keys: Vec<_> = desk
        .problems()
        .iter()
        .map(|line| line.split([' ', ':']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(keys, ["derp", "admit", "self_signed", "cert_dir", "admin_exposed", "admin"]);
}

#[test]
fn what_cannot_be_read_is_not_taken_for_not_set() {
    let mut desk = Desk::bare();
    desk.sources.env = Environment::default();
    let only = |desk: &Desk, start: &str| {
        let problems = desk.problems();
        assert!(problems.len() == 1 && problems[0].starts_with(start), "{problems:?}");
    };
    desk.flag("admin", &["0.0.0.0:1"]);
    desk.file("admit = \n");
    only(&desk, "config file wherry.toml:1: not valid TOML");
    desk.sources.file = Some("/nonexistent/wherry.toml".into());
    only(&desk, "config file /nonexistent/wherry.toml: No such file");
    desk.flag("workers", &["0"]);
    assert_eq!(desk.problems().len(), 2, "a bad flag is bad whatever the file says");
    let survey = load(&desk.sources).unwrap_err().survey;
    let rows: Vec<_> = survey.rows.iter().map(|row| row.key).collect();
    assert_eq!(rows, ["admin", "workers"], "the file may say anything of the others");
    desk.sources.file = None;
    desk.sources.flags.clear();
    desk.sources.incomplete = true;
    assert_eq!(desk.problems(), [""; 0]);
}

#[test]
fn an_unknown_key_hides_only_what_it_may_have_been_meant_for() {
    let said = |text: &str| {
        let mut desk = Desk::bare();
        desk.file(&format!("hostname = '203.0.113.7'\nadmin = '0.0.0.0:3341'\n{text}\n"));
        let problems = desk.problems();
        let keys = problems.iter().map(|line| line.split([' ', ':']).next().unwrap_or_default().to_owned());
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(said("listn = ':443'\nself_signed = true"), "unknown admit admin");
    assert_eq!(said("admti = 'open'\nself_signed = true"), "unknown admin");
    assert_eq!(said("admit = { list = 'x' }\nself_signed = true"), "admit admin");
    assert_eq!(said("admit = 'open'\nself_singed = true\nadmin_expose = true"), "unknown unknown");
    assert_eq!(said("[limits]\nadmit = 'open'\nself_signed = true"), "admit self_signed admin");
}

#[test]
fn a_key_behind_a_table_is_told_to_stand_above_it() {
    let mut desk = Desk::new();
    desk.file("[limits]\nkeepalive = '61s'\nmap.ipv6 = '2001:db8::10'\nhome = 'blank'\n");
    assert_eq!(
        desk.problems(),
        [
            "home (wherry.toml:4): it stands under [limits], so it is read as limits.home; put it above that line",
            "map.ipv6 (wherry.toml:3): it stands under [limits], so it is read as limits.map.ipv6; put it above that line",
        ]
    );
    desk.file("limits.memory = '64MiB'\n[limits]\n");
    assert_eq!(
        desk.problems(),
        [
            "config file wherry.toml:2: not valid TOML: duplicate key `limits`; all of it must stand in one place"
        ]
    );
}

#[test]
fn values_are_shown_beside_the_problems() {
    let mut desk = Desk::new();
    desk.flag("workers", &["0"]);
    desk.flag("listen", &["x:1"]);
    let rows = load(&desk.sources).unwrap_err().survey.rows;
    let of = |name: &str| rows.iter().find(|row| row.key == name).unwrap().values.join(",");
    assert_eq!([of("listen"), of("workers"), of("stun"), of("home")], ["x:1", "0", "auto", "default"]);
    assert_eq!(rows.len(), KEYS.len());
}

#[test]
fn what_is_off_is_shown_in_words() {
    let mut desk = Desk::new();
    desk.flag("stun", &["off"]);
    desk.flag("admin", &["off"]);
    desk.flag("limits.write_timeout", &["off"]);
    let rows = desk.load().survey.rows;
    for name in ["http", "stun", "admin", "limits.write_timeout"] {
        assert_eq!(rows.iter().find(|row| row.key == name).unwrap().values, ["off"], "{name}");
    }
}

#[test]
fn a_port_alone_is_every_address() {
    let mut desk = Desk::new();
    desk.file("listen = 8443\nstun = [3478]\nadmit = 'open'\n");
    desk.sources.flags.retain(|flag| flag.key.name != "listen");
    let settings = desk.load().settings;
    assert_eq!(settings.listen, [ListenAddr::parse(":8443").unwrap()]);
    assert_eq!(settings.stun, ["[::]:3478".parse().unwrap()]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut desk = Desk::new();
    desk.file("lisen = ':443'\nworkers = true\nstun = [':1', { a = 1 }]\n[limit]\nhttp = '1s'\n[limits]\nhtpp = '1s'\n");
    desk.env(&[("WHERRY_DEV", "1"), ("WHERRY_STNU", ":1"), ("WHERRY_LIMITS_HANDSHAKE", "1")]);
    desk.flag("home", &["x"]);
    assert_eq!(
        desk.problems(),
        [
            r#"unknown key "limit" (wherry.toml:4); did you mean "limits"?"#,
            r#"unknown key "limits.htpp" (wherry.toml:7); did you mean "limits.http"?"#,
            r#"unknown key "lisen" (wherry.toml:1); did you mean "listen"?"#,
            r#"stun = "a table" (wherry.toml:3): a table is not a value for this key; allowed: [IP]:PORT, off, or auto"#,
            r#"unknown key "WHERRY_DEV" (environment WHERRY_DEV); `wherry config reference` lists those there are"#,
            r#"unknown key "WHERRY_STNU" (environment WHERRY_STNU); did you mean "WHERRY_STUN"?"#,
            r#"home = "x" (flag --home): not one of the allowed words; allowed: default, blank, or an http:// or https:// URL"#,
            r#"workers = "true" (wherry.toml:2): not a number; allowed: 1 to 1024, or auto"#,
            r#"limits.handshake = "1" (environment WHERRY_LIMITS_HANDSHAKE): no unit; allowed: a number with its unit: 500ms, 10s, 5m, 1h"#,
        ]
    );
}

#[test]
fn broken_toml_names_its_line() {
    let mut desk = Desk::new();
    desk.file("derp = true\nlisten = \n");
    let problems = desk.problems();
    assert!(problems[0].starts_with("config file wherry.toml:2: not valid TOML: "), "{problems:?}");
    desk.sources.file = Some(desk.dir.path().join("missing.toml"));
    assert_eq!(
        desk.problems(),
        [
            "config file missing.toml: No such file or directory (os error 2); check the path, or put it there first"
        ]
    );
}

#[test]
fn variables_of_an_orchestrator_or_a_test_suite_are_not_settings() {
    let mut desk = Desk::new();
    desk.env(&[
        ("WHERRY_PORT", "tcp://10.0.0.1:443"),
        ("WHERRY_PORT_443_TCP_ADDR", "10.0.0.1"),
        ("WHERRY_SERVICE_HOST", "10.0.0.1"),
        ("WHERRY_CONFIG", "x.toml"),
        ("WHERRY_SUBJECT", "wherry"),
        ("WHERRY_DERPER", "/usr/bin/derper"),
    ]);
    desk.load();
}

#[test]
fn the_mailbox_holds_what_the_switch_worked_out() {
    assert_eq!(Desk::new().load().settings.limits.mailbox, wherry_switch::MailboxLimits::default());
}

#[test]
fn a_file_out_of_reach_says_what_to_do() {
    let mut desk = Desk::new();
    let file = desk.write("file", "");
    desk.flag("admit", &[&format!("list:{}/below", file.display())]);
    let folder = desk.dir.path().display().to_string();
    desk.flag("mesh_key_file", &[&folder]);
    let problems = desk.problems();
    assert!(
        problems[0].ends_with("Not a directory (os error 20); a part of the path is a file, not a folder"),
        "{problems:?}"
    );
    assert!(
        problems[1].ends_with("Is a directory (os error 21); name a file, not its folder"),
        "{problems:?}"
    );
    // Root may read everything, so the system's word stands in for a refusal.
    let refused = cure(&std::io::ErrorKind::PermissionDenied.into());
    assert!(refused.contains("must be able to read it"), "{refused}");
}

#[test]
fn a_list_that_is_missing_in_a_folder_that_is_there_needs_no_folder_made() {
    let mut desk = Desk::new();
    let list = format!("list:{}/nodes", desk.dir.path().display());
    desk.flag("admit", &[&list]);
    assert!(desk.problems()[0].contains("make it: touch "), "{:?}", desk.problems());
}

#[test]
fn memory_is_what_was_said_or_a_share_of_the_machine_that_is_shown() {
    let mut desk = Desk::new();
    let found = desk.load();
    let shown = found.survey.rows.iter().find(|row| row.key == "limits.memory").map(|row| row.values.clone());
    assert_eq!(shown, Some(vec![value::show_size(found.settings.limits.memory)]));
    assert!(found.settings.limits.memory >= 16 << 20);
    let reason = |found: &Effective| {
        let row = found.survey.rows.iter().find(|row| row.key == "limits.memory");
        row.and_then(|row| row.reason.clone())
    };
    assert!(
        reason(&found).is_some_and(|reason| reason.contains("a quarter of the ")),
        "{:?}",
        reason(&found)
    );
    desk.flag("limits.memory", &["64MiB"]);
    assert_eq!(desk.load().settings.limits.memory, 64 << 20);
    assert_eq!(reason(&desk.load()), None, "what was said needs no reason");
}

#[test]
fn every_key_has_a_row_a_default_that_parses_and_a_documentation() {
    let rows: Vec<_> = Desk::new().load().survey.rows.into_iter().map(|row| row.key).collect();
    assert_eq!(rows, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    for key in KEYS {
        assert!(!key.doc.is_empty() && !key.takes.is_empty() && !key.value_name.is_empty(), "{}", key.name);
    }
}

#[test]
fn the_state_folder_is_chosen_by_systemd_then_the_user() {
    let dir = |vars: &[(&'static str, &'static str)]| Environment::of(vars.iter().copied()).state_dir();
    assert_eq!(dir(&[]), None);
    assert_eq!(dir(&[("HOME", "/home/x")]), Some("/home/x/.local/state/wherry".into()));
    assert_eq!(dir(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/wherry".into()));
    assert_eq!(dir(&[("HOME", "/h"), ("STATE_DIRECTORY", "/a:/b")]), Some("/a".into()));
    let mut desk = Desk::bare();
    desk.sources.env = Environment::default();
    assert!(desk.problems().contains(
        &"state: not set, and there is no home folder to choose one in: give --state DIR".to_owned()
    ));
}

#[test]
fn a_node_key_is_made_once_with_mode_0600_and_read_in_every_form() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let path = desk.dir.path().join("deep/er/derp.key");
    let source = NodeKeySource::File(path.clone());
    let made = source.load([7; 32]).unwrap();
    let again = source.load([8; 32]).unwrap();
    assert_eq!(*made.to_text(), *again.to_text());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, format!("{{\n\t\"PrivateKey\": \"{}\"\n}}", *made.to_text()));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "the draft is gone");
    for form in [text.replace("PrivateKey", "privatekey"), format!("{}\n", *made.to_text())] {
        let path = desk.write("form", &form);
        assert_eq!(*read_node_key(&path).unwrap().unwrap().to_text(), *made.to_text());
    }
    for form in ["", "{}", "{\"PrivateKey\": 1}", "privkey:00", "\0\u{1}"] {
        let path = desk.write("form", form);
        assert!(matches!(read_node_key(&path), Err(KeyFileError::Form)), "{form:?}");
    }
}

#[test]
fn the_reference_page_is_the_register() {
    let committed = include_str!("../../../../../docs/reference/config.md");
    assert_eq!(committed, reference(), "run: wherry config reference > docs/reference/config.md");
}

#[test]
fn a_table_written_as_a_key_is_told_how_it_is_written() {
    let mut desk = Desk::new();
    desk.file("limits = 3\n");
    assert_eq!(desk.problems(), [r#"unknown key "limits" (wherry.toml:1); did you mean "[limits]"?"#]);
}

#[test]
fn a_word_for_none_stands_alone() {
    let mut desk = Desk::new();
    desk.flag("stun", &["off", "127.0.0.1:3"]);
    let alone = r#"stun = "off" (flag --stun): it stands alone, but others are given too; allowed: [IP]:PORT, off, or auto"#;
    assert_eq!(desk.problems(), [alone]);
}
