//! Lookups beside changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::scene::{Scene, key};
use wherry_switch::{Conn, DropTally, JoinInfo, Role, Route, SiblingId};

#[test]
fn unknown_key_is_no_peer() {
    assert!(Scene::new().switch.peer(&key(1)).is_none());
}

#[test]
fn what_admission_knew_is_on_the_conn() {
    let scene = Scene::new();
    let admitted = scene.gate.admit(key(1), Role::Mesh, Some("probe".into()));
    assert_eq!((admitted.key(), admitted.role()), (key(1), Role::Mesh));
    let info = JoinInfo { addr: "[2001:db8::1]:7".parse().unwrap(), not_ideal: true, prober: true };
    let conn = scene.switch.join(admitted, info, (), Duration::from_secs(7)).conn;
    assert_eq!(conn.name().map(|name| &**name), Some("probe"));
    assert_eq!(
        (conn.role(), conn.addr(), conn.is_not_ideal(), conn.is_prober()),
        (Role::Mesh, info.addr, true, true)
    );
    assert_eq!(conn.joined_at(), Duration::from_secs(7));
}

#[test]
fn conns_are_listed_in_the_order_they_joined() {
    let mut scene = Scene::new();
    let conns: Vec<_> = (0..50).map(|number| scene.join(number % 20)).collect();
    assert_eq!(super::scene::ids(&scene.switch.conns()), super::scene::ids(&conns));
}

/// A peer that is local all the time is never seen elsewhere, whatever its conns, siblings and other peers do meanwhile.
#[test]
fn readers_see_a_whole_route_while_writers_change_it() {
    let mut scene = Scene::new();
    let keep = scene.join(1);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let mut kept = scene.switch.peer(&key(1)).unwrap();
                while !done.load(Ordering::Relaxed) {
                    if kept.retired() {
                        kept = scene.switch.peer(&key(1)).unwrap();
                    }
                    let Route::Local(conn) = kept.route() else { panic!("{:?}", kept.route()) };
                    assert_eq!(conn.key(), &key(1));
                    assert!(scene.switch.peer(&key(1)).is_some_and(|peer| Arc::ptr_eq(&peer, &kept)));
                }
            });
        }
        for round in 0..300 {
            let (dup, other) = (join(&scene, 1), join(&scene, 2 + round_key(round)));
            scene.add_forwarder(1, 100);
            scene.switch.note_frame(&keep);
            scene.switch.leave(&dup, &mut DropTally::default());
            scene.remove_forwarder(1, 100);
            scene.switch.leave(&other, &mut DropTally::default());
        }
        done.store(true, Ordering::Relaxed);
    });
    scene.check();
}

/// A conn that joins while others look on.
fn join(scene: &Scene, number: u8) -> Arc<Conn<()>> {
    let info = JoinInfo { addr: super::scene::addr(1), not_ideal: false, prober: false };
    scene.switch.join(scene.gate.admit(key(number), Role::Regular, None), info, (), scene.now).conn
}

fn round_key(round: usize) -> u8 {
    u8::try_from(round % 200).unwrap()
}

/// Where a conn leaves, readers go on to the sibling that has the peer then, not to one that had it before.
#[test]
fn readers_see_the_sibling_of_the_time_while_a_conn_comes_and_goes() {
    const ROUNDS: u32 = 3_000;
    let scene = Scene::new();
    scene.add_forwarder(1, 0);
    // In a round only the sibling of its number is seen.
    let round = AtomicU32::new(0);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let peer = scene.switch.peer(&key(1)).unwrap();
                while round.load(Ordering::SeqCst) < ROUNDS {
                    let before = round.load(Ordering::SeqCst);
                    let routes = [peer.route(), scene.switch.route(&key(1)).unwrap()];
                    if round.load(Ordering::SeqCst) == before {
                        let sibling = Route::Sibling(SiblingId(before));
                        assert!(
                            routes.iter().all(|route| matches!(route, Route::Local(_)) || *route == sibling),
                            "{routes:?}"
                        );
                    }
                }
            });
        }
        for number in 1..=ROUNDS {
            let conn = join(&scene, 1);
            scene.switch.add_forwarder(&key(1), SiblingId(number));
            scene.switch.remove_forwarder(&key(1), SiblingId(number - 1));
            round.store(number, Ordering::SeqCst);
            scene.switch.leave(&conn, &mut DropTally::default());
        }
    });
    scene.check();
}
