//! A relay that stops for a while must not look better for it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod relay;

use std::time::Duration;

use relay::Relay;
use wherry_bench::{Order, Report, Scenario, Settings, Stream, Watch};
use wherry_client::Trust;

struct Nobody;

impl Watch for Nobody {
    fn progress(&self, _: &str, _: f64) {}

    fn goes_on(&self) -> bool {
        true
    }
}

/// One pair over that relay, a second of it counted.
fn rate(relay: &Relay, rate: u64, size: usize) -> Report {
    let mut settings = Settings::of(Scenario::Rate);
    settings.rate = rate;
    settings.size = size;
    settings.pairs = 1;
    settings.warm_up = Duration::from_millis(100);
    settings.duration = Duration::from_secs(1);
    let order = Order {
        scenario: Scenario::Rate,
        settings,
        endpoint: format!("http://{}", relay.addr).parse().unwrap(),
        far: None,
        trust: Trust::system([]).unwrap(),
        stun: None,
        server_pid: None,
        may_load_public: false,
    };
    wherry_bench::run(&order, &Nobody).unwrap()
}

fn only_stream(report: &Report) -> &Stream {
    let [stream] = &report.streams[..] else { panic!("{:?}", report.streams) };
    assert_eq!(stream.offered, stream.received + stream.lost);
    stream
}

#[test]
fn latency_counts_from_when_packets_were_due_while_the_relay_stood_still() {
    let relay = Relay::start(500, Duration::from_millis(400));
    let report = rate(&relay, 2000, 300);
    let stream = only_stream(&report);
    assert_eq!((stream.offered, stream.lost), (2000, 0), "what waited was sent later: {stream:?}");
    let latency = stream.latency.as_ref().unwrap();
    // 800 packets were due while it stood still, and three quarters of them 100 ms or more before it went on.
    assert!(latency.p90_us > 100_000.0, "{latency:?}");
    assert!(latency.max_us > 380_000.0, "{latency:?}");
}

#[test]
fn what_is_due_does_not_depend_on_what_the_relay_takes() {
    let relay = Relay::start(2000, Duration::from_millis(500));
    let report = rate(&relay, 10_000, 1400);
    let stream = only_stream(&report);
    assert_eq!(stream.offered, 10_000, "the clock decides, not the relay");
    assert!(stream.held_back > 0 && stream.lost >= stream.held_back, "{stream:?}");
    assert!(stream.received > 3000, "before and after it works: {stream:?}");
}
