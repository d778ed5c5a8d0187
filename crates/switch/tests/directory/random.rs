//! Random operations on a switch and on the model, compared and checked after each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::model::{Model, News};
use super::scene::{Client, Scene, key, told};
use wherry_switch::{ConnId, DropReason, DropTally, Kind, Listeners, Role, Route};

const KEYS: u8 = 6;
const SIBLINGS: u32 = 4;

#[derive(Clone, Debug)]
enum Op {
    Join { number: u8, role: Role, not_ideal: bool, prober: bool },
    Leave(Index),
    Frame(Index),
    Send { from: Index, to: u8 },
    Forward { from: u8, to: u8 },
    Watch(Index),
    AddForwarder { number: u8, sibling: u32 },
    RemoveForwarder { number: u8, sibling: u32 },
    Home { conn: Index, home: bool },
    Wait { ms: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let role = prop_oneof![Just(Role::Regular), Just(Role::Mesh)];
    let forwarder = || (0..KEYS, 0..SIBLINGS);
    prop_oneof![
        6 => (0..KEYS, role, any::<bool>(), any::<bool>()).prop_map(|(number, role, not_ideal, prober)| Op::Join { number, role, not_ideal, prober }),
        4 => any::<Index>().prop_map(Op::Leave),
        5 => any::<Index>().prop_map(Op::Frame),
        6 => (any::<Index>(), 0..KEYS).prop_map(|(from, to)| Op::Send { from, to }),
        3 => (0..KEYS, 0..KEYS).prop_map(|(from, to)| Op::Forward { from, to }),
        2 => any::<Index>().prop_map(Op::Watch),
        4 => forwarder().prop_map(|(number, sibling)| Op::AddForwarder { number, sibling }),
        4 => forwarder().prop_map(|(number, sibling)| Op::RemoveForwarder { number, sibling }),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(conn, home)| Op::Home { conn, home }),
        1 => (0_u64..4_000).prop_map(|ms| Op::Wait { ms }),
    ]
}

struct Run {
    scene: Scene,
    model: Model,
    /// Every conn that ever joined: also those that left go on sending for a while.
    conns: Vec<Client>,
    /// What those that sent hold, by conn, as sessions do.
    listeners: BTreeMap<ConnId, Arc<Listeners>>,
}

impl Run {
    fn step(&mut self, op: &Op) {
        let (expected, news) = match op {
            Op::Join { number, role, not_ideal, prober } => {
                let (conn, news) = self.scene.join_saying(*number, *role, *not_ideal, *prober);
                self.conns.push(Arc::clone(&conn));
                (self.model.join(&conn), news)
            }
            Op::AddForwarder { number, sibling } => {
                self.scene.add_forwarder(*number, *sibling);
                self.model.add_forwarder(*number, *sibling);
                Default::default()
            }
            Op::RemoveForwarder { number, sibling } => {
                let news = self.scene.remove_forwarder(*number, *sibling);
                (self.model.remove_forwarder(*number, *sibling), news)
            }
            Op::Forward { from, to } => {
                self.forward(*from, *to);
                Default::default()
            }
            Op::Wait { ms } => {
                self.scene.now += Duration::from_millis(*ms);
                Default::default()
            }
            Op::Leave(index)
            | Op::Frame(index)
            | Op::Send { from: index, .. }
            | Op::Watch(index)
            | Op::Home { conn: index, .. } => {
                if self.conns.is_empty() {
                    return;
                }
                let conn = Arc::clone(index.get(&self.conns));
                self.step_of(op, &conn)
            }
        };
        self.compare(&expected, &news);
    }

    fn step_of(&mut self, op: &Op, conn: &Client) -> (News, Vec<Client>) {
        match op {
            Op::Leave(_) => {
                self.listeners.remove(&conn.id());
                (self.model.leave(conn), self.scene.leave(conn))
            }
            Op::Watch(_) => (self.model.watch(conn), self.scene.switch.watch(conn)),
            Op::Frame(_) => {
                self.frame(conn);
                Default::default()
            }
            Op::Send { to, .. } => {
                self.frame(conn);
                self.send(conn, *to);
                Default::default()
            }
            Op::Home { home, .. } => {
                self.scene.switch.set_home(conn, *home, self.scene.now);
                self.model.set_home(conn, *home, (self.scene.now - conn.joined_at()).as_millis());
                Default::default()
            }
            other => panic!("{other:?} needs no conn"),
        }
    }

