//! Siblings that have peers. The life cycle of the reference's `TestForwarderRegistration`, and each row of its rules.

use std::sync::Arc;

use super::scene::{Scene, gone, ids, key, told};
use wherry_switch::{Route, SiblingId};

#[track_caller]
fn expect_sibling(scene: &Scene, peer: u8, sibling: u32) {
    assert_eq!(scene.route(peer), Route::Sibling(SiblingId(sibling)));
}

#[track_caller]
fn expect_multi(scene: &Scene, created: u64, deleted: u64, other_value: u64) {
    let counts = scene.counts();
    let seen =
        (counts.multiforwarder_created, counts.multiforwarder_deleted, counts.forwarder_delete_other_value);
    assert_eq!(seen, (created, deleted, other_value));
}

#[test]
fn forwarder_registration_goes_through_its_whole_life() {
    let mut scene = Scene::new();
    // First, and again.
    scene.add_forwarder(1, 100);
    expect_sibling(&scene, 1, 100);
    scene.add_forwarder(2, 102);
    scene.add_forwarder(1, 100);
    expect_sibling(&scene, 1, 100);
    expect_multi(&scene, 0, 0, 0);
    // Removing one that is not the one we have, and a peer we do not have.
    scene.remove_forwarder(1, 101);
    expect_sibling(&scene, 1, 100);
    expect_multi(&scene, 0, 0, 1);
    scene.remove_forwarder(3, 101);
    expect_multi(&scene, 0, 0, 1);
    // Removing for good.
    scene.remove_forwarder(1, 100);
    assert_eq!(scene.route(1), Route::Unknown);
    assert!(scene.switch.peer(&key(1)).is_none());
    // Several, and back to one.
    scene.add_forwarder(2, 103);
    expect_multi(&scene, 1, 0, 1);
    expect_sibling(&scene, 2, 102);
    scene.add_forwarder(2, 103);
    expect_multi(&scene, 1, 0, 1);
    scene.remove_forwarder(2, 103);
    expect_multi(&scene, 1, 1, 1);
    expect_sibling(&scene, 2, 102);
    // Local and in the mesh: the entry outlives either.
    let local = scene.join(4);
    scene.add_forwarder(4, 100);
    scene.expect_active(4, &local);
    scene.remove_forwarder(4, 100);
    scene.expect_active(4, &local);
    scene.add_forwarder(4, 100);
    scene.leave(&local);
    expect_sibling(&scene, 4, 100);
    scene.remove_forwarder(4, 100);
    assert_eq!(scene.route(4), Route::Unknown);
}

#[test]
fn local_conn_wins_over_any_sibling() {
    let mut scene = Scene::new();
    scene.add_forwarder(1, 100);
    scene.add_forwarder(1, 101);
    let local = scene.join(1);
    scene.expect_active(1, &local);
    scene.add_forwarder(1, 102);
    scene.expect_active(1, &local);
    scene.leave(&local);
    expect_sibling(&scene, 1, 100);
}

#[test]
fn next_sibling_takes_over_when_the_preferred_one_goes() {
    let scene = Scene::new();
    for sibling in [100, 101, 102, 103] {
        scene.add_forwarder(1, sibling);
    }
    expect_multi(&scene, 1, 0, 0);
    scene.remove_forwarder(1, 101);
    expect_sibling(&scene, 1, 100);
    scene.remove_forwarder(1, 100);
    expect_sibling(&scene, 1, 102);
    expect_multi(&scene, 1, 0, 0);
    scene.add_forwarder(1, 100);
    scene.remove_forwarder(1, 102);
    expect_sibling(&scene, 1, 103);
    scene.remove_forwarder(1, 103);
    expect_sibling(&scene, 1, 100);
    expect_multi(&scene, 1, 1, 0);
}

#[test]
fn removing_a_sibling_not_among_several_is_ignored() {
    let scene = Scene::new();
    scene.add_forwarder(1, 100);
    scene.add_forwarder(1, 101);
    scene.remove_forwarder(1, 102);
    expect_sibling(&scene, 1, 100);
    expect_multi(&scene, 1, 0, 0);
}

#[test]
fn removing_a_sibling_of_a_peer_only_local_is_counted() {
    let mut scene = Scene::new();
    let local = scene.join(1);
    scene.remove_forwarder(1, 100);
    scene.expect_active(1, &local);
    expect_multi(&scene, 0, 0, 1);
}

#[test]
fn siblings_share_of_the_peers_is_counted() {
    let mut scene = Scene::new();
    let local = scene.join(1);
    scene.add_forwarder(1, 100);
    scene.add_forwarder(2, 100);
    let counts = scene.counts();
    assert_eq!((counts.peers, counts.local_peers, counts.remote_peers()), (2, 1, 1));
    scene.leave(&local);
    let counts = scene.counts();
    assert_eq!((counts.peers, counts.local_peers, counts.remote_peers()), (2, 0, 2));
}

#[test]
fn listeners_are_told_when_the_last_sibling_loses_the_peer() {
    let mut scene = Scene::new();
    let listener = scene.join(5);
    scene.add_forwarder(1, 100);
    scene.add_forwarder(1, 101);
    scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    assert_eq!(ids(&scene.remove_forwarder(1, 100)), []);
    assert_eq!(ids(&scene.remove_forwarder(1, 101)), [listener.id()]);
    assert_eq!(told(&listener), [gone(1)]);
}

#[test]
fn kept_peer_follows_the_route_and_retires_with_the_entry() {
    let mut scene = Scene::new();
    scene.add_forwarder(1, 100);
    let kept = scene.switch.peer(&key(1)).unwrap();
    let local = scene.join(1);
    assert_eq!(kept.route(), Route::Local(Arc::clone(&local)));
    scene.remove_forwarder(1, 100);
    assert!(!kept.retired());
    scene.leave(&local);
    assert!(kept.retired());
    assert_eq!(kept.route(), Route::Unknown);
    scene.add_forwarder(1, 100);
    assert!(kept.retired(), "a peer that comes back is another entry");
    assert!(!scene.switch.peer(&key(1)).unwrap().retired());
}
