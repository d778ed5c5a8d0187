//! `wherry map` as a user starts it.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use wherry_tools::map::{Rule, Severity};

/// Starts `wherry map` in the folder of maps; its exit code and stdout.
fn map(args: &[&str]) -> (i32, String) {
    let (code, out, _) = map_with_stderr(args);
    (code, out)
}

/// The same with stderr.
fn map_with_stderr(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.arg("map").args(args).current_dir(folder()).env_clear();
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/maps"))
}

/// Checks a map and compares what is said with the file beside it.
fn check(name: &str, args: &[&str]) {
    let (code, out) = map(&[&["check", "--offline"], args].concat());
    let golden = folder().join(format!("{name}.out"));
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(out, expected, "{}", golden.display());
    let is_wrong_word = out.contains(":// is not fetched");
    let expected = if is_wrong_word { 64 } else { 78 };
    assert_eq!(code, if out.contains(": error [") { expected } else { 0 }, "{out}");
}

macro_rules! maps {
    ($($test:ident: $file:literal,)+) => {
        $(#[test] fn $test() { check($file, &[$file]); })+

        /// All maps of the folder that have a test.
        const MAPS: &[&str] = &[$($file,)+];
    };
}

maps! {
    address_bad_yaml: "address-bad.yaml",
    address_differs_yaml: "address-differs.yaml",
    address_private_yaml: "address-private.yaml",
    bare_address_yaml: "bare-address.yaml",
    byte_order_mark_json: "byte-order-mark.json",
    byte_order_mark_yaml: "byte-order-mark.yaml",
    camel_case_yaml: "camel-case.yaml",
    cert_name_bad_yaml: "cert-name-bad.yaml",
    comments_json: "comments.json",
    compressed_json: "compressed.json",
    deprecated_yaml: "deprecated.yaml",
    duplicate_address_yaml: "duplicate-address.yaml",
    duplicate_key_json: "duplicate-key.json",
    duplicate_key_yaml: "duplicate-key.yaml",
    duplicate_node_name_yaml: "duplicate-node-name.yaml",
    duplicate_region_code_yaml: "duplicate-region-code.yaml",
    duplicate_region_id_yaml: "duplicate-region-id.yaml",
    empty_yaml: "empty.yaml",
    good_json: "good.json",
    good_yaml: "good.yaml",
    guide_yaml: "guide.yaml",
    headscale_configuration_yaml: "headscale-configuration.yaml",
    host_name_bad_yaml: "host-name-bad.yaml",
    host_name_missing_yaml: "host-name-missing.yaml",
    indentation_yaml: "indentation.yaml",
    insecure_yaml: "insecure.yaml",
    json_as_yaml_yaml: "json-as-yaml.yaml",
    key_no_number_json: "key-no-number.json",
    map_under_derp_yaml: "map-under-derp.yaml",
    mistyped_key_yaml: "mistyped-key.yaml",
    mistyped_near_yaml: "mistyped-near.yaml",
    must_be_meshed_yaml: "must-be-meshed.yaml",
    no_address_yaml: "no-address.yaml",
    no_home_yaml: "no-home.yaml",
    no_host_yaml: "no-host.yaml",
    no_regions_yaml: "no-regions.yaml",
    no_relay_yaml: "no-relay.yaml",
    no_stun_yaml: "no-stun.yaml",
    nobody_relays_yaml: "nobody-relays.yaml",
    node_idle_yaml: "node-idle.yaml",
    node_name_missing_yaml: "node-name-missing.yaml",
    node_region_differs_yaml: "node-region-differs.yaml",
    nodes_no_list_yaml: "nodes-no-list.yaml",
    null_node_yaml: "null-node.yaml",
    number_odd_yaml: "number-odd.yaml",
    other_case_json: "other-case.json",
    other_case_unmerged_yaml: "other-case-unmerged.yaml",
    pin_bad_yaml: "pin-bad.yaml",
    placeholder_yaml: "placeholder.yaml",
    policy_without_map_json: "policy-without-map.json",
    policy_goes_on_hujson: "policy-goes-on.hujson",
    policy_hujson: "policy.hujson",
    policy_snippet_hujson: "policy-snippet.hujson",
    port_blocked_yaml: "port-blocked.yaml",
    port_range_yaml: "port-range.yaml",
    port_zero_yaml: "port-zero.yaml",
    region_codes_missing_yaml: "region-codes-missing.yaml",
    region_id_differs_yaml: "region-id-differs.yaml",
    region_id_foreign_yaml: "region-id-foreign.yaml",
    region_id_range_yaml: "region-id-range.yaml",
    region_removed_yaml: "region-removed.yaml",
    regions_at_the_top_yaml: "regions-at-the-top.yaml",
    regions_in_a_list_json: "regions-in-a-list.json",
    second_document_yaml: "second-document.yaml",
    syntax_yaml: "syntax.yaml",
    tailscales_own_json: "tailscales-own.json",
    test_field_yaml: "test-field.yaml",
    unknown_key_yaml: "unknown-key.yaml",
    unterminated_json: "unterminated.json",
    utf_16_yaml: "utf-16.yaml",
    web_page_json: "web-page.json",
    without_effect_yaml: "without-effect.yaml",
    wrong_type_alone_json: "wrong-type-alone.json",
    wrong_type_json: "wrong-type.json",
    wrong_type_unquoted_yaml: "wrong-type-unquoted.yaml",
    wrong_type_yaml: "wrong-type.yaml",
}

#[test]
fn a_region_in_two_maps_is_named_with_both_places() {
    check("replaced", &["good.yaml", "good.json", "replaced-later.yaml"]);
}

#[test]
fn what_two_maps_must_not_have_both_is_told_unless_a_later_one_takes_it_away() {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, regions: &str| {
        fs::write(dir.path().join(file), format!("regions: {{{regions}}}")).unwrap();
        dir.path().join(file).to_str().unwrap().to_owned()
    };
    let region = |id: u16, host: &str| {
        let node = format!("{{name: 900a, regionid: {id}, hostname: {host}.example.com}}");
        format!("{id}: {{regionid: {id}, regioncode: a, regionname: A, nodes: [{node}]}}")
    };
    let one = write("one.yaml", &region(900, "a"));
    let other = write("other.yaml", &region(901, "b"));
    let gone = write("gone.yaml", "900: null");
    let (code, out) = map(&["check", "--offline", &one, &other]);
    assert_eq!(code, 78, "{out}");
    for (rule, value, what) in [
        ("error [duplicate-node-name]", "900a", "the node of region 900"),
        ("warning [duplicate-region-code]", "a", "in region 900"),
        ("warning [duplicate-region-name]", "A", "in region 900"),
    ] {
        let said = |line: &str| {
            line.starts_with(&other)
                && line.contains(rule)
                && line.contains(&format!("it is {value:?}, as {what} of {one} at line 1"))
        };
        assert!(out.lines().any(said), "{rule}: {out}");
    }
    for maps in [[&one, &gone, &other], [&one, &other, &gone]] {
        let args = ["check", "--offline"].into_iter().chain(maps.map(String::as_str)).collect::<Vec<_>>();
        let (code, out) = map(&args);
        assert!(code == 0 && !out.contains("duplicate"), "{out}");
    }
}

#[test]
fn what_looks_like_a_map_is_told_what_it_is_and_where() {
    let node = "nodes: [{name: 900a, regionid: 900, hostname: a.example.com}]";
    let region = format!("    regionid: 900\n    regioncode: a\n    regionname: A\n    {node}\n");
    let yaml = format!("regions:\n  900:\n{region}");
    let json = r#"{"Regions": {"900": {"RegionID": 900, "RegionCode": "ä，b"}}}"#;
    for (text, at, words) in [
        (yaml.replace("id: 900\n", "id：900\n"), "3:13", "'：', U+FF1A, stands here|write : for it"),
        (yaml.replace("regions:", "regions："), "1:8", "U+FF1A|write : for it"),
        (yaml.replace("    regioncode", "\u{a0}   regioncode"), "4:1", "U+00A0|a plain space"),
        (yaml.replace("code: a", "code:\u{3000}a"), "4:16", "U+3000|a plain space"),
        (json.replace("900, \"", "900， \""), "1:37", "U+FF0C|write , for it"),
        (json.replace("\"RegionID\"", "“RegionID”"), "1:22", "U+201C|write \" for it"),
        ("404: Not Found\n".to_owned(), "1:1", "web server answers|raw file"),
        (yaml.replace("  900:", "900:"), "1:1", "beside that key|two spaces more"),
        (json[1..json.len() - 1].to_owned(), "1:1", "a piece of JSON|put { before it"),
        ("\"904\": {\n\t\"RegionID\": 904\n}\n".to_owned(), "1:1", "a piece of JSON|put { before it"),
        (json.replace(": 900", ": ９００"), "1:34", "'９', U+FF19|write 9 for it"),
        (json.replace(": 900", ": ${ID}"), "1:34", "\"${ID}\"|placeholder of a template"),
        (yaml.replace("code: a", "code: {{ code }}"), "4:17", "\"{{ code }}\"|placeholder of a template"),
        (
            yaml.replace("  900:", "<<<<<<< x\n  900:\n>>>>>>> y"),
            "2:1",
            "conflict|to line 4|remove the lines",
        ),
        (format!("<<<<<<< x\n{yaml}>>>>>>> y\n"), "1:1", "conflict|remove the lines"),
        (format!("```yaml\n{yaml}```\n"), "1:1", "a fence of Markdown|remove this line"),
        (
            format!("apiVersion: v1\nkind: ConfigMap\ndata: {{derp.yaml: '{region}'}}\n"),
            "1:1",
            "Kubernetes|under data",
        ),
        ("- a\n- b\n".to_owned(), "1:1", "it is a list, but not a map"),
        (yaml.replace("code: a", "code:a"), "4:5", "no space|write regioncode: a"),
        (yaml.replace("code: a", "code: a: b"), "4:18", "a colon and a space|regioncode: \"a: b\""),
        (yaml.replace("code: a", "code: @a"), "4:17", "begins with '@'|regioncode: \"@a\""),
        ("{}\n".to_owned(), "1:1", "nothing in it|wherry map entry"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("map");
        fs::write(&file, &text).unwrap();
        let (code, out) = map(&["check", "--offline", file.to_str().unwrap()]);
        let place = format!("{}:{at}: error", file.display());
        let is_said = words.split('|').all(|word| out.contains(word));
        assert!(code == 78 && out.starts_with(&place) && is_said, "{text}\n{out}");
    }
    let switch = map_of(&yaml.replace("{name", "{stun: true, name"));
    assert!(!switch.contains("error") && switch.contains("warning [unknown-key]"), "{switch}");
    let quoted = map_of("\"904\": {regioncode: a}");
    assert!(!quoted.contains("[syntax]"), "Go's YAML takes it: {quoted}");
}

/// What map check says of a text.
fn map_of(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("map");
    fs::write(&file, text).unwrap();
    map(&["check", "--offline", file.to_str().unwrap()]).1
}

#[test]
fn what_is_nearly_an_address_or_no_name_yet_is_told_with_what_to_write() {
    let said = |fields: &str| {
        let node = format!("{{name: 900a, regionid: 900, {fields}}}");
        map_of(&format!(
            "regions: {{900: {{regionid: 900, regioncode: a, regionname: A, nodes: [{node}]}}}}\n"
        ))
    };
    for (fields, words) in [
        ("hostname: a.test, ipv4: 192.88.99.7/32", "with more than the address|write ipv4: \"192.88.99.7\""),
        (
            "hostname: a.test, ipv4: '192.88.99.7:443'",
            "with more than the address|write ipv4: \"192.88.99.7\"",
        ),
        ("hostname: a.test, ipv6: '5f00::7/128'", "with more than the address|write ipv6: \"5f00::7\""),
        ("ipv4: 192.88.99.7", "has no hostname|write its name, or hostname: \"192.88.99.7\""),
        ("ipv4: none, ipv6: '5f00::7'", "has no hostname|write its name, or hostname: \"[5f00::7]\""),
        ("hostname: your.domain.name", "note [example]|a name of examples"),
        ("hostname: YOUR_DOMAIN", "note [example]|a name of examples"),
    ] {
        let said = said(fields);
        assert!(words.split('|').all(|word| said.contains(word)), "{fields}: {said}");
    }
}

#[test]
fn an_entry_with_errors_is_not_printed() {
    let settings = "entry --listen plain:127.0.0.1:1 --map-port 443 --hostname relay.example --state state";
    let args: Vec<_> = settings.split(' ').chain(["--ipv4", "0.0.0.0"]).collect();
    let (code, out, err) = map_with_stderr(&args);
    assert_eq!((code, out.as_str()), (64, ""));
    let said = "wherry: the entry: error [address-bad]: region 900, node 900a, ipv4: it is \"0.0.0.0\", no address of any host; ";
    assert!(err.starts_with(said), "{err}");
}

#[test]
fn yaml_where_json_is_read_is_an_error() {
    check("yaml-as-json", &["--for", "headscale-urls", "good.yaml"]);
    check("yaml-as-policy", &["--for", "policy", "good.yaml"]);
}

#[test]
fn what_stands_in_a_policy_file_is_no_map_to_headscale() {
    let map = r#"{"derpMap": {"Regions": {"900": {"RegionID": 900, "RegionCode": "a", "RegionName": "A", "Nodes": [
        {"Name": "900a", "RegionID": 900, "HostName": "relay.test", "IPv4": "192.88.99.7", "IPv6": "none"}COMMA]}}}}"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    for (comma, reader, expected, rules) in [
        ("", "policy", 0, &[][..]),
        (",", "policy", 0, &[]),
        ("", "headscale-urls", 78, &["[not-a-map]"]),
        (",", "headscale-urls", 78, &["[not-a-map]", "[syntax]"]),
        ("", "headscale-paths", 78, &["[not-a-map]", "[json-as-yaml]"]),
    ] {
        fs::write(file.path(), map.replace("COMMA", comma)).unwrap();
        let (code, said) = self::map(&["check", "--offline", "--for", reader, file.path().to_str().unwrap()]);
        assert_eq!(code, expected, "{reader}: {said}");
        assert!(rules.iter().all(|rule| said.contains(rule)), "{reader}: {said}");
    }
}

