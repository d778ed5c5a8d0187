//! Was it the relay that was measured? Pure.

use crate::report::{Reason, ReasonCode};

/// Share of packets that may leave late before the generator is to blame.
const LATE_SHARE: f64 = 0.01;

/// A generator busy for at least this share of its time has none to spare.
const FULL: f64 = 0.95;

/// A relay that uses at least this share of its cores is at its limit itself.
const SERVER_FULL: f64 = 0.9;

/// Cores that other programs may use.
const QUIET: f64 = 0.1;

/// Cores that the machine below may keep for itself.
const STOLEN: f64 = 0.05;

/// What was seen beside the figures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evidence {
    /// Whether the relay's speed sets the pace: a closed loop, or dials one after another.
    pub(crate) is_closed: bool,
    /// Share of packets that left late.
    pub(crate) late: f64,
    /// Share of its time that the generator had something to do.
    pub(crate) busy: f64,
    /// Share of its cores that the relay used; none if its process is not known.
    pub(crate) server: Option<f64>,
    /// Cores used by other programs; none if nobody can tell.
    pub(crate) others: Option<f64>,
    /// Cores kept by the machine below.
    pub(crate) stolen: Option<f64>,
    /// Things that came back: packets, sessions, answers.
    pub(crate) arrived: u64,
}

/// By what share of an overload's length the generator may fall behind and still have offered about as much as was due.
const BEHIND: f64 = 0.05;

/// Why an overload says nothing of the relay, if it does not; `behind` is how far the generator fell behind, as a share of
/// the overload's length.
///
/// Who offers more than can be taken need not be exact to the millisecond: it must offer it, and not be the limit itself.
pub(crate) fn overload_fault(seen: &Evidence, behind: f64) -> Option<String> {
    if behind > BEHIND {
        return Some(format!(
            "the generator fell behind by {:.0} % of the time, so less was offered; give it more --threads or cores",
            behind * 100.0
        ));
    }
    let codes = judge(&Evidence { is_closed: true, late: 0.0, ..*seen });
    codes.into_iter().next().map(|reason| reason.text)
}

/// Why a run is no result; empty if it is one.
pub(crate) fn judge(seen: &Evidence) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut find = |code, text: String| reasons.push(Reason { code, text });
    if seen.arrived == 0 {
        find(ReasonCode::NothingArrived, "nothing came back from the relay while it counted".to_owned());
    }
    if seen.late > LATE_SHARE {
        find(
            ReasonCode::GeneratorLate,
            format!(
                "the generator was the limit: {:.1} % of packets left more than 1 ms after they were due; offer less, \
                 give it more --threads, or a core of its own",
                seen.late * 100.0
            ),
        );
    }
    // In a closed loop two can be full together; by the clock, a full generator reads late what came in time.
    let is_relay_full = seen.is_closed && seen.server.is_some_and(|server| server >= SERVER_FULL);
    if seen.busy >= FULL && !is_relay_full {
        let server =
            seen.server.map_or_else(String::new, |server| format!(", the relay for {:.0} %", server * 100.0));
        find(
            ReasonCode::GeneratorFull,
            format!(
                "the generator was the limit: busy for {:.0} % of the time{server}; rates and latency are its own, work \
                 per CPU second of the relay stands; offer less, or give it more --threads or cores",
                seen.busy * 100.0
            ),
        );
    }
    if let Some(others) = seen.others.filter(|others| *others > QUIET) {
        find(
            ReasonCode::OtherPrograms,
            format!("other programs used {others:.2} cores of this machine; wait until it is quiet"),
        );
    }
    if let Some(stolen) = seen.stolen.filter(|stolen| *stolen > STOLEN) {
        find(
            ReasonCode::Stolen,
            format!(
                "the host of this machine kept {stolen:.2} cores for others; measure on one that is not shared"
            ),
        );
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(seen: &Evidence) -> Vec<ReasonCode> {
        judge(seen).into_iter().map(|reason| reason.code).collect()
    }

    fn good() -> Evidence {
        Evidence { busy: 0.5, others: Some(0.02), stolen: Some(0.0), arrived: 1, ..Evidence::default() }
    }

    #[test]
    fn a_quiet_run_with_time_to_spare_is_a_result() {
        assert_eq!(codes(&good()), []);
    }

    #[test]
    fn late_packets_are_the_generators_fault() {
        assert_eq!(codes(&Evidence { late: 0.02, ..good() }), [ReasonCode::GeneratorLate]);
    }

    #[test]
    fn a_busy_generator_is_the_limit_unless_the_relay_is_at_its_own() {
        let full = Evidence { is_closed: true, busy: 0.97, ..good() };
        assert_eq!(codes(&full), [ReasonCode::GeneratorFull]);
        assert_eq!(codes(&Evidence { server: Some(0.6), ..full }), [ReasonCode::GeneratorFull]);
        assert_eq!(codes(&Evidence { server: Some(0.98), ..full }), []);
        let open = Evidence { is_closed: false, server: Some(0.98), ..full };
        assert_eq!(codes(&open), [ReasonCode::GeneratorFull], "it reads too late what was relayed in time");
    }

    #[test]
    fn an_overload_needs_a_generator_that_offers_it_and_no_exact_one() {
        let seen = Evidence { late: 0.5, server: Some(1.0), busy: 0.99, ..good() };
        assert_eq!(overload_fault(&seen, 0.01), None);
        assert!(overload_fault(&seen, 0.2).is_some_and(|why| why.contains("fell behind by 20 %")));
        let with_time = Evidence { server: Some(0.5), ..seen };
        assert!(overload_fault(&with_time, 0.01).is_some_and(|why| why.contains("busy for 99 %")));
        assert!(overload_fault(&Evidence { others: Some(0.5), ..seen }, 0.0).is_some());
    }

    #[test]
    fn guests_of_the_machine_spoil_it() {
        let seen = Evidence { others: Some(0.3), stolen: Some(0.2), ..good() };
        assert_eq!(codes(&seen), [ReasonCode::OtherPrograms, ReasonCode::Stolen]);
        assert_eq!(codes(&Evidence { others: None, stolen: None, ..seen }), []);
    }

    #[test]
    fn silence_is_no_result() {
        assert_eq!(codes(&Evidence { arrived: 0, ..good() }), [ReasonCode::NothingArrived]);
    }
}
