//! What must stay true of a switch, as a function.
//!
//! What lives here: [`Switch::check`]. Tests and fuzzing call it after every step; an operator can have it run on a live relay.
//! It takes the switch's lock and looks at everything, so it costs time in proportion to the conns.

use std::sync::Arc;

use wherry_wire::key::NodePublic;

use crate::admitted::Role;
use crate::conn::ConnId;
use crate::directory::{Counts, State, Switch};

/// Something that must never be seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The state of a conn contradicts itself or the directory.
    #[error("conn {conn}: {fault}")]
    Conn {
        /// Which one.
        conn: ConnId,
        /// What is wrong.
        fault: &'static str,
    },
    /// The state of a key contradicts itself or the directory.
    #[error("peer {key}: {fault}")]
    Peer {
        /// Which one.
        key: NodePublic,
        /// What is wrong.
        fault: &'static str,
    },
    /// A figure is not what counting anew gives.
    #[error("{name} is {kept}, counted anew {counted}")]
    Count {
        /// Name of the figure.
        name: &'static str,
        /// As kept.
        kept: u64,
        /// As it should be.
        counted: u64,
    },
    /// More memory is held than may be.
    #[error("{used} bytes of memory are held of {limit}")]
    Memory {
        /// Bytes held.
        used: usize,
        /// Most bytes allowed.
        limit: usize,
    },
    /// Who is to be told of departures is inconsistent.
    #[error("listeners: {fault}")]
    Listeners {
        /// What is wrong.
        fault: &'static str,
    },
}

impl<L> Switch<L> {
    /// Looks for contradictions; there should be none.
    pub fn check(&self) -> Vec<Violation> {
        let state = self.state();
        let mut found = Vec::new();
        self.check_entries(&state, &mut found);
        self.check_conns(&state, &mut found);
        self.check_counts(&state, &mut found);
        let memory = self.memory();
        if memory.used() > memory.limit() {
            found.push(Violation::Memory { used: memory.used(), limit: memory.limit() });
        }
        found.extend(state.listeners_fault().map(|fault| Violation::Listeners { fault }));
        found
    }

    fn check_entries(&self, state: &State<L>, found: &mut Vec<Violation>) {
        for (key, entry) in &state.entries {
            let mut fault = |fault| found.push(Violation::Peer { key: *key, fault });
            if entry.members.len() == 0 && entry.forwarders.preferred().is_none() {
                fault("is kept though it is nowhere");
            }
            if self.directory.find(key, |peer| Arc::ptr_eq(peer, &entry.peer)) != Some(true) {
                fault("lookups find another one or none");
            }
            if entry.peer.retired() {
                fault("is retired though it is somewhere");
            }
            if entry.peer.route() != entry.route() {
                fault("lookups see an outdated route");
            }
            if entry
                .members
                .all()
                .iter()
                .any(|conn| conn.key() != key || !state.conns.contains_key(&conn.id()))
            {
                fault("has a conn that left or is another's");
            }
            entry.members.fault().into_iter().chain(entry.forwarders.fault()).for_each(fault);
        }
    }

    fn check_conns(&self, state: &State<L>, found: &mut Vec<Violation>) {
        for (id, conn) in &state.conns {
            let mut fault = |fault| found.push(Violation::Conn { conn: *id, fault });
            let members = state.entries.get(conn.key()).map(|entry| entry.members.all()).unwrap_or_default();
            if members.iter().filter(|member| Arc::ptr_eq(member, conn)).count() != 1 {
                fault("is not exactly once among the conns of its key");
            }
            let mailbox = conn.mailbox();
            if mailbox.is_closed() {
                fault("is here with a closed mailbox");
            }
            mailbox.fault().into_iter().for_each(fault);
        }
        for (id, watcher) in &state.watchers {
            let is_here = state.conns.get(id).is_some_and(|conn| Arc::ptr_eq(conn, watcher));
            if !is_here || watcher.role() != Role::Mesh {
                found.push(Violation::Conn { conn: *id, fault: "watches though it left or is no sibling's" });
            }
        }
    }

    fn check_counts(&self, state: &State<L>, found: &mut Vec<Violation>) {
        let Counts { conns, home_conns, not_ideal_conns, local_peers, dup_keys, dup_conns, .. } =
            state.counts;
        let members = || state.entries.values().map(|entry| entry.members.len());
        let counted = [
            ("published peers", size(self.directory.len()), size(state.entries.len())),
            ("conns", conns, size(state.conns.len())),
            ("conns by key", conns, size(members().sum())),
            ("home_conns", home_conns, size(state.conns.values().filter(|conn| conn.is_home()).count())),
            (
                "not_ideal_conns",
                not_ideal_conns,
                size(state.conns.values().filter(|conn| conn.is_not_ideal()).count()),
            ),
            ("local_peers", local_peers, size(members().filter(|len| *len > 0).count())),
            ("dup_keys", dup_keys, size(members().filter(|len| *len > 1).count())),
            ("dup_conns", dup_conns, size(members().filter(|len| *len > 1).sum())),
        ];
        for (name, kept, counted) in counted {
            if kept != counted {
                found.push(Violation::Count { name, kept, counted });
            }
        }
    }
}

fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
