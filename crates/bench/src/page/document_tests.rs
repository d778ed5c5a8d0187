use super::*;
use crate::report::{
    Far, Figure, Generator, Latency, LatencyPoint, Machine, MemoryPoint, RatePoint, Reason, ReasonCode,
    Server, Setting, Stream, Unit,
};

fn latency() -> Latency {
    let point = |quantile, micros| LatencyPoint { quantile, micros, count: 25 };
    let points =
        [(0.0, 20.0), (0.5, 35.0), (0.9, 80.0), (1.0, 900.0)].map(|(share, micros)| point(share, micros));
    Latency {
        count: 100,
        mean_us: 40.0,
        p50_us: 35.0,
        p90_us: 80.0,
        p99_us: 700.0,
        p999_us: 900.0,
        max_us: 900.0,
        points: points.to_vec(),
    }
}

fn rate(offered: f64, loss: f64, valid: bool) -> RatePoint {
    RatePoint {
        offered_per_second: offered,
        delivered_per_second: offered * (1.0 - loss),
        loss,
        p50_us: Some(30.0),
        p99_us: None,
        per_cpu_second: Some(1e6),
        held_back: 0.0,
        generator_busy: 0.5,
        server_cores: Some(0.9),
        valid,
    }
}

/// A report with everything in it.
fn report() -> Report {
    Report {
        scenario: "ladder".to_owned(),
        valid: false,
        reasons: vec![Reason { code: ReasonCode::Stolen, text: "kept for others".to_owned() }],
        unchecked: vec!["memory of the relay".to_owned()],
        interrupted: true,
        version: "1.2.3".to_owned(),
        started: 951_782_400,
        relay: "relay.example:443".to_owned(),
        address: "10.0.0.7:443".to_owned(),
        is_tls: true,
        machine: Machine {
            processor: "a processor".to_owned(),
            cores: 4,
            generator_cores: 2,
            kernel: "6.1".to_owned(),
        },
        settings: vec![Setting { name: "rate".to_owned(), value: "20k".to_owned() }],
        figures: vec![
            Figure::new("peak", "peak rate", Unit::PerSecond, 1_234_567.0),
            Figure::maybe("cpu", "per CPU second", Unit::PerCpuSecond, None, "on another machine"),
        ],
        streams: vec![Stream {
            name: "packets".to_owned(),
            offered: 101,
            received: 100,
            lost: 1,
            held_back: 0,
            loss: 0.01,
            delivered_per_second: 20.0,
            latency: Some(latency()),
        }],
        rates: vec![rate(20_000.0, 0.0, true), rate(40_000.0, 0.5, false)],
        memory: vec![
            MemoryPoint { clients: 100, bytes: 10 << 20 },
            MemoryPoint { clients: 5000, bytes: 50 << 20 },
        ],
        generator: Generator {
            threads: 1,
            busy: 0.5,
            late: 0.1,
            latest_us: 5.0,
            cut_off: 3,
            ..Generator::default()
        },
        server: Some(Server { pid: 7, cpu_seconds: 2.0, cores_used: 0.9, memory: Some(50 << 20) }),
        far: None,
    }
}

/// Puts the same text wherever a report has a free one.
fn say_everywhere(value: &mut serde_json::Value, text: &str) {
    match value {
        serde_json::Value::String(old) => text.clone_into(old),
        serde_json::Value::Array(all) => all.iter_mut().for_each(|one| say_everywhere(one, text)),
        serde_json::Value::Object(all) => {
            let free = all.iter_mut().filter(|(name, _)| !["code", "unit"].contains(&name.as_str()));
            free.for_each(|(_, one)| say_everywhere(one, text));
        }
        _ => {}
    }
}

#[test]
fn the_verdict_and_its_reasons_stand_before_the_figures() {
    let page = html(&report());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    let order =
        ["Not a result", "kept for others", "stopped before its end", "memory of the relay", "1,234,567 /s"];
    assert!(order.map(at).is_sorted(), "{page}");
    let good =
        html(&Report { valid: true, reasons: vec![], unchecked: vec![], interrupted: false, ..report() });
    assert!(good.contains("<h2>A result</h2>") && !good.contains("<li>"), "{good}");
}

#[test]
fn everything_measured_is_on_the_page() {
    let page = html(&report());
    for text in [
        "ladder of relay.example:443",
        "10.0.0.7:443, TLS 1.3; 2000-02-29 00:00 UTC; wherry 1.2.3",
        "not known: on another machine",
        "<td class=\"number\">700 µs</td>",
        "generator late",
        "50.0 MiB",
        "4, of which the generator may use 2",
        "10.000 %, by 5 µs at most",
        "20k",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert_eq!(page.matches("<svg").count(), 5, "latency, three of the ladder, memory");
    assert!(!page.contains("{{") && !page.contains("}}"), "a gap is left: {page}");
}

#[test]
fn of_two_relays_both_are_named_and_what_each_used() {
    let server = Some(Server { pid: 8, cpu_seconds: 1.0, cores_used: 0.25, memory: None });
    let (relay, address) = ("far.example:8443".to_owned(), "10.0.0.8:8443".to_owned());
    let page = html(&Report { far: Some(Far { relay, address, is_tls: true, server }), ..report() });
    for text in [
        "ladder from relay.example:443 to far.example:8443",
        "10.0.0.7:443 to 10.0.0.8:8443, TLS 1.3",
        "<th scope=\"row\">second relay, cores</th><td>0.25</td>",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[test]
fn no_text_of_a_report_becomes_markup() {
    let mut json = serde_json::to_value(report()).unwrap();
    say_everywhere(&mut json, "<script>\"'&{{figures}}");
    let page = html(&serde_json::from_value(json).unwrap());
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;&quot;&#39;&amp;{{figures}}"), "{page}");
    let tags = |page: &str| page.matches('<').count();
    assert_eq!(tags(&page), tags(&html(&report())), "as many tags as with harmless texts");
}

#[test]
fn the_page_loads_nothing() {
    let page = html(&report());
    for text in
        ["http://", "https://", "//", "<script", "<link", "<img", "@import", "url(", " src=", " href="]
    {
        assert!(!page.contains(text), "{text} in {page}");
    }
}

#[test]
fn reports_without_values_or_with_a_single_one_are_pages() {
    let mut bare = Report { figures: vec![], streams: vec![], rates: vec![], memory: vec![], ..report() };
    assert!(!html(&bare).contains("<svg"));
    let mut lone = latency();
    lone.points.truncate(1);
    lone.count = 1;
    bare.streams = vec![Stream { latency: Some(lone), ..report().streams.remove(0) }];
    bare.rates = vec![rate(0.0, f64::NAN, true)];
    bare.memory = vec![MemoryPoint { clients: 0, bytes: 0 }];
    bare.figures = vec![Figure::new("odd", "odd", Unit::Bytes, f64::INFINITY)];
    let page = html(&bare);
    assert_eq!(page.matches("<svg").count(), 5);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn the_greatest_of_n_values_lies_where_the_last_nth_begins() {
    let page = html(&report());
    // At 99 % of 100 values, which without it nothing would reach.
    assert!(page.contains(">99</text>"), "{page}");
}