#[test]
fn json_under_derp_paths_is_an_error_whatever_its_name() {
    check("json-under-paths", &["--for", "headscale-paths", "good.json"]);
}

#[test]
fn a_file_that_is_not_there_does_not_hide_what_is_wrong_with_the_others() {
    check("missing", &["no-such-file.yaml", "port-range.yaml", "ftp://example.com/derp.yaml"]);
}

#[test]
fn what_a_map_names_cannot_speak_to_the_terminal() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = r#"{"Regions":{"900":{"RegionID":900,"RegionCode":"a","RegionName":"A","k\u001b[2J\ney":1,"Nodes":[
        {"Name":"a\u001b]0;x\u0007\nforged: error","RegionID":900,"HostName":"a.example","DERPPort":70000}]}}}"#;
    fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    for args in [["check", "--offline", path].as_slice(), &["merge", path]] {
        let (_, out, err) = map_with_stderr(args);
        let said = format!("{out}{err}");
        assert!(said.contains(r"node a\u{1b}]0;x\u{7}\nforged: error"), "{said}");
        assert!(!said.contains('\u{1b}') && !said.contains("\nforged"), "{said:?}");
    }
    let (_, out) = map(&["check", "--offline", path]);
    assert!(out.contains(r"k\u{1b}[2J\ney"), "{out}");
}

