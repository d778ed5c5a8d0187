//! Which scenarios there are.

use super::{
    admission, blocked, certificates, direct, doctor, families, netcheck, regions, relayed, restart, routers,
    served_map, tutorials, update,
};
use crate::stage::Stage;

/// One story with its proof.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    /// What must be true.
    pub(crate) what: &'static str,
    /// Plays it.
    pub(crate) run: fn(&Stage<'_>) -> Result<(), String>,
}

/// All scenarios, in the order they run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "direct",
        what: "easy NATs: relayed at once, direct a moment later, nothing lost in between",
        run: direct::run,
    },
    Scenario {
        name: "relayed",
        what: "hard NATs on both sides: stays relayed, 20 of 20 pings, 50 MB over TCP intact",
        run: relayed::run,
    },
    Scenario {
        name: "no-udp",
        what: "UDP blocked on one side: works over TCP, 10 MB arrive intact",
        run: blocked::without_udp,
    },
    Scenario {
        name: "port-443",
        what: "only TCP to port 443 on one side: works, and netcheck measures by HTTPS and nothing else",
        run: blocked::only_443,
    },
    Scenario {
        name: "netcheck",
        what: "two STUN addresses: netcheck tells an easy NAT from a hard one",
        run: netcheck::run,
    },
    Scenario {
        name: "captive-portal",
        what: "a portal before port 80 is told from the relay's own answer, and pings pass it",
        run: routers::captive_portal,
    },
    Scenario {
        name: "hairpin",
        what: "netcheck tells a router that sends back what is for its own address from one that does not",
        run: routers::hairpin,
    },
    Scenario {
        name: "port-mapping",
        what: "a router that opens ports by UPnP, NAT-PMP and PCP: seen, and direct in spite of hard NATs",
        run: routers::port_mapping,
    },
    Scenario {
        name: "pin",
        what: "a bare address: a pin and no insecure flag; a wrong pin cuts off, the right one lets in",
        run: certificates::pinned,
    },
    Scenario {
        name: "old-clients",
        what: "clients from before pins: InsecureForTests",
        run: certificates::old_clients,
    },
    Scenario {
        name: "private-ca",
        what: "a name with a certificate of a private authority: no pin, no flag",
        run: certificates::private_authority,
    },
    Scenario {
        name: "families",
        what: "IPv6 only to IPv4 only, by a relay on other ports than 443 and 3478",
        run: families::run,
    },
    Scenario {
        name: "update",
        what: "the map changes while traffic flows: clients move to the new relay without a restart",
        run: update::region_replaced,
    },
    Scenario {
        name: "node-out",
        what: "one of a region's two nodes leaves the map: clients move on to the other",
        run: update::node_out,
    },
    Scenario {
        name: "served-map",
        what: "the relay serves the map by URL, clients follow what changes, what is no map changes nothing",
        run: served_map::plain,
    },
    Scenario {
        name: "served-https",
        what: "the relay serves the map by HTTPS, with a certificate of a private authority",
        run: served_map::by_https,
    },
    Scenario { name: "regions", what: "two regions, each client at home in another", run: regions::run },
    Scenario {
        name: "restart",
        what: "the relay is killed, or stopped in order, and comes back: what is lost is bounded",
        run: restart::run,
    },
    Scenario {
        name: "admission",
        what: "who is not on the list stays out, who is taken off it is cut while its pings run",
        run: admission::run,
    },
    Scenario {
        name: "doctor",
        what: "closed ports, rewritten addresses, a proxy that strips Upgrade: doctor names each with its remedy",
        run: doctor::run,
    },
    Scenario {
        name: "bare-ip",
        what: "the tutorial for a bare address, word for word",
        run: tutorials::bare_ip,
    },
    Scenario {
        name: "home-line",
        what: "the tutorial for a home line with odd ports, word for word; then its address changes",
        run: tutorials::home_line,
    },
    Scenario {
        name: "domain",
        what: "the tutorial for a name with a certificate, word for word; then it is renewed",
        run: tutorials::domain,
    },
    Scenario {
        name: "nginx",
        what: "the tutorial for a relay behind nginx, word for word",
        run: tutorials::nginx,
    },
    Scenario {
        name: "caddy",
        what: "the tutorial for a relay behind Caddy, word for word",
        run: tutorials::caddy,
    },
];

/// The table of `--list`.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for Scenario { name, what, .. } in SCENARIOS {
        text += &format!("{name:<14} {what}\n");
    }
    text
}

/// The scenarios of these names; all without a name.
///
/// # Errors
/// A name that no scenario has.
pub(crate) fn chosen<'a>(names: &[&'a str]) -> Result<Vec<&'a str>, String> {
    let known = || SCENARIOS.iter().map(|scenario| scenario.name);
    match names.iter().find(|name| !known().any(|known| known == **name)) {
        Some(name) => {
            Err(format!("no scenario `{name}`; there are {}", known().collect::<Vec<_>>().join(", ")))
        }
        None if names.is_empty() => Ok(known().collect()),
        None => Ok(names.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_with_those_that_exist() {
        let complaint = chosen(&["direct", "dirct"]).unwrap_err();
        assert!(complaint.starts_with("no scenario `dirct`; there are direct"), "{complaint}");
    }

    #[test]
    fn without_a_name_all_run() {
        assert_eq!(chosen(&[]).map(|names| names.len()), Ok(SCENARIOS.len()));
    }
}
