//! The map as values, and what its special values mean.
use super::fields::{JSON, is_zero, object_or_none, objects, objects_by_number, or_zero, scores};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Which regions there are. A missing or null field is empty.
///
/// The serde form is JSON's, with Go's names; see [`from_json`](Self::from_json), [`from_yaml`](Self::from_yaml).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "callers write maps as literals, ending in ..default()")]
pub struct DerpMap {
    /// How clients choose their home; `None` leaves it as it was.
    #[serde(
        rename = "HomeParams",
        deserialize_with = "object_or_none::<_, _, JSON>",
        skip_serializing_if = "Option::is_none"
    )]
    pub home_params: Option<HomeParams>,
    /// Regions by id. `None` stands for null, by which a map takes away a region that another one brought.
    #[serde(rename = "Regions", deserialize_with = "objects_by_number::<_, _, JSON>")]
    pub regions: BTreeMap<i64, Option<Region>>,
    /// Asks the control plane not to add its own regions.
    #[serde(rename = "omitDefaultRegions", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub omit_default_regions: bool,
}

/// How clients choose their home.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "callers write maps as literals, ending in ..default()")]
pub struct HomeParams {
    /// What to multiply a region's latency with before comparing it, by region id; values that are not positive are
    /// ignored, missing ones are 1.
    #[serde(rename = "RegionScore", deserialize_with = "scores::<_, JSON>", skip_serializing_if = "is_zero")]
    pub region_score: BTreeMap<i64, f64>,
}

/// A place with one relay or more, any of which serves all of the region's peers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "callers write maps as literals, ending in ..default()")]
pub struct Region {
    /// Number, the same as its key in the map: 1 to 2^53 − 1 (and no more than 65535 for today's clients); 900 to 999
    /// are left to users.
    #[serde(rename = "RegionID", deserialize_with = "or_zero")]
    pub region_id: i64,
    /// Short code, such as `nyc`.
    #[serde(rename = "RegionCode", deserialize_with = "or_zero")]
    pub region_code: String,
    /// Name for people.
    #[serde(rename = "RegionName", deserialize_with = "or_zero")]
    pub region_name: String,
    /// Degrees north.
    #[serde(rename = "Latitude", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub latitude: f64,
    /// Degrees east.
    #[serde(rename = "Longitude", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub longitude: f64,
    /// Deprecated: leave out of most measurements.
    #[serde(rename = "Avoid", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub avoid: bool,
    /// Never measure and never choose as home; peers there can still be reached.
    #[serde(rename = "NoMeasureNoHome", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub no_measure_no_home: bool,
    /// Relays, the first choice first. Null entries are dropped when read.
    #[serde(rename = "Nodes", deserialize_with = "objects::<_, _, JSON>")]
    pub nodes: Vec<Node>,
}

/// One relay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "callers write maps as literals, ending in ..default()")]
pub struct Node {
    /// Name, unique in the whole map; no host name.
    #[serde(rename = "Name", deserialize_with = "or_zero")]
    pub name: String,
    /// The region it stands in.
    #[serde(rename = "RegionID", deserialize_with = "or_zero")]
    pub region_id: i64,
    /// Host name or address to dial.
    #[serde(rename = "HostName", deserialize_with = "or_zero")]
    pub host_name: String,
    /// Name its certificate must have if not the host name, or `sha256-raw:` and the hash of its certificate.
    #[serde(rename = "CertName", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub cert_name: String,
    /// See [`ipv4_address`](Self::ipv4_address).
    #[serde(rename = "IPv4", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub ipv4: String,
    /// See [`ipv6_address`](Self::ipv6_address).
    #[serde(rename = "IPv6", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub ipv6: String,
    /// See [`stun_udp_port`](Self::stun_udp_port).
    #[serde(rename = "STUNPort", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub stun_port: i64,
    /// Answers STUN and relays nothing.
    #[serde(rename = "STUNOnly", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub stun_only: bool,
    /// See [`derp_tcp_port`](Self::derp_tcp_port).
    #[serde(rename = "DERPPort", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub derp_port: i64,
    /// Do not verify its certificate; for tests.
    #[serde(rename = "InsecureForTests", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub insecure_for_tests: bool,
    /// Where to send STUN instead; for tests.
    #[serde(rename = "STUNTestIP", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub stun_test_ip: String,
    /// Port 80 may be used to look for captive portals.
    #[serde(rename = "CanPort80", deserialize_with = "or_zero", skip_serializing_if = "is_zero")]
    pub can_port_80: bool,
}

impl DerpMap {
    /// The regions that are there, by id: those not null.
    pub fn live_regions(&self) -> impl Iterator<Item = (i64, &Region)> {
        self.regions.iter().filter_map(|(id, region)| region.as_ref().map(|region| (*id, region)))
    }
}

/// Where to reach a relay in one address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a dialler must do one of exactly these")]
pub enum Address<Ip> {
    /// Ask DNS for the host name.
    Dns,
    /// At this address.
    Fixed(Ip),
    /// Not in this family.
    Off,
}

impl<Ip: FromStr> Address<Ip> {
    fn of(text: &str) -> Self {
        if text.is_empty() { Self::Dns } else { text.parse().map_or(Self::Off, Self::Fixed) }
    }
}

impl Node {
    /// Where to reach it by IPv4; any text that is no such address, such as `none`, switches the family off.
    #[must_use]
    pub fn ipv4_address(&self) -> Address<Ipv4Addr> {
        Address::of(&self.ipv4)
    }

    /// Where to reach it by IPv6; any text that is no such address, such as `none`, switches the family off.
    #[must_use]
    pub fn ipv6_address(&self) -> Address<Ipv6Addr> {
        Address::of(&self.ipv6)
    }

    /// UDP port to ask for STUN: 3478 if not set; `None` if the node does no STUN (negative) or the number is no port.
    #[must_use]
    pub fn stun_udp_port(&self) -> Option<u16> {
        if self.stun_port == 0 { Some(3478) } else { u16::try_from(self.stun_port).ok() }
    }

    /// TCP port to dial: 443 if not set; `None` if the number is no port.
    #[must_use]
    pub fn derp_tcp_port(&self) -> Option<u16> {
        if self.derp_port == 0 { Some(443) } else { u16::try_from(self.derp_port).ok() }
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
