//! Several conns of one key. The cases of the reference's `TestServerDupClients` that its production policy has, and each row
//! of its rules.

use super::scene::{Client, Scene, gone, ids, present, told};
use wherry_switch::Route;

fn crowd(scene: &mut Scene, size: usize) -> Vec<Client> {
    (0..size).map(|_| scene.join(1)).collect()
}

#[test]
fn one_comes_and_goes() {
    let mut scene = Scene::new();
    let only = scene.join(1);
    scene.expect_active(1, &only);
    assert!(!only.is_dup());
    scene.leave(&only);
    assert_eq!(scene.route(1), Route::Unknown);
    assert_eq!(scene.counts(), wherry_switch::Counts::default());
}

#[test]
fn small_overlap_replacement() {
    let mut scene = Scene::new();
    let old = scene.join(1);
    let new = scene.join(1);
    scene.expect_active(1, &new);
    assert!(old.is_dup() && new.is_dup());
    scene.expect_duplicates(1, 2, 1);
    scene.leave(&old);
    scene.expect_active(1, &new);
    assert!(!new.is_dup());
    scene.expect_duplicates(0, 0, 1);
}

#[test]
fn concurrent_dups_three_parties_last_writer() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 3);
    scene.expect_duplicates(1, 3, 2);
    scene.expect_active(1, &conns[2]);
    for turn in [0, 1, 2, 0, 0, 2, 1] {
        scene.frame(&conns[turn]);
        scene.expect_active(1, &conns[turn]);
        assert!(conns.iter().all(|conn| conn.is_dup()));
    }
    scene.expect_duplicates(1, 3, 2);
}

#[test]
fn fighting_conns_are_never_disabled() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 2);
    for turn in 0..100 {
        scene.frame(&conns[turn % 2]);
        scene.expect_active(1, &conns[turn % 2]);
    }
}

#[test]
fn frame_of_a_conn_alone_changes_nothing() {
    let mut scene = Scene::new();
    let only = scene.join(1);
    scene.frame(&only);
    scene.switch.note_frame(&only);
    scene.expect_active(1, &only);
    scene.expect_duplicates(0, 0, 0);
}

#[test]
fn second_conn_is_not_in_the_history_until_it_sends() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 3);
    scene.leave(&conns[2]);
    scene.expect_active(1, &conns[0]);
    scene.expect_duplicates(1, 2, 2);

    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 2);
    scene.frame(&conns[1]);
    let third = scene.join(1);
    scene.leave(&third);
    scene.expect_active(1, &conns[1]);
}

#[test]
fn active_conn_that_leaves_is_followed_by_who_wrote_before_it() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 4);
    for turn in [1, 3, 0, 2] {
        scene.frame(&conns[turn]);
    }
    for (leaver, heir) in [(2, 0), (0, 3), (3, 1)] {
        scene.leave(&conns[leaver]);
        scene.expect_active(1, &conns[heir]);
    }
    scene.expect_duplicates(0, 0, 3);
}

#[test]
fn inactive_conn_that_leaves_changes_nothing_for_the_active_one() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 4);
    scene.frame(&conns[1]);
    scene.leave(&conns[3]);
    scene.leave(&conns[0]);
    scene.expect_active(1, &conns[1]);
    scene.expect_duplicates(1, 2, 3);
}

#[test]
fn survivor_of_a_set_becomes_active_and_ordinary() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 2);
    scene.leave(&conns[1]);
    scene.expect_active(1, &conns[0]);
    assert!(!conns[0].is_dup());
    scene.expect_duplicates(0, 0, 1);
    let again = scene.join(1);
    scene.expect_active(1, &again);
    scene.expect_duplicates(1, 2, 2);
}

#[test]
fn watchers_are_told_of_each_conn_but_of_the_last_departure_alone() {
    let mut scene = Scene::new();
    let watcher = scene.watcher(9);
    let conns = crowd(&mut scene, 3);
    assert_eq!(told(&watcher), conns.iter().map(present).collect::<Vec<_>>());
    scene.frame(&conns[0]);
    assert_eq!(ids(&scene.leave(&conns[0])), []);
    assert_eq!(ids(&scene.leave(&conns[2])), []);
    assert_eq!(told(&watcher), []);
    assert_eq!(ids(&scene.leave(&conns[1])), [watcher.id()]);
    assert_eq!(told(&watcher), [gone(1)]);
}

#[test]
fn closing_a_peer_reaches_every_duplicate() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 3);
    let mut found = ids(&scene.switch.peer_conns(conns[0].key()));
    found.sort_unstable();
    assert_eq!(found, ids(&conns));
}

#[test]
fn frame_of_a_conn_that_left_does_not_revive_it() {
    let mut scene = Scene::new();
    let conns = crowd(&mut scene, 3);
    scene.leave(&conns[0]);
    scene.switch.note_frame(&conns[0]);
    scene.check();
    scene.expect_active(1, &conns[2]);
}
