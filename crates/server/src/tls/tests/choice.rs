//! Which certificate of a folder a client gets, and with which chain.

use std::fs;

use super::fixture::{Authority, chain, is_meta, leaf_for, open_folder, put};

#[test]
fn pairs_are_found_by_content_whatever_the_files_are_called() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (one, two) = (ca.leaf(&["one.example.com"]), ca.leaf(&["two.example.com"]));
    put(folder.path(), "a.pem", &[&one.cert, &ca.between_pem, &two.key]);
    put(folder.path(), "b", &[&one.key]);
    put(folder.path(), "c.txt", &[&two.cert]);
    put(folder.path(), "README", &["no certificate at all"]);
    let certs = open_folder(folder.path(), "one.example.com").unwrap();
    assert_eq!(leaf_for(&certs, "one.example.com"), Some(one.der));
    assert_eq!(leaf_for(&certs, "two.example.com"), Some(two.der));
    assert_eq!(certs.pin(), None, "issued by an authority");
}

#[test]
fn several_names_and_wildcards_each_get_their_certificate() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let wild = ca.leaf_until(&["*.example.com"], 80);
    let exact = ca.leaf_until(&["derp.example.com", "derp.example.net"], 90);
    put(folder.path(), "w.crt", &[&wild.cert]);
    put(folder.path(), "w.key", &[&wild.key]);
    put(folder.path(), "e.crt", &[&exact.cert]);
    put(folder.path(), "e.key", &[&exact.key]);
    let certs = open_folder(folder.path(), "derp.example.com").unwrap();
    assert_eq!(leaf_for(&certs, "derp.example.com"), Some(exact.der.clone()));
    assert_eq!(leaf_for(&certs, "DERP.example.NET"), Some(exact.der));
    assert_eq!(leaf_for(&certs, "other.example.com"), Some(wild.der));
    assert_eq!(leaf_for(&certs, "a.other.example.com"), None);
}

#[test]
fn unknown_name_address_and_no_name_are_refused_when_the_host_is_a_name() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let leaf = ca.leaf(&["derp.example.com"]);
    put(folder.path(), "x.pem", &[&leaf.cert, &leaf.key]);
    let certs = open_folder(folder.path(), "derp.example.com").unwrap();
    assert_eq!(leaf_for(&certs, "other.example.com"), None);
    assert_eq!(leaf_for(&certs, "127.0.0.1"), None, "sends no name");
}

#[test]
fn any_name_and_none_are_served_when_the_host_is_an_address() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let (ip, name) = (ca.leaf(&["192.0.2.7"]), ca.leaf(&["derp.example.com"]));
    put(folder.path(), "x.pem", &[&ip.cert, &ip.key]);
    put(folder.path(), "y.pem", &[&name.cert, &name.key]);
    let certs = open_folder(folder.path(), "192.0.2.7").unwrap();
    assert_eq!(leaf_for(&certs, "192.0.2.7"), Some(ip.der.clone()));
    assert_eq!(leaf_for(&certs, "unknown.example.com"), Some(ip.der));
    assert_eq!(leaf_for(&certs, "derp.example.com"), Some(name.der));
}

#[test]
fn chain_keeps_its_order_and_ends_in_the_meta_certificate() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let leaf = ca.leaf(&["derp.example.com"]);
    put(folder.path(), "x.pem", &[&leaf.cert, &ca.between_pem, &leaf.key]);
    let certs = open_folder(folder.path(), "derp.example.com").unwrap();
    let chain = chain(&certs, "derp.example.com").unwrap();
    assert_eq!(chain[..2], [leaf.der, ca.between.clone()]);
    assert!(chain.len() == 3 && is_meta(&chain[2]));
}

#[test]
fn chain_with_its_leaf_last_is_put_in_order() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let leaf = ca.leaf(&["derp.example.com"]);
    put(folder.path(), "x.pem", &[&ca.between_pem, &leaf.cert, &leaf.key]);
    let certs = open_folder(folder.path(), "derp.example.com").unwrap();
    assert_eq!(chain(&certs, "derp.example.com").unwrap()[..2], [leaf.der, ca.between.clone()]);
}

#[test]
fn leaf_alone_in_its_file_is_completed_from_the_folder() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let leaf = ca.leaf(&["derp.example.com"]);
    put(folder.path(), "cert.pem", &[&leaf.cert]);
    put(folder.path(), "chain.pem", &[&ca.between_pem]);
    put(folder.path(), "fullchain.pem", &[&leaf.cert, &ca.between_pem]);
    put(folder.path(), "privkey.pem", &[&leaf.key]);
    let certs = open_folder(folder.path(), "derp.example.com").unwrap();
    assert_eq!(chain(&certs, "derp.example.com").unwrap()[..2], [leaf.der.clone(), ca.between.clone()]);
    fs::remove_file(folder.path().join("fullchain.pem")).unwrap();
    certs.reload().unwrap();
    assert_eq!(chain(&certs, "derp.example.com").unwrap()[..2], [leaf.der, ca.between.clone()]);
    assert_ne!(ca.root, ca.between);
}
