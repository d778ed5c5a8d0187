//! The STUN part of one report without its sockets: what to ask when, what an answer means, when it is over.
//!
//! Source: tailscale: net/netcheck/netcheck.go, `GetReport` and `runProbe`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use wherry_client::Family;
use wherry_wire::derp_map::Node;
use wherry_wire::stun::TxId;

use super::findings::Findings;
use super::plan::ProbeSet;

/// The longest this part lasts.
pub(super) const LIMIT: Duration = Duration::from_secs(3);
/// With latencies of so many regions the rest gets only a little more time.
const ENOUGH_REGIONS: usize = 3;

/// The state of the STUN part. All times count from the beginning of the report.
#[derive(Debug)]
pub(super) struct Round {
    is_full: bool,
    /// Whether each set is still open.
    sets: Vec<bool>,
    /// Questions not yet asked, the next one last.
    waiting: Vec<Question>,
    in_flight: HashMap<TxId, Sent>,
    stop_at: Option<Duration>,
    pub(super) findings: Findings,
}

/// A question to be asked now, once its address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) at: Duration,
    pub(super) family: Family,
    pub(super) node: Node,
    set: usize,
}

#[derive(Debug)]
struct Sent {
    at: Duration,
    question: Question,
}

impl Round {
    /// `is_full` tells a first report from a later one, which waits less for slow regions.
    pub(super) fn new(plan: Vec<ProbeSet>, is_full: bool, findings: Findings) -> Self {
        let sets = vec![true; plan.len()];
        let question = |set: usize, family| {
            move |probe: super::plan::Probe| Question { at: probe.delay, family, node: probe.node, set }
        };
        let all = plan.into_iter().enumerate();
        let mut waiting: Vec<_> =
            all.flat_map(|(number, set)| set.probes.into_iter().map(question(number, set.family))).collect();
        waiting.sort_by_key(|question| std::cmp::Reverse(question.at));
        Self { is_full, sets, waiting, in_flight: HashMap::new(), stop_at: None, findings }
    }

    /// The next question that is due; questions that would tell nothing new end their set.
    pub(super) fn next_due(&mut self, now: Duration) -> Option<Question> {
        while let Some(question) = self.waiting.pop_if(|question| question.at <= now) {
            let Some(is_open) = self.sets.get_mut(question.set).filter(|is_open| **is_open) else { continue };
            if self.findings.would_gain(question.node.region_id, question.family) {
                return Some(question);
            }
            *is_open = false;
        }
        None
    }

    /// The question was written to a socket, or to none if the family has none: then it has no answer.
    pub(super) fn sent(&mut self, question: Question, tx: TxId, now: Duration) {
        self.in_flight.insert(tx, Sent { at: now, question });
    }

    /// An answer came; whether somebody had asked.
    pub(super) fn answered(&mut self, tx: TxId, seen: SocketAddr, now: Duration) -> bool {
        let Some(Sent { at, question }) = self.in_flight.remove(&tx) else { return false };
        let took = now.saturating_sub(at);
        self.findings.answered(question.node.region_id, seen, took);
        if let Some(is_open) = self.sets.get_mut(question.set) {
            *is_open = false;
        }
        if self.findings.latencies.any.len() == ENOUGH_REGIONS {
            let slowest = self.findings.latencies.any.values().max().copied().unwrap_or_default();
            let patience = if self.is_full { slowest * 2 } else { slowest };
            let stop_at = now + patience;
            self.stop_at = Some(self.stop_at.map_or(stop_at, |known| known.min(stop_at)));
        }
        true
    }

    /// When there is something to do next, even if no datagram comes.
    pub(super) fn wake_at(&self) -> Duration {
        let next = self.waiting.last().map_or(LIMIT, |question| question.at);
        next.min(self.stop_at.unwrap_or(LIMIT)).min(LIMIT)
    }

    /// Whether nothing is left to wait for.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= LIMIT || self.stop_at.is_some_and(|stop| now >= stop) || self.is_answered()
    }

    /// Whether all sets ended by themselves, or enough regions answered: then the network is not captive.
    pub(super) fn is_content(&self, now: Duration) -> bool {
        (self.is_answered() && self.findings.udp) || self.stop_at.is_some_and(|stop| now >= stop)
    }

    fn is_answered(&self) -> bool {
        !self.sets.contains(&true)
    }
}

#[cfg(test)]
#[path = "round_tests.rs"]
mod tests;
