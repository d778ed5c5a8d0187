//! Telling ordinary conns that a peer they heard is gone.

use super::scene::{Client, Scene, gone, ids, key, told};
use wherry_switch::{DropReason, DropTally, Kind};

fn pair(scene: &mut Scene) -> (Client, Client) {
    let (source, listener) = (scene.join(1), scene.join(2));
    scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    (source, listener)
}

#[test]
fn who_heard_a_peer_is_told_when_it_leaves() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    let bystander = scene.join(3);
    assert_eq!(ids(&scene.leave(&source)), [listener.id()]);
    assert_eq!(told(&listener), [gone(1)]);
    assert_eq!(told(&bystander), []);
}

#[test]
fn each_conn_is_told_at_most_once_of_each_source() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    for _ in 0..3 {
        scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    }
    scene.leave(&source);
    assert_eq!(told(&listener), [gone(1)]);
    let back = scene.join(1);
    scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    scene.check();
    assert_eq!(ids(&scene.leave(&back)), []);
    assert_eq!(told(&listener), []);
}

#[test]
fn another_conn_of_the_same_listener_is_told_for_itself() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    scene.leave(&source);
    scene.leave(&listener);
    let (source, listener) = pair(&mut scene);
    scene.leave(&source);
    assert_eq!(told(&listener), [gone(1)]);
}

#[test]
fn nobody_is_told_while_a_duplicate_or_a_sibling_still_has_the_peer() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    let duplicate = scene.join(1);
    scene.add_forwarder(1, 100);
    assert_eq!(ids(&scene.leave(&source)), []);
    assert_eq!(ids(&scene.leave(&duplicate)), []);
    assert_eq!(ids(&scene.remove_forwarder(1, 100)), [listener.id()]);
    assert_eq!(told(&listener), [gone(1)]);
}

#[test]
fn source_known_only_from_forwarded_packets_counts_once_it_is_known_and_lost() {
    let mut scene = Scene::new();
    let listener = scene.join(2);
    scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    scene.check();
    assert_eq!(told(&listener), []);
    scene.add_forwarder(1, 100);
    scene.remove_forwarder(1, 100);
    assert_eq!(told(&listener), [gone(1)]);
}

#[test]
fn listener_that_left_is_not_told_and_leaves_nothing_behind() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    scene.leave(&listener);
    scene.switch.heard(&scene.switch.listeners(&key(1)), &listener);
    scene.check();
    assert_eq!(ids(&scene.leave(&source)), []);
}

#[test]
fn sibling_that_watches_and_heard_is_news_once_and_told_twice() {
    let mut scene = Scene::new();
    let watcher = scene.watcher(9);
    let source = scene.join(1);
    scene.switch.heard(&scene.switch.listeners(&key(1)), &watcher);
    told(&watcher);
    assert_eq!(ids(&scene.leave(&source)), [watcher.id()]);
    assert_eq!(told(&watcher), [gone(1), gone(1)]);
}

#[test]
fn leaving_ends_the_mailbox_and_counts_what_was_in_it() {
    let mut scene = Scene::new();
    let (source, listener) = pair(&mut scene);
    let mut drops = DropTally::default();
    listener.mailbox().push(source.key(), b"packet", scene.now, &mut drops);
    scene.switch.leave(&listener, &mut drops);
    listener.mailbox().push(source.key(), b"late", scene.now, &mut drops);
    assert_eq!(drops.of(DropReason::GoneDisconnected, Kind::Other).bytes, 10);
}

#[test]
fn leaving_twice_is_leaving_once() {
    let mut scene = Scene::new();
    let watcher = scene.watcher(9);
    let (old, new) = (scene.join(1), scene.join(1));
    told(&watcher);
    scene.leave(&old);
    scene.leave(&old);
    scene.expect_active(1, &new);
    assert_eq!(scene.counts().conns, 2);
    assert_eq!(told(&watcher), []);
}

#[test]
fn crowds_of_listeners_are_all_told() {
    let mut scene = Scene::new();
    let sources: Vec<_> = (0..20).map(|number| scene.join(number)).collect();
    let listeners: Vec<_> = (100..150).map(|number| scene.join(number)).collect();
    for source in &sources {
        for listener in &listeners {
            scene.switch.heard(&scene.switch.listeners(source.key()), listener);
        }
    }
    for listener in &listeners[..25] {
        scene.leave(listener);
    }
    for source in &sources {
        assert_eq!(ids(&scene.leave(source)), ids(&listeners[25..]));
    }
    for listener in &listeners[25..] {
        assert_eq!(told(listener).len(), 20);
    }
}
