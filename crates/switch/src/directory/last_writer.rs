//! Which of several conns of one key gets the packets: the last that joined or wrote.
//!
//! Source: tailscale: derp/derpserver/derpserver.go, `dupClientSet` with the policy `lastWriterIsActive`. The reference keeps
//! every change of writer in a history without end and looks only at who wrote last before a conn that leaves; so here each
//! conn stands in the history once, at its latest place. The two agree on every outcome (there is a test).

use crate::conn::ConnId;

#[derive(Debug)]
pub(super) struct LastWriter {
    /// Who wrote or joined, the latest last, each once. The second conn to join is not in it until it writes: that is the
    /// reference's quirk, and it decides who takes over.
    history: Vec<ConnId>,
    active: Option<ConnId>,
}

impl LastWriter {
    /// `second` joined while `first` was alone.
    pub(super) fn new(first: ConnId, second: ConnId) -> Self {
        Self { history: vec![first], active: Some(second) }
    }

    pub(super) fn active(&self) -> Option<ConnId> {
        self.active
    }

    /// Who is active and would stay so without a trace if it wrote again.
    pub(super) fn settled(&self) -> Option<ConnId> {
        self.active.filter(|active| self.history.last() == Some(active))
    }

    /// `conn` wrote, or joined as the third or later.
    pub(super) fn note(&mut self, conn: ConnId) {
        self.history.retain(|other| *other != conn);
        self.history.push(conn);
        self.active = Some(conn);
    }

    pub(super) fn leave(&mut self, conn: ConnId) {
        self.history.retain(|other| *other != conn);
        if self.active == Some(conn) {
            self.active = self.history.last().copied();
        }
    }

    pub(super) fn history(&self) -> &[ConnId] {
        &self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference's data and rules, word for word.
    struct Literal {
        set: Vec<ConnId>,
        last: Option<ConnId>,
        history: Vec<ConnId>,
    }

    impl Literal {
        fn note(&mut self, conn: ConnId) {
            self.last = Some(conn);
            if self.history.last() != Some(&conn) {
                self.history.push(conn);
            }
        }

        fn leave(&mut self, conn: ConnId) {
            self.set.retain(|other| *other != conn);
            self.history.retain(|other| *other != conn);
            self.history.dedup();
            if self.last == Some(conn) {
                self.last = self.history.last().copied();
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_endless_history(ops in proptest::collection::vec((0_u8..3, any::<prop::sample::Index>()), 0..200)) {
            let (first, second) = (ConnId(0), ConnId(1));
            let mut ours = LastWriter::new(first, second);
            let mut literal = Literal { set: vec![second, first], last: Some(second), history: vec![first] };
            let mut next = 2;
            for (op, index) in ops {
                let conn = *index.get(&literal.set);
                match op {
                    0 => {
                        literal.set.push(ConnId(next));
                        literal.note(ConnId(next));
                        ours.note(ConnId(next));
                        next += 1;
                    }
                    1 => {
                        literal.note(conn);
                        ours.note(conn);
                    }
                    _ if literal.set.len() > 2 => {
                        literal.leave(conn);
                        ours.leave(conn);
                    }
                    _ => {}
                }
                prop_assert_eq!(ours.active(), literal.last);
                prop_assert!(ours.active().is_some(), "somebody is always active");
                prop_assert!(ours.history().len() <= literal.set.len());
            }
        }
    }
}
