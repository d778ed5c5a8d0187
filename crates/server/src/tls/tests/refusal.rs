//! What is wrong with files is told at start, in one line with the remedy.

use std::fs;
use std::path::Path;

use super::fixture::{Authority, DAY, leaf_for, open_folder, put};
use crate::clock::Clock;
use crate::tls::Expiry;

fn start_error(folder: &Path, host: &str) -> String {
    let text = open_folder(folder, host).unwrap_err().to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    text
}

#[test]
fn certificate_that_does_not_match_its_key_is_named_with_the_key() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (good, bad) = (ca.leaf(&["good.example.com"]), ca.leaf(&["bad.example.com"]));
    put(folder.path(), "good.pem", &[&good.cert, &good.key]);
    put(folder.path(), "bad.crt", &[&bad.cert]);
    put(folder.path(), "bad.key", &[&ca.leaf(&["bad.example.com"]).key]);
    let text = start_error(folder.path(), "good.example.com");
    assert!(text.contains("bad.crt") && text.contains("bad.key"), "{text}");
    fs::remove_file(folder.path().join("bad.key")).unwrap();
    let text = start_error(folder.path(), "good.example.com");
    assert!(text.contains("no key in its folder belongs to the certificate"), "{text}");
}

#[test]
fn start_is_refused_with_the_reason_and_the_file() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let missing = folder.path().join("missing");
    assert!(start_error(&missing, "a.example.com").contains("cannot read"));
    assert!(start_error(folder.path(), "a.example.com").contains("holds no certificate with its key"));
    let old = ca.leaf_until(&["a.example.com"], -1);
    put(folder.path(), "old.pem", &[&old.cert, &old.key]);
    let text = start_error(folder.path(), "a.example.com");
    assert!(text.contains("old.pem expired on"), "{text}");
    let now = Clock::start().wall();
    let early = ca.leaf_between(&["a.example.com"], now + DAY, now + 2 * DAY);
    put(folder.path(), "old.pem", &[&early.cert, &early.key]);
    assert!(start_error(folder.path(), "a.example.com").contains("is valid only from"));
    let other = ca.leaf(&["b.example.com"]);
    put(folder.path(), "old.pem", &[&other.cert, &other.key]);
    assert!(start_error(folder.path(), "a.example.com").contains("is valid for a.example.com"));
    put(
        folder.path(),
        "old.pem",
        &[&other.cert, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
    );
    assert!(start_error(folder.path(), "b.example.com").contains("cannot be used"));
}

#[test]
fn expired_certificate_that_another_replaces_does_no_harm() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (old, new) = (ca.leaf_until(&["a.example.com"], -1), ca.leaf_until(&["*.example.com"], 60));
    let soon = ca.leaf_until(&["a.example.com"], 5);
    put(folder.path(), "old.pem", &[&old.cert, &old.key]);
    put(folder.path(), "soon.pem", &[&soon.cert, &soon.key]);
    put(folder.path(), "new.pem", &[&new.cert, &new.key]);
    let certs = open_folder(folder.path(), "a.example.com").unwrap();
    assert_eq!(leaf_for(&certs, "a.example.com"), Some(new.der));
    assert_eq!(certs.status().expiry, Expiry::Far, "nobody waits for the one that is replaced");
}
