//! The rules of the reference relay, as plainly as they can be written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::scene::{Client, SERVER, Told, key, present};
use wherry_switch::{Counts, Role, Route, SiblingId};

/// All conns of one key; its conns are numbered by their id.
#[derive(Default)]
struct ClientSet {
    members: Vec<u64>,
    /// Only with two members or more.
    last: Option<u64>,
    history: Vec<u64>,
}

/// Whom the mesh has a key from: index to sibling, and the preferred index.
struct Multi {
    members: BTreeMap<u32, u8>,
    preferred: u32,
}

enum Forwarder {
    LocalOnly,
    Single(u32),
    Multi(Multi),
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) conns: BTreeMap<u64, Client>,
    clients: BTreeMap<u8, ClientSet>,
    mesh: BTreeMap<u8, Forwarder>,
    watchers: BTreeSet<u64>,
    gone_watchers: BTreeMap<u8, BTreeSet<u64>>,
    seen: BTreeSet<(u64, u8)>,
    homes: BTreeSet<u64>,
    pub(crate) counts: Counts,
}

/// What each conn is told by one step.
pub(crate) type News = BTreeMap<u64, Vec<Told>>;

fn number(conn: &Client) -> u8 {
    conn.key().as_bytes()[0].wrapping_sub(1)
}

impl Model {
    pub(crate) fn join(&mut self, conn: &Client) -> News {
        let id = conn.id().0;
        self.conns.insert(id, Arc::clone(conn));
        self.mesh.entry(number(conn)).or_insert(Forwarder::LocalOnly);
        let set = self.clients.entry(number(conn)).or_default();
        match set.members.as_slice() {
            [] => {}
            [old] => {
                set.history = vec![*old];
                set.last = Some(id);
            }
            [_, _, ..] => {
                set.last = Some(id);
                set.history.push(id);
            }
        }
        self.counts.dup_conns_total += u64::from(!set.members.is_empty());
        set.members.push(id);
        self.tell_watchers(&present(conn))
    }

    pub(crate) fn leave(&mut self, conn: &Client) -> News {
        let (id, number) = (conn.id().0, number(conn));
        if self.conns.remove(&id).is_none() {
            return News::new();
        }
        self.watchers.remove(&id);
        self.homes.remove(&id);
        self.seen.retain(|(listener, _)| *listener != id);
        self.gone_watchers.values_mut().for_each(|listeners| {
            listeners.remove(&id);
        });
        let set = self.clients.get_mut(&number).unwrap();
        set.members.retain(|member| *member != id);
        match set.members.len() {
            0 => {
                self.clients.remove(&number);
                let mut news = News::new();
                if matches!(self.mesh.get(&number), Some(Forwarder::LocalOnly)) {
                    self.mesh.remove(&number);
                    news = self.fire(number);
                }
                for (watcher, told) in self.tell_watchers(&Told::Gone(key(number))) {
                    news.entry(watcher).or_default().extend(told);
                }
                news
            }
            1 => {
                set.last = None;
                set.history.clear();
                News::new()
            }
            _ => {
                set.history.retain(|member| *member != id);
                set.history.dedup();
                if set.last == Some(id) {
                    set.last = set.history.last().copied();
                }
                News::new()
            }
        }
    }

    pub(crate) fn frame(&mut self, conn: &Client) {
        let id = conn.id().0;
        let Some(set) = self.clients.get_mut(&number(conn)) else { return };
        if set.members.len() >= 2 && set.members.contains(&id) {
            set.last = Some(id);
            if set.history.last() != Some(&id) {
                set.history.push(id);
            }
        }
    }

    pub(crate) fn watch(&mut self, conn: &Client) -> News {
        let id = conn.id().0;
        if !self.conns.contains_key(&id) || conn.role() != Role::Mesh || number(conn) == SERVER {
            return News::new();
        }
        self.watchers.insert(id);
        let all =
            self.clients.values().filter_map(|set| set.active()).map(|active| present(&self.conns[&active]));
        News::from([(id, all.collect())])
    }

    pub(crate) fn heard(&mut self, source: u8, listener: &Client) {
        let id = listener.id().0;
        if self.conns.contains_key(&id) && self.seen.insert((id, source)) {
            self.gone_watchers.entry(source).or_default().insert(id);
        }
    }

