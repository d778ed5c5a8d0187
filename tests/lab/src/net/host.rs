//! One machine: a namespace with addresses.

use super::ip::{PREFIX, ip, within};
use crate::stop;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// Where `ip netns exec` finds files that stand for those of `/etc`.
pub(crate) const ETC: &str = "/etc/netns";

/// Set before links exist, so that each link starts with them.
const SETTINGS: &str = "
for dir in all default; do
  echo 0 >/proc/sys/net/ipv4/conf/$dir/rp_filter
  echo 0 >/proc/sys/net/ipv4/conf/$dir/send_redirects
  echo 0 >/proc/sys/net/ipv6/conf/$dir/accept_ra
done
";

/// Makes a host a router.
const FORWARD: &str = "
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
";

/// Where a daemon that hands out ports puts its rules, before those of the router; what it let in is let through.
const MAPPINGS: &str = "
table inet mappings {
 chain forward {
  type filter hook forward priority filter
 }
 chain prerouting {
  type nat hook prerouting priority dstnat
 }
 chain postrouting {
  type nat hook postrouting priority srcnat - 1
 }
}
insert rule inet wall through ct status dnat accept
";

/// A machine of the lab.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// How the lab calls it.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its own IPv4 address, if it has one.
    pub(crate) v4: Option<Ipv4Addr>,
    /// Its own IPv6 address, if it has one.
    pub(crate) v6: Option<Ipv6Addr>,
}

impl Host {
    /// Makes a namespace of this scenario without links, shielded from the host's name servers.
    ///
    /// # Errors
    /// The namespace or its files cannot be made, or the lab is to end.
    pub(super) fn new(scenario: &str, name: &str) -> Result<Self, String> {
        stop::go_on()?;
        let namespace = format!("{PREFIX}{scenario}.{name}");
        ip(&format!("netns add {namespace}"))?;
        let host = Self { name: name.to_owned(), namespace, v4: None, v6: None };
        let etc = host.etc();
        fs::create_dir_all(&etc).map_err(|err| format!("{}: {err}", etc.display()))?;
        // With no name server in it look-ups fail at once, instead of asking the host's.
        host.write("resolv.conf", "")?;
        host.write("hosts", "127.0.0.1 localhost\n")?;
        host.shell(SETTINGS)?;
        ip(&format!("-n {} link set lo up", host.namespace))?;
        Ok(host)
    }

    /// Lets it pass packets on.
    pub(super) fn forward(&self) -> Result<(), String> {
        self.shell(FORWARD)
    }

    /// Runs `ip` in it, with the words of this line.
    pub(crate) fn ip(&self, line: &str) -> Result<(), String> {
        ip(&format!("-n {} {line}", self.namespace)).map(drop)
    }

    /// Loads nftables rules in place of those there are.
    pub(crate) fn nft(&self, rules: &str) -> Result<(), String> {
        within(&self.namespace, &["nft", "-f", "-"], &format!("flush ruleset\n{rules}")).map(drop)
    }

    /// Lets a router drop what its clients send to this address by UDP.
    pub(crate) fn deaf_to(&self, addr: &str) -> Result<(), String> {
        let rule = format!("add rule inet wall through ip daddr {addr} meta l4proto udp drop\n");
        within(&self.namespace, &["nft", "-f", "-"], &rule).map(drop)
    }

    /// Lets a router pass a port on to a host behind it.
    pub(crate) fn pass_on(&self, protocol: &str, port: u16, to: Ipv4Addr) -> Result<(), String> {
        self.translate(
            &format!("iifname eth0 {protocol} dport {port} dnat to {to}"),
            "insert rule inet wall through ct status dnat accept\n",
        )
    }

    /// Lets a router send to this address what its clients send to port 80 of any, as a captive portal does.
    pub(crate) fn send_port_80_to(&self, portal: Ipv4Addr) -> Result<(), String> {
        self.translate(&format!("iifname lan0 tcp dport 80 dnat to {portal}"), "")
    }

    /// Makes a router's tables for the ports that its daemon opens.
    pub(crate) fn open_for_mappings(&self) -> Result<(), String> {
        within(&self.namespace, &["nft", "-f", "-"], MAPPINGS).map(drop)
    }

    /// Lets a router send back in, to the one client it has, what that sends to the router's outer address.
    pub(crate) fn hairpin(&self, outer: Ipv4Addr, inner: Ipv4Addr) -> Result<(), String> {
        self.translate(
            &format!("iifname lan0 ip daddr {outer} meta l4proto udp dnat to {inner}"),
            &format!("add rule ip nat out oifname lan0 snat to {outer}\n"),
        )
    }

    /// Lets a router put its own address in place of those of whom it lets in, as the network of containers does.
    pub(crate) fn hide_sources(&self) -> Result<(), String> {
        within(&self.namespace, &["nft", "-f", "-"], "add rule ip nat out oifname lan0 masquerade\n")
            .map(drop)
    }

    /// Lets a router with a host behind it turn around what its other clients send to its own address outside.
    pub(crate) fn turn_around(&self, outer: &str, to: Ipv4Addr) -> Result<(), String> {
        let rule = format!("add rule ip nat in iifname lan0 ip daddr {outer} dnat to {to}\n");
        within(&self.namespace, &["nft", "-f", "-"], &rule).map(drop)
    }

    /// Lets it put its address outside in place of theirs meanwhile, as RFC 4787 has it.
    pub(crate) fn turn_around_as(&self, outer: &str) -> Result<(), String> {
        let rule = format!("insert rule ip nat out oifname lan0 snat to {outer}\n");
        within(&self.namespace, &["nft", "-f", "-"], &rule).map(drop)
    }

    /// Names it can resolve, one line `ADDRESS NAME` each.
    pub(crate) fn knows(&self, lines: &str) -> Result<(), String> {
        self.write("hosts", &format!("127.0.0.1 localhost\n{lines}"))
    }

    /// The name server that it asks for all other names.
    pub(crate) fn asks(&self, server: &str) -> Result<(), String> {
        self.write("resolv.conf", &format!("nameserver {server}\n"))
    }

    /// Adds a rule for what comes in, and more.
    fn translate(&self, rule: &str, more: &str) -> Result<(), String> {
        let chain = "add chain ip nat in { type nat hook prerouting priority dstnat; }";
        let rules = format!("{chain}\nadd rule ip nat in {rule}\n{more}");
        within(&self.namespace, &["nft", "-f", "-"], &rules).map(drop)
    }

    fn shell(&self, script: &str) -> Result<(), String> {
        within(&self.namespace, &["sh", "-e"], script).map(drop)
    }

    fn etc(&self) -> PathBuf {
        Path::new(ETC).join(&self.namespace)
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.etc().join(file);
        fs::write(&path, text).map_err(|err| format!("{}: {err}", path.display()))
    }
}