#[test]
fn the_json_report_says_the_same() {
    let (code, out) = map(&["check", "--offline", "--json", "port-range.yaml"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"], &report["errors"]), (78, &false.into(), &2.into()));
    let is_it = |finding: &&serde_json::Value| finding["rule"] == "port-range";
    let finding = report["findings"].as_array().unwrap().iter().find(is_it).unwrap();
    let of = |field: &str| finding[field].to_string();
    let fields = ["severity", "rule", "source", "line", "column", "region", "node", "field"].map(of);
    let expected =
        ["\"error\"", "\"port-range\"", "\"port-range.yaml\"", "12", "19", "900", "\"900a\"", "\"derpport\""];
    assert_eq!(fields, expected);
}

#[test]
fn a_map_from_stdin_is_checked() {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherry"));
    command.args(["map", "check", "--offline", "-"]).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"regions: {}\n").unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(out.starts_with("stdin:1:10: error [no-regions]: regions: there is no region"), "{out}");
}

#[test]
fn merging_takes_the_later_region_and_removes_what_is_null_or_not_wanted() {
    let (code, out) =
        map(&["merge", "good.yaml", "region-removed.yaml", "policy.hujson", "--without", "HOME"]);
    assert_eq!(code, 0);
    assert_eq!(out, fs::read_to_string(folder().join("merged.out")).unwrap());
    let (code, out) = map(&["merge", "good.yaml", "--without", "1", "--without", "home", "--to", "acl"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "\"derpMap\": {\n  \"Regions\": {\n    \"1\": null,\n    \"900\": null\n  }\n}\n")
    );
}

#[test]
fn merging_refuses_what_would_leave_less_than_was_meant() {
    assert_eq!(map(&["merge", "good.yaml", "--without", "nowhere"]), (64, String::new()));
    assert_eq!(map(&["merge", "good.yaml", "--without", "900"]), (1, String::new()));
    assert_eq!(map(&["merge", "good.yaml", "camel-case.yaml"]), (78, String::new()));
    assert_eq!(map(&["merge", "good.yaml", "no-such-file.yaml"]), (1, String::new()));
    assert_eq!(map(&["convert", "wrong-type.json", "--to", "yaml"]), (78, String::new()));
}

#[test]
fn a_map_with_errors_is_neither_converted_nor_merged() {
    let bad = [
        ("port-range.yaml", "port-range"),
        ("region-id-range.yaml", "region-id-range"),
        ("pin-bad.yaml", "pin-bad"),
        ("address-bad.yaml", "address-bad"),
        ("duplicate-node-name.yaml", "duplicate-node-name"),
    ];
    for (file, rule) in bad {
        for args in [&["convert", file, "--to", "json"][..], &["merge", file]] {
            let (code, out, err) = map_with_stderr(args);
            assert_eq!((code, out.as_str()), (78, ""), "{args:?}: {err}");
            assert!(err.contains(&format!("error [{rule}]")), "{args:?}: {err}");
        }
    }
}

#[test]
fn map_check_is_named_only_where_it_says_more() {
    let last = |file| map_with_stderr(&["merge", file]).2.lines().last().map(str::to_owned);
    let all = Some("wherry: nothing is written: 1 error".to_owned());
    assert_eq!(last("no-regions.yaml"), all);
    let rest = "wherry: nothing is written: 4 errors; wherry map check says the rest: 2 warnings, 2 notes";
    assert_eq!(last("no-host.yaml"), Some(rest.to_owned()));
}

#[test]
fn what_is_wrong_with_the_form_alone_is_converted() {
    let files = [
        ("json-as-yaml.yaml", "yaml"),
        ("comments.json", "json"),
        ("other-case-unmerged.yaml", "json"),
        ("byte-order-mark.json", "json"),
    ];
    for (file, form) in files {
        let (code, out) = map(&["convert", file, "--to", form]);
        assert_eq!((code, out.is_empty()), (0, false), "{file}");
    }
}

#[test]
fn nodes_of_one_name_from_two_maps_are_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.yaml");
    let good = fs::read_to_string(self::folder().join("good.yaml")).unwrap();
    let moved = good.replace("  900:", "  901:").replace("regionid: 900", "regionid: 901");
    fs::write(&other, moved.replace("home", "away").replace("Home", "Away")).unwrap();
    let (code, out, err) = map_with_stderr(&["merge", "good.yaml", other.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (78, ""), "{err}");
    assert!(err.contains("the merged map: error [duplicate-node-name]"), "{err}");
}

#[test]
fn each_region_that_without_removes_is_named() {
    let (code, _, err) =
        map_with_stderr(&["merge", "good.yaml", "--without", "home", "--without", "1", "--to", "acl"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("--without home: region 900 (home): removed\n"), "{err}");
    assert!(
        err.contains("--without 1: region 1 is in none of the maps: null takes away Tailscale's own\n"),
        "{err}"
    );
}

#[test]
fn a_map_keeps_its_meaning_through_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = folder.path().join("first");
    fs::write(&last, fs::read(self::folder().join("policy.hujson")).unwrap()).unwrap();
    let (_, first) = map(&["convert", "policy.hujson", "--to", "json"]);
    for (form, name) in [("yaml", "a"), ("acl", "b"), ("json", "c")] {
        let (code, out) = map(&["convert", last.to_str().unwrap(), "--to", form]);
        assert_eq!(code, 0);
        last = folder.path().join(name);
        fs::write(&last, out).unwrap();
    }
    assert_eq!(fs::read_to_string(&last).unwrap(), first);
}

/// Merges a good map into a file, by a shell that lets nobody else read what it makes; its exit code and stderr.
fn merge_to(out: &Path) -> (Option<i32>, String) {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "umask 077; exec \"$0\" map merge good.yaml --out \"$1\"",
        env!("CARGO_BIN_EXE_wherry"),
    ]);
    let output = shell.arg(out).current_dir(folder()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_file_that_a_map_replaces_keeps_its_owner_and_its_readers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("derp.yaml");
    let rights = || fs::metadata(&file).map(|meta| (meta.mode() & 0o7777, meta.uid(), meta.gid())).unwrap();
    assert_eq!(merge_to(&file), (Some(0), String::new()));
    assert_eq!(rights().0, 0o600, "a new one is as the shell has it");
    // Root alone can give a file away.
    if rights().1 == 0 {
        chown(&file, Some(60001), Some(60002)).unwrap();
    }
    for mode in [0o644, 0o640, 0o666, 0o604] {
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let before = rights();
        assert_eq!(merge_to(&file), (Some(0), String::new()));
        assert_eq!((rights(), before.0), (before, mode));
        assert_ne!(fs::read_to_string(&file).unwrap(), "old");
    }
}

