//! All counters of the process and their sum.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use wherry_switch::{Counts, MemoryBudget};

use super::{Counters, Family, Process, StunCounters, report, text};

/// Every set of counters there is. Sets are never taken out: what they counted stays counted.
#[derive(Debug, Default)]
pub struct Metrics {
    // taken when a set is made and when somebody reads, never to count
    sets: Mutex<Sets>,
}

#[derive(Debug, Default)]
struct Sets {
    counters: Vec<Arc<Counters>>,
    stun: Vec<Arc<StunCounters>>,
}

impl Metrics {
    /// New counters for a worker or for the front.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        self.sets().counters.push(Arc::clone(&counters));
        counters
    }

    /// New counters for a STUN socket.
    #[must_use]
    pub fn stun(&self) -> Arc<StunCounters> {
        let counters = Arc::new(StunCounters::default());
        self.sets().stun.push(Arc::clone(&counters));
        counters
    }

    /// The sum of all sets.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        // A set of zeros first: each series is there before anybody counts.
        report::counters(&Counters::default(), &mut totals);
        report::stun(&StunCounters::default(), &mut totals);
        let sets = self.sets();
        sets.counters.iter().for_each(|counters| report::counters(counters, &mut totals));
        sets.stun.iter().for_each(|counters| report::stun(counters, &mut totals));
        totals
    }

    /// Everything as Prometheus text of the type [`TEXT_TYPE`](super::TEXT_TYPE).
    #[must_use]
    pub fn text(&self, counts: &Counts, memory: &MemoryBudget, process: &Process) -> String {
        let mut totals = self.totals();
        report::counts(counts, &mut totals);
        report::memory(memory, &mut totals);
        report::process(process, &mut totals);
        text::write(&totals)
    }

    fn sets(&self) -> std::sync::MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values by metric and labels, summed.
#[derive(Debug, Default)]
pub struct Totals {
    pub(super) series: HashMap<&'static str, Vec<(Vec<String>, u64)>>,
}

impl Totals {
    /// The sum over all series of a metric; 0 if there is none of that name.
    #[must_use]
    pub fn sum(&self, name: &str) -> u64 {
        self.series.get(name).into_iter().flatten().map(|(_, value)| value).sum()
    }

    /// The value of one series; 0 if there is none.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[&str]) -> u64 {
        let series = self.series.get(name).into_iter().flatten();
        series
            .filter(|(of, _)| of.iter().map(String::as_str).eq(labels.iter().copied()))
            .map(|(_, value)| value)
            .sum()
    }

    pub(super) fn add(&mut self, family: &'static Family, labels: &[&str], more: u64) {
        let series = self.series.entry(family.name).or_default();
        match series.iter_mut().find(|(of, _)| of.iter().map(String::as_str).eq(labels.iter().copied())) {
            Some((_, value)) => *value = value.wrapping_add(more),
            None => series.push((labels.iter().map(|&label| label.to_owned()).collect(), more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use wherry_switch::{DropReason, DropTally, Kind};

    use super::*;
    use crate::metrics::{CloseReason, FAMILIES, Refusal, Volume, metrics_reference};

    fn process() -> Process {
        let uptime = Duration::from_secs(7);
        Process {
            version: "1.2.3",
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(5),
            uptime,
            ready: true,
        }
    }

    #[test]
    fn sets_are_summed() {
        let metrics = Metrics::default();
        let (one, two) = (metrics.counters(), metrics.counters());
        for counters in [&one, &two] {
            counters.received(Kind::Disco).add(Volume { packets: 1, bytes: 62 });
            counters.received(Kind::Other).add(Volume { packets: 2, bytes: 100 });
            counters.close(CloseReason::WriteTimeout);
            counters.refuse(Refusal::Denied);
            counters.answered(http::StatusCode::NOT_FOUND);
            let mut drops = DropTally::default();
            drops.add(DropReason::QueueHead, Kind::Other, 1400);
            counters.drop_packets(&mut drops);
        }
        metrics.stun().success.add(3);
        let totals = metrics.totals();
        assert_eq!(totals.value("derp_packets_received", &[]), 6);
        assert_eq!(totals.value("derp_packets_received_kind", &["disco"]), 2);
        assert_eq!(totals.value("derp_bytes_received", &[]), 324);
        assert_eq!(totals.value("derp_packets_dropped", &["queue_head", "other"]), 2);
        assert_eq!(totals.value("derp_bytes_dropped", &["queue_head", "other"]), 2800);
        assert_eq!(totals.value("derp_sclient_write_timeouts", &[]), 2);
        assert_eq!(totals.value("wherry_refused_total", &["denied"]), 2);
        assert_eq!(totals.value("wherry_http_requests_total", &["4xx"]), 2);
        assert_eq!(totals.value("stun_requests", &["success"]), 3);
        assert_eq!(totals.sum("wherry_closed_total"), 2);
    }

    #[test]
    fn every_metric_is_there_before_anybody_counts_and_once() {
        let text = Metrics::default().text(&Counts::default(), &MemoryBudget::new(7), &process());
        for family in FAMILIES {
            let head = format!("# TYPE {} {}\n", family.name, family.kind.name());
            assert_eq!(text.matches(&head).count(), 1, "{}", family.name);
        }
        assert!(
            text.contains("\nderp_packets_dropped{reason=\"unknown_dest\",kind=\"disco\"} 0\n"),
            "{text}"
        );
        assert!(text.contains("\nversion{version=\"1.2.3\",binary=\"wherry\"} 1\n"));
        assert!(text.contains("\nprocess_start_unix_time 5\n"));
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert!(
            samples
                .clone()
                .all(|line| line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok()))
        );
        let mut names: Vec<_> = samples.map(|line| line.rsplit_once(' ').map(|(name, _)| name)).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a series is there twice");
    }

    #[test]
    fn the_reference_page_is_the_register() {
        let committed = include_str!("../../../../docs/reference/metrics.md");
        let same = committed == metrics_reference();
        assert!(same, "run: wherry config reference --metrics > docs/reference/metrics.md");
    }
}
