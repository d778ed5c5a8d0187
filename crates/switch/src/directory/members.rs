//! The conns of one key.

use std::sync::Arc;

use super::last_writer::LastWriter;
use crate::conn::{Conn, ConnId, Standing};

#[derive(Debug)]
pub(crate) enum Members<L> {
    None,
    /// The usual case, without a list.
    One(Arc<Conn<L>>),
    /// Two or more.
    Many(Box<Duplicates<L>>),
}

#[derive(Debug)]
pub(crate) struct Duplicates<L> {
    conns: Vec<(ConnId, Arc<Conn<L>>)>,
    policy: LastWriter,
}

impl<L> Members<L> {
    /// Who gets the packets.
    pub(crate) fn active(&self) -> Option<&Arc<Conn<L>>> {
        match self {
            Self::None => None,
            Self::One(conn) => Some(conn),
            Self::Many(many) => many.find(many.policy.active()?),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(many) => many.conns.len(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Conn<L>>> {
        match self {
            Self::None => Vec::new(),
            Self::One(conn) => vec![Arc::clone(conn)],
            Self::Many(many) => many.conns.iter().map(|(_, conn)| Arc::clone(conn)).collect(),
        }
    }

    /// Adds a conn and makes it active.
    pub(super) fn join(&mut self, conn: &Arc<Conn<L>>) {
        let new = (conn.id(), Arc::clone(conn));
        match std::mem::replace(self, Self::None) {
            Self::None => *self = Self::One(Arc::clone(conn)),
            Self::One(old) => {
                old.set_standing(Standing::Duplicate);
                conn.set_standing(Standing::Duplicate);
                let policy = LastWriter::new(old.id(), conn.id());
                *self = Self::Many(Box::new(Duplicates { conns: vec![(old.id(), old), new], policy }));
            }
            Self::Many(mut many) => {
                conn.set_standing(Standing::Duplicate);
                many.conns.push(new);
                many.change(|policy| policy.note(conn.id()));
                *self = Self::Many(many);
            }
        }
    }

    /// `conn` wrote a frame; says whether another conn was active.
    pub(super) fn note_frame(&mut self, conn: ConnId) -> bool {
        let Self::Many(many) = self else { return false };
        if many.find(conn).is_none() {
            return false;
        }
        let was_active = many.policy.active();
        many.change(|policy| policy.note(conn));
        was_active != Some(conn)
    }

    /// Removes a conn.
    pub(super) fn leave(&mut self, conn: ConnId) {
        match std::mem::replace(self, Self::None) {
            Self::None => {}
            Self::One(only) if only.id() == conn => {}
            Self::One(only) => *self = Self::One(only),
            Self::Many(mut many) => {
                many.change(|policy| policy.leave(conn));
                many.conns.retain(|(id, _)| *id != conn);
                *self = match many.conns.as_slice() {
                    [(_, last)] => {
                        last.set_standing(Standing::Alone);
                        Self::One(Arc::clone(last))
                    }
                    _ => Self::Many(many),
                };
            }
        }
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::One(conn) => conn.is_dup().then_some("a conn alone is marked as a duplicate"),
            Self::Many(many) => many.fault(),
        }
    }
}

impl<L> Duplicates<L> {
    fn find(&self, conn: ConnId) -> Option<&Arc<Conn<L>>> {
        self.conns.iter().find(|(id, _)| *id == conn).map(|(_, conn)| conn)
    }

    /// Changes the policy's mind and the marks of the one or two conns that this concerns.
    fn change(&mut self, change: impl FnOnce(&mut LastWriter)) {
        let before = self.policy.settled();
        change(&mut self.policy);
        let after = self.policy.settled();
        if before != after {
            if let Some(conn) = before.and_then(|id| self.find(id)) {
                conn.set_standing(Standing::Duplicate);
            }
            if let Some(conn) = after.and_then(|id| self.find(id)) {
                conn.set_standing(Standing::LastWriter);
            }
        }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.conns.len() < 2 {
            return Some("a set of duplicates has fewer than two conns");
        }
        if self.conns.iter().any(|(id, conn)| *id != conn.id() || !conn.is_dup()) {
            return Some("a duplicate is not marked as one");
        }
        if self.policy.history().iter().chain(&self.policy.active()).any(|id| self.find(*id).is_none()) {
            return Some("the policy for duplicates names a conn that left");
        }
        let settled = self.policy.settled();
        if self.conns.iter().any(|(id, conn)| conn.is_last_writer() != (settled == Some(*id))) {
            return Some("the wrong duplicate is marked as the last writer");
        }
        None
    }
}
