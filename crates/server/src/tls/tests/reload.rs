//! Files that change while the relay runs.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{Authority, chain, is_meta, leaf_for, open_folder, put};
use crate::tls::Expiry;

#[test]
fn failed_reload_keeps_the_old_and_shows_until_the_next_good_one() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (old, new) = (ca.leaf_until(&["a.example.com"], 10), ca.leaf(&["a.example.com"]));
    put(folder.path(), "a.crt", &[&old.cert]);
    put(folder.path(), "a.key", &[&old.key]);
    let certs = open_folder(folder.path(), "a.example.com").unwrap();
    assert_eq!(certs.status().expiry, Expiry::Soon);
    put(folder.path(), "a.crt", &[&new.cert]);
    certs.reload().unwrap_err();
    let first = certs.status().failure.unwrap();
    assert!(first.reason.contains("a.crt"), "{}", first.reason);
    assert_eq!(leaf_for(&certs, "a.example.com"), Some(old.der));
    certs.reload().unwrap_err();
    assert_eq!(certs.status().failure.unwrap().since, first.since, "failing since the first time");
    put(folder.path(), "a.key", &[&new.key]);
    certs.reload().unwrap();
    assert_eq!(certs.status().failure, None);
    assert_eq!(certs.status().expiry, Expiry::Far);
    let chain = chain(&certs, "a.example.com").unwrap();
    assert!(chain[0] == new.der && is_meta(&chain[1]), "the meta certificate follows the new leaf");
}

#[tokio::test(start_paused = true)]
async fn watch_serves_changed_files_and_keeps_the_old_when_they_are_bad() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (old, new) = (ca.leaf(&["a.example.com"]), ca.leaf(&["a.example.com"]));
    put(folder.path(), "a.pem", &[&old.cert, &old.key]);
    let certs = open_folder(folder.path(), "a.example.com").unwrap();
    let mut watch = std::pin::pin!(Arc::clone(&certs).watch());
    let mut let_watch_for = async |seconds| {
        tokio::time::timeout(Duration::from_secs(seconds), &mut watch).await.unwrap_err();
    };
    let_watch_for(3).await;
    put(folder.path(), "a.pem", &["-----BEGIN CERTIFICATE-----"]);
    let_watch_for(4).await;
    assert!(certs.status().failure.is_some());
    assert_eq!(leaf_for(&certs, "a.example.com"), Some(old.der));
    put(folder.path(), "a.pem", &[&new.cert, &new.key]);
    let_watch_for(4).await;
    assert_eq!(certs.status().failure, None);
    assert_eq!(leaf_for(&certs, "a.example.com"), Some(new.der));
}
