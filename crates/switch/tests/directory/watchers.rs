//! Siblings that watch who is here.

use super::scene::{SERVER, Scene, Told, addr, gone, ids, key, present, told};
use wherry_switch::{MailboxLimits, Role};

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort();
    told
}

#[test]
fn watching_tells_every_local_key_once_its_own_included() {
    let mut scene = Scene::new();
    let first = scene.join(1);
    let _old = scene.join(2);
    let active = scene.join(2);
    scene.add_forwarder(3, 100);
    let (watcher, _) = scene.join_as(9, Role::Mesh);
    assert_eq!(ids(&scene.switch.watch(&watcher)), [watcher.id()]);
    scene.check();
    let all = sorted(vec![present(&first), present(&active), present(&watcher)]);
    assert_eq!(sorted(told(&watcher)), all);
    scene.switch.watch(&watcher);
    assert_eq!(sorted(told(&watcher)), all, "asked again, told again");
    assert_eq!(scene.counts().watchers, 1);
}

#[test]
fn watching_tells_the_active_duplicate() {
    let mut scene = Scene::new();
    let old = scene.join(2);
    scene.join(2);
    scene.frame(&old);
    let (watcher, _) = scene.join_as(9, Role::Mesh);
    scene.switch.watch(&watcher);
    assert_eq!(sorted(told(&watcher)), sorted(vec![present(&old), present(&watcher)]));
}

#[test]
fn joins_and_leaves_are_news_to_every_watcher() {
    let mut scene = Scene::new();
    let (one, two) = (scene.watcher(8), scene.watcher(9));
    told(&one);
    let (conn, news) = scene.join_as(1, Role::Regular);
    assert_eq!(ids(&news), [one.id(), two.id()]);
    assert_eq!(ids(&scene.leave(&conn)), [one.id(), two.id()]);
    for watcher in [&one, &two] {
        assert_eq!(told(watcher), [present(&conn), gone(1)]);
    }
}

#[test]
fn watcher_that_left_is_told_nothing() {
    let mut scene = Scene::new();
    let watcher = scene.watcher(9);
    assert_eq!(ids(&scene.leave(&watcher)), []);
    assert_eq!(scene.counts().watchers, 0);
    assert_eq!(ids(&scene.join_as(1, Role::Regular).1), []);
    assert_eq!(ids(&scene.switch.watch(&watcher)), [], "nor can it start again");
    assert_eq!(scene.counts().watchers, 0);
}

#[test]
fn flags_say_what_kind_of_conn_it_is() {
    let mut scene = Scene::new();
    let watcher = scene.watcher(9);
    let cases = [
        (Role::Regular, false, false, 0x01),
        (Role::Regular, true, false, 0x08),
        (Role::Mesh, false, false, 0x02),
        (Role::Mesh, true, false, 0x0a),
        (Role::Regular, false, true, 0x04),
        (Role::Mesh, true, true, 0x0e),
    ];
    for (number, (role, not_ideal, prober, flags)) in (1..).zip(cases) {
        scene.join_saying(number, role, not_ideal, prober);
        assert_eq!(told(&watcher), [Told::Present(key(number), addr(u64::from(number) + 1), flags)]);
    }
    assert_eq!(scene.counts().not_ideal_conns, 3);
}

#[test]
fn relay_that_watches_itself_is_ignored() {
    let mut scene = Scene::new();
    let (own, _) = scene.join_as(SERVER, Role::Mesh);
    assert_eq!(ids(&scene.switch.watch(&own)), []);
    scene.join(1);
    assert_eq!(told(&own), []);
    assert_eq!(scene.counts().watchers, 0);
}

#[test]
fn only_siblings_may_watch() {
    let mut scene = Scene::new();
    let conn = scene.join(1);
    assert_eq!(ids(&scene.switch.watch(&conn)), []);
    assert_eq!(told(&conn), []);
    assert_eq!(scene.counts().watchers, 0);
}

#[test]
fn watcher_that_does_not_read_is_marked_for_closing() {
    let mut scene = Scene::new();
    let (watcher, bystander) = (scene.watcher(9), scene.watcher(8));
    let filler = vec![0; wherry_switch::mailbox::MESH_CONTROL_BYTES - told(&watcher).len() - 60];
    watcher.mailbox().push_control(&filler).unwrap();
    let (_, news) = scene.join_as(1, Role::Regular);
    assert!(!watcher.is_overrun());
    assert_eq!(ids(&news), [watcher.id(), bystander.id()]);
    let (_, news) = scene.join_as(2, Role::Regular);
    assert!(watcher.is_overrun());
    assert!(!bystander.is_overrun());
    assert_eq!(ids(&news), [watcher.id(), bystander.id()], "its owner hears of it");
}

#[test]
fn ordinary_conn_that_does_not_read_loses_notices_and_they_are_counted() {
    let mut scene = Scene::new();
    let (conn, source) = (scene.join(1), scene.join(2));
    scene.switch.heard(&scene.switch.listeners(&key(2)), &conn);
    conn.mailbox().push_control(&[0; MailboxLimits::CONTROL_BYTES]).unwrap();
    assert_eq!(ids(&scene.leave(&source)), []);
    assert!(!conn.is_overrun());
    assert_eq!(scene.counts().notices_lost, 1);
}
