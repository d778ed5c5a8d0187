//! What routers do to packets.

/// A kind of router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Keeps ports: what one peer learns about the mapping holds for all.
    Easy,
    /// A mapping, at random, per destination.
    Hard,
    /// As easy, but no UDP passes.
    UdpBlocked,
    /// As easy, but nothing passes except TCP to port 443.
    Only443,
    /// No IPv4, and no translation of IPv6; only answers come in.
    V6Only,
}

/// The router's rules. Outside is `eth0`, inside `lan0`.
pub(crate) fn rules(nat: Nat) -> String {
    let translation = match nat {
        Nat::Hard => "oifname eth0 masquerade fully-random",
        Nat::Easy | Nat::UdpBlocked | Nat::Only443 | Nat::V6Only => "oifname eth0 masquerade",
    };
    let wall = match nat {
        Nat::Easy | Nat::Hard | Nat::V6Only => "",
        Nat::UdpBlocked => "meta l4proto udp drop",
        Nat::Only443 => "iifname lan0 tcp dport != 443 drop\n  iifname lan0 meta l4proto != tcp drop",
    };
    format!(
        "table ip nat {{
 chain out {{
  type nat hook postrouting priority srcnat
  {translation}
 }}
}}
table inet wall {{
 # An unsolicited packet must leave no trace: its entry would take the port that the NAT needs.
 chain in {{
  type filter hook input priority filter
  iifname eth0 meta l4proto {{ tcp, udp }} ct state new drop
 }}
 chain through {{
  type filter hook forward priority filter
  iifname eth0 ct state new drop
  {wall}
 }}
}}
"
    )
}