    pub(crate) fn add_forwarder(&mut self, number: u8, sibling: u32) {
        match self.mesh.get_mut(&number) {
            None | Some(Forwarder::LocalOnly) => {
                self.mesh.insert(number, Forwarder::Single(sibling));
            }
            Some(Forwarder::Single(old)) if *old == sibling => {}
            Some(Forwarder::Single(old)) => {
                let multi = Multi { members: BTreeMap::from([(*old, 0), (sibling, 1)]), preferred: *old };
                self.counts.multiforwarder_created += 1;
                self.mesh.insert(number, Forwarder::Multi(multi));
            }
            Some(Forwarder::Multi(multi)) => {
                let next = multi.members.values().max().unwrap() + 1;
                multi.members.entry(sibling).or_insert(next);
            }
        }
    }

    pub(crate) fn remove_forwarder(&mut self, number: u8, sibling: u32) -> News {
        match self.mesh.get_mut(&number) {
            None => News::new(),
            Some(Forwarder::Multi(multi)) => {
                multi.members.remove(&sibling);
                if multi.preferred == sibling {
                    multi.preferred = *multi.members.iter().min_by_key(|(_, index)| **index).unwrap().0;
                }
                if multi.members.len() == 1 {
                    let rest = multi.preferred;
                    self.counts.multiforwarder_deleted += 1;
                    self.mesh.insert(number, Forwarder::Single(rest));
                }
                News::new()
            }
            Some(Forwarder::Single(single)) if *single == sibling => {
                if self.clients.contains_key(&number) {
                    self.mesh.insert(number, Forwarder::LocalOnly);
                    return News::new();
                }
                self.mesh.remove(&number);
                self.fire(number)
            }
            Some(Forwarder::Single(_) | Forwarder::LocalOnly) => {
                self.counts.forwarder_delete_other_value += 1;
                News::new()
            }
        }
    }

    pub(crate) fn set_home(&mut self, conn: &Client, home: bool, age_ms: u128) {
        let id = conn.id().0;
        let changed = if home { self.homes.insert(id) } else { self.homes.remove(&id) };
        if !self.conns.contains_key(&id) {
            self.homes.remove(&id);
            return;
        }
        let moved = u64::from(changed && age_ms > 5_000);
        *if home { &mut self.counts.home_moves_in } else { &mut self.counts.home_moves_out } += moved;
    }

    pub(crate) fn route(&self, number: u8) -> Route<()> {
        if let Some(set) = self.clients.get(&number) {
            return set
                .active()
                .map_or(Route::Inactive, |active| Route::Local(Arc::clone(&self.conns[&active])));
        }
        match self.mesh.get(&number) {
            Some(Forwarder::Single(single)) => Route::Sibling(SiblingId(*single)),
            Some(Forwarder::Multi(multi)) => Route::Sibling(SiblingId(multi.preferred)),
            Some(Forwarder::LocalOnly) | None => Route::Unknown,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |len: usize| u64::try_from(len).unwrap();
        let duplicates = || self.clients.values().map(|set| set.members.len()).filter(|len| *len > 1);
        Counts {
            conns: count(self.conns.len()),
            home_conns: count(self.homes.len()),
            not_ideal_conns: count(self.conns.values().filter(|conn| conn.is_not_ideal()).count()),
            watchers: count(self.watchers.len()),
            peers: count(self.mesh.len()),
            local_peers: count(self.clients.len()),
            dup_keys: count(duplicates().count()),
            dup_conns: count(duplicates().sum()),
            ..self.counts
        }
    }

    fn tell_watchers(&self, told: &Told) -> News {
        self.watchers.iter().map(|watcher| (*watcher, vec![told.clone()])).collect()
    }

    fn fire(&mut self, source: u8) -> News {
        let listeners = self.gone_watchers.remove(&source).unwrap_or_default();
        listeners.into_iter().map(|listener| (listener, vec![Told::Gone(key(source))])).collect()
    }
}

impl ClientSet {
    fn active(&self) -> Option<u64> {
        match self.members.as_slice() {
            [only] => Some(*only),
            _ => self.last,
        }
    }
}
