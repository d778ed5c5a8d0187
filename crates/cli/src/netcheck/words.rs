//! The verdict in plain words.

use crate::subject;
use wherry_client::Family;
use wherry_tools::netcheck::{Figure, Reason, Report, Why};
use wherry_wire::derp_map::DerpMap;

/// What decides the words.
#[derive(Debug, Clone, Copy)]
struct Facts<'a> {
    is_captive: bool,
    /// Why nobody was asked for STUN, if nobody was.
    unasked: Option<&'a str>,
    /// STUN answered in time.
    udp: bool,
    /// It answered when it was asked again.
    udp_at_times: bool,
    /// Where it was asked, nothing listens.
    is_refused: bool,
    /// By IPv6.
    ipv6: bool,
    ipv4: V4,
    mapping_varies: Option<bool>,
    /// STUN sees this host's own address.
    is_public: bool,
    /// The router opens ports when asked.
    opens_ports: bool,
    relay: bool,
    /// It was looked at up to its admission.
    is_closed: bool,
    /// The map has nodes for STUN alone.
    names_none: bool,
    /// Relays are reached, and none of them admits the key that was given.
    is_key_refused: bool,
}

/// What STUN tells of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum V4 {
    /// A server answered, or several.
    Answers,
    /// None of those that were asked, though relays do by TCP.
    TcpAlone,
    /// Nobody answers by it.
    Dead,
    /// No server was there to be asked.
    Unasked,
    /// This host has none.
    Absent,
}

/// One sentence: whether this network lets machines meet directly, and whether a relay can be had.
pub(super) fn words(report: &Report, map: &DerpMap) -> String {
    let (found, ports) = (&report.findings, report.port_mapping);
    of(Facts {
        is_captive: report.captive_portal == Some(true),
        unasked: unasked(report).map(|why| why.what.as_str()),
        udp: found.udp,
        udp_at_times: report.has_stun(),
        is_refused: report
            .missing
            .iter()
            .any(|gap| gap.figure == Figure::Udp && gap.why.reason == Reason::Refused),
        ipv6: found.global_v6.is_some(),
        ipv4: V4::of(gap_of_v4(report), report.nodes.iter().any(|node| node.relay_v4.is_ok())),
        mapping_varies: found.mapping_varies,
        is_public: report.is_public,
        opens_ports: ports.is_offered(),
        relay: report.has_relay(),
        is_closed: report.is_closed(),
        names_none: !subject::has_relays(map),
        is_key_refused: report.is_key_refused(),
    })
}

/// Why nobody was asked for STUN, if nobody was.
pub(super) fn unasked(report: &Report) -> Option<&Why> {
    let mut whys = report.missing.iter().filter(|gap| gap.figure == Figure::Udp).map(|gap| &gap.why);
    whys.find(|why| matches!(why.reason, Reason::SwitchedOff | Reason::NoFamily | Reason::TooLittle))
}

/// Why this host's address by IPv4 is missing, if it is.
fn gap_of_v4(report: &Report) -> Option<Reason> {
    let is_own = |figure, family| figure == Figure::Address && family == Some(Family::V4);
    report.missing.iter().find(|gap| is_own(gap.figure, gap.family)).map(|gap| gap.why.reason)
}

impl V4 {
    /// `gap`: why its address is missing; `relays`: some relay works by it.
    fn of(gap: Option<Reason>, relays: bool) -> Self {
        match gap {
            None => Self::Answers,
            Some(Reason::NoFamily) => Self::Absent,
            Some(Reason::SwitchedOff) => Self::Unasked,
            Some(_) if relays => Self::TcpAlone,
            Some(_) => Self::Dead,
        }
    }

    /// What is said of it beside IPv6 that works, where the mapping is not known.
    fn words(self) -> &'static str {
        match self {
            Self::Answers => "by IPv4 it takes two STUN servers to tell",
            Self::TcpAlone => "no UDP comes through by IPv4",
            Self::Dead => "nothing comes through by IPv4",
            Self::Unasked => "the map names no STUN server to ask by IPv4",
            Self::Absent => "this host has no IPv4",
        }
    }
}