#[test]
fn a_map_for_a_link_that_leads_nowhere_is_made_where_it_leads() {
    let dir = tempfile::tempdir().unwrap();
    let [map, link, other, lost] =
        ["deep/derp.yaml", "deep/link", "other", "lost"].map(|name| dir.path().join(name));
    fs::create_dir(dir.path().join("deep")).unwrap();
    symlink("derp.yaml", &link).unwrap();
    symlink("deep/link", &other).unwrap();
    assert_eq!(merge_to(&other), (Some(0), String::new()));
    assert!(link.is_symlink() && other.is_symlink() && map.is_file() && !map.is_symlink());
    symlink("gone/derp.yaml", &lost).unwrap();
    let (code, err) = merge_to(&lost);
    assert!(code == Some(64) && err.contains("gone/derp.yaml: no such folder"), "{err}");
    assert!(lost.is_symlink() && !dir.path().join("gone").exists());
}

#[test]
fn every_map_of_the_folder_has_a_test_and_every_rule_about_a_text_a_map() {
    let (mut said, mut without) = (String::new(), Vec::new());
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|ending| ending == "out") {
            said += &fs::read_to_string(&path).unwrap();
        } else if !MAPS.contains(&name) && name != "replaced-later.yaml" {
            without.push(name.to_owned());
        }
    }
    assert_eq!(without, [""; 0]);
    let about_the_network = [
        Rule::HttpStatus,
        Rule::NameUnresolved,
        Rule::OtherFamily,
        Rule::NodeDown,
        Rule::PinDiffers,
        Rule::CertificateRefused,
        Rule::Port80Silent,
        Rule::StunSilent,
        Rule::NotMeshed,
        Rule::NotAsked,
        Rule::TrustedHere,
    ];
    let unsaid =
        |rule: &&Rule| !said.contains(&format!("[{}]", rule.word())) && !about_the_network.contains(rule);
    let unsaid: Vec<_> = Rule::ALL.iter().filter(unsaid).collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
    assert!(Rule::ALL.iter().any(|rule| rule.severity() == Severity::Note));
}