    fn frame(&mut self, conn: &Client) {
        self.scene.frame(conn);
        self.model.frame(conn);
    }

    /// A packet from a client, as the server treats it.
    fn send(&mut self, from: &Client, to: u8) {
        let source = *from.key();
        let mut drops = DropTally::default();
        let expected = self.model.route(to);
        match self.scene.route(to) {
            Route::Local(dst) => {
                assert_eq!(expected, Route::Local(Arc::clone(&dst)));
                dst.mailbox().push(&source, b"packet", self.scene.now, &mut drops);
                let switch = &self.scene.switch;
                let listeners = self.listeners.entry(from.id()).or_insert_with(|| switch.listeners(&source));
                switch.heard(listeners, &dst);
                self.model.heard(source.as_bytes()[0] - 1, &dst);
                self.expect_packet(&dst);
            }
            other @ (Route::Sibling(_) | Route::Unknown) => assert_eq!(expected, other),
            Route::Inactive => panic!("some duplicate is always active"),
        }
        assert_eq!(drops.total().packets, 0);
    }

    /// A packet that a sibling forwarded: to local conns only.
    fn forward(&mut self, from: u8, to: u8) {
        if let Route::Local(dst) = self.scene.route(to) {
            dst.mailbox().push(&key(from), b"packet", self.scene.now, &mut DropTally::default());
            self.scene.switch.heard(&self.scene.switch.listeners(&key(from)), &dst);
            self.model.heard(from, &dst);
            self.expect_packet(&dst);
        }
    }

    fn expect_packet(&self, dst: &Client) {
        let mut out = Vec::new();
        let taken = dst.mailbox().take(self.scene.now, 1_000, &mut out, &mut DropTally::default());
        assert_eq!((taken.packets, taken.frames, out.len()), (1, 1, 37 + 6));
    }

    fn compare(&self, expected: &News, news: &[Client]) {
        self.scene.check();
        let seen: BTreeMap<u64, _> =
            self.conns.iter().map(|conn| (conn.id().0, sorted(told(conn)))).collect();
        let mut announced: Vec<_> = news.iter().map(|conn| conn.id().0).collect();
        announced.sort_unstable();
        let told: Vec<_> = seen.iter().filter(|(_, told)| !told.is_empty()).map(|(id, _)| *id).collect();
        assert_eq!(announced, told, "whose mailbox got a frame");
        for (id, told) in seen {
            assert_eq!(
                told,
                sorted(expected.get(&id).cloned().unwrap_or_default()),
                "what conn {id} is told"
            );
        }
        assert_eq!(self.scene.counts(), self.model.counts());
        for number in 0..KEYS {
            let (route, expected) = (self.scene.route(number), self.model.route(number));
            assert!(route == expected, "route of {number}: {route:?}, not {expected:?}");
        }
        for conn in &self.conns {
            let is_here = self.model.conns.contains_key(&conn.id().0);
            assert_eq!(conn.mailbox().is_closed(), !is_here);
        }
    }

    fn end(&mut self) {
        for conn in self.conns.clone() {
            let expected = self.model.leave(&conn);
            let news = self.scene.leave(&conn);
            self.compare(&expected, &news);
            let mut drops = DropTally::default();
            conn.mailbox().push(conn.key(), b"late", self.scene.now, &mut drops);
            assert_eq!(drops.of(DropReason::GoneDisconnected, Kind::Other).packets, 1);
        }
        assert_eq!(self.scene.counts().conns, 0);
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

proptest! {
    #[test]
    fn switch_agrees_with_the_rules_of_the_reference(ops in proptest::collection::vec(op(), 0..80)) {
        let mut run = Run {
            scene: Scene::new(),
            model: Model::default(),
            conns: Vec::new(),
            listeners: BTreeMap::new(),
        };
        for op in &ops {
            run.step(op);
        }
        run.end();
    }
}