fn of(facts: Facts<'_>) -> String {
    let by_ipv6 = format!("direct works by IPv6 with peers that have it; {}", facts.ipv4.words());
    let direct = match facts {
        Facts { is_captive: true, .. } => {
            "something answers in place of others (captive portal): log in to this network with a browser first"
        }
        Facts { udp: false, unasked: Some(why), .. } => why,
        Facts { udp: false, udp_at_times: true, .. } => {
            "UDP comes through at times, so direct connections may fail: ask again"
        }
        Facts { udp: false, is_refused: true, .. } => {
            "it takes STUN to tell whether UDP comes through, and nothing listens for it where it was asked (say its port \
             with --stun-port), or a firewall rejects UDP"
        }
        Facts { udp: false, relay: false, names_none: false, is_key_refused: false, .. } => {
            return "nothing works: no UDP comes through, and no relay of the map works from here".to_owned();
        }
        Facts { udp: false, .. } => {
            "this network needs a relay: no UDP comes through, so nothing direct does"
        }
        Facts { mapping_varies: None | Some(false), is_public: true, .. } => {
            "direct works: no NAT is in the way, STUN sees this host's own address"
        }
        Facts { mapping_varies: Some(false), .. } => {
            "direct works: the router keeps one port towards all (easy NAT, or none)"
        }
        Facts { mapping_varies: Some(true), opens_ports: true, .. } => {
            "direct works by a port that the router opens; without it this network needs a relay (hard NAT)"
        }
        Facts { mapping_varies: Some(true), .. } => {
            "this network needs a relay towards others like it: the router takes another port for each destination (hard \
             NAT); direct works with the rest"
        }
        Facts { mapping_varies: None, ipv6: true, .. } => &by_ipv6,
        Facts { mapping_varies: None, .. } => {
            "UDP works; it takes two STUN servers to tell whether direct does"
        }
    };
    let relay = match facts {
        Facts { names_none: true, .. } => "no node of the map relays, so nobody finds a home there",
        Facts { is_key_refused: true, .. } => "no relay of the map that is reached from here admits this key",
        Facts { is_closed: true, .. } => {
            "a relay of the map works from here, as far as a stranger may see (--key FILE goes beyond)"
        }
        Facts { relay: true, .. } => "a relay of the map works from here",
        _ => "no relay of the map works from here",
    };
    format!("{direct}; {relay}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EASY: Facts<'_> = Facts {
        is_captive: false,
        unasked: None,
        udp: true,
        udp_at_times: true,
        is_refused: false,
        ipv6: false,
        ipv4: V4::Answers,
        mapping_varies: Some(false),
        is_public: false,
        opens_ports: false,
        relay: true,
        is_closed: false,
        names_none: false,
        is_key_refused: false,
    };

    #[test]
    fn direct_is_said_to_work_where_the_nat_is_easy_and_not_where_it_is_hard() {
        assert!(of(EASY).starts_with("direct works: "), "{}", of(EASY));
        let hard = Facts { mapping_varies: Some(true), ..EASY };
        assert!(of(hard).starts_with("this network needs a relay towards others like it"), "{}", of(hard));
        let helped = Facts { opens_ports: true, ..hard };
        assert!(of(helped).starts_with("direct works by a port that the router opens"), "{}", of(helped));
    }

    #[test]
    fn one_stun_server_does_not_tell_whether_direct_works() {
        let one = Facts { mapping_varies: None, ..EASY };
        assert!(of(one).starts_with("UDP works; it takes two STUN servers"), "{}", of(one));
        let six = Facts { ipv6: true, ..one };
        assert!(of(six).contains("by IPv4 it takes two STUN servers to tell"), "{}", of(six));
    }

    #[test]
    fn a_host_whose_own_address_is_seen_needs_no_second_server() {
        let public = Facts { mapping_varies: None, is_public: true, ..EASY };
        for facts in [public, Facts { ipv6: true, ..public }, Facts { mapping_varies: Some(false), ..public }]
        {
            assert!(of(facts).starts_with("direct works: no NAT is in the way"), "{}", of(facts));
        }
    }

    #[test]
    fn beside_ipv6_that_works_it_is_said_why_ipv4_tells_nothing() {
        for (ipv4, told) in [
            (V4::TcpAlone, "; no UDP comes through by IPv4; "),
            (V4::Dead, "; nothing comes through by IPv4; "),
            (V4::Unasked, "; the map names no STUN server to ask by IPv4; "),
            (V4::Absent, "; this host has no IPv4; "),
        ] {
            let said = of(Facts { mapping_varies: None, ipv6: true, ipv4, ..EASY });
            assert!(said.starts_with("direct works by IPv6 with peers that have it; "), "{said}");
            assert!(said.contains(told) && !said.contains("two STUN servers"), "{said}");
        }
    }

    #[test]
    fn ipv4_is_dead_only_where_it_was_asked_and_no_relay_answers_by_it() {
        let silent = Some(Reason::TooLittle);
        let all = [None, Some(Reason::NoFamily), Some(Reason::SwitchedOff), silent, silent];
        let relays = [false, false, false, true, false];
        let told: Vec<_> = all.into_iter().zip(relays).map(|(gap, relays)| V4::of(gap, relays)).collect();
        assert_eq!(told, [V4::Answers, V4::Absent, V4::Unasked, V4::TcpAlone, V4::Dead]);
    }

    #[test]
    fn where_nobody_is_asked_for_stun_no_network_is_called_blocked() {
        let off = Facts { udp: false, udp_at_times: false, unasked: Some("nobody was asked"), ..EASY };
        assert_eq!(of(off), "nobody was asked; a relay of the map works from here");
        let dead = of(Facts { relay: false, ..off });
        assert_eq!(dead, "nobody was asked; no relay of the map works from here");
    }

    #[test]
    fn without_udp_a_relay_is_needed_and_without_both_nothing_works() {
        let blocked = Facts { udp: false, udp_at_times: false, mapping_varies: None, ..EASY };
        assert!(of(blocked).starts_with("this network needs a relay: no UDP"), "{}", of(blocked));
        assert!(of(Facts { relay: false, ..blocked }).starts_with("nothing works"));
        assert!(of(Facts { udp_at_times: true, ..blocked }).starts_with("UDP comes through at times"));
        let refused = of(Facts { is_refused: true, ..blocked });
        assert!(
            refused.contains("nothing listens for it") && !refused.contains("needs a relay"),
            "{refused}"
        );
        assert!(of(Facts { is_captive: true, ..blocked }).contains("captive portal"));
    }

    #[test]
    fn the_sentence_ends_with_how_the_relays_are() {
        assert!(of(EASY).ends_with("; a relay of the map works from here"));
        assert!(of(Facts { relay: false, ..EASY }).ends_with("; no relay of the map works from here"));
        let of_stun = Facts { relay: false, names_none: true, ..EASY };
        for facts in [of_stun, Facts { udp: false, udp_at_times: false, ..of_stun }] {
            assert!(of(facts).ends_with("; no node of the map relays, so nobody finds a home there"));
        }
    }
}
