//! Which relay a client calls its home.

use std::time::Duration;

use super::scene::Scene;
use wherry_switch::DropTally;

#[test]
fn home_is_counted_while_the_conn_is_here() {
    let mut scene = Scene::new();
    let conn = scene.join(1);
    assert!(!conn.is_home());
    scene.switch.set_home(&conn, true, scene.now);
    scene.switch.set_home(&conn, true, scene.now);
    assert!(conn.is_home());
    assert_eq!(scene.counts().home_conns, 1);
    scene.leave(&conn);
    assert_eq!(scene.counts().home_conns, 0);
}

#[test]
fn home_set_within_five_seconds_is_not_a_move() {
    let mut scene = Scene::new();
    let conn = scene.join(1);
    let moves = |scene: &Scene| (scene.counts().home_moves_in, scene.counts().home_moves_out);
    for (after_ms, home, expected) in [
        (5_000, true, (0, 0)),
        (5_000, false, (0, 0)),
        (5_001, false, (0, 0)),
        (5_001, true, (1, 0)),
        (5_002, false, (1, 1)),
    ] {
        scene.switch.set_home(&conn, home, scene.now + Duration::from_millis(after_ms));
        scene.check();
        assert_eq!(moves(&scene), expected, "{after_ms} ms, {home}");
    }
}

#[test]
fn conn_that_left_has_no_home() {
    let mut scene = Scene::new();
    let conn = scene.join(1);
    scene.switch.leave(&conn, &mut DropTally::default());
    scene.switch.set_home(&conn, true, scene.now);
    scene.check();
    assert_eq!(scene.counts().home_conns, 0);
}
