//! Who is connected: the content of `/status.json`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The relay at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Milliseconds since the process started; the time base for rates.
    pub uptime_ms: u64,
    /// The relay's own key, as text.
    pub key: String,
    /// Names under which clients reach it.
    pub hostnames: Vec<String>,
    /// Where it listens, with the ports the system chose.
    pub addresses: Addresses,
    /// Who may use it: `open`, or `list:` and the file; empty if an earlier version does not say.
    #[serde(default)]
    pub admit: String,
    /// Whether `/readyz` says 200.
    pub ready: bool,
    /// Its lines about what keeps the relay from being ready.
    pub faults: Vec<String>,
    /// Its lines about what somebody should look at all the same.
    pub notes: Vec<String>,
    /// Packets since the start, all connections.
    pub traffic: Traffic,
    /// Packets dropped since the start.
    pub dropped_packets: u64,
    /// Connections, in the order they came.
    pub conns: Vec<ConnStatus>,
}

/// Where the relay listens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct Addresses {
    /// Relay over TLS.
    pub tls: Vec<SocketAddr>,
    /// Relay without TLS.
    pub plain: Vec<SocketAddr>,
    /// Redirects and captive-portal checks.
    pub http: Vec<SocketAddr>,
    /// STUN, over UDP.
    pub stun: Vec<SocketAddr>,
    /// The private listener.
    pub admin: Option<SocketAddr>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct ConnStatus {
    /// Its number, never used twice.
    pub id: u64,
    /// Key of its peer, as text.
    pub key: String,
    /// The same as logs show it.
    pub short: String,
    /// Name of the peer on the admission list.
    pub name: Option<String>,
    /// `regular`, `mesh` or `prober`.
    pub role: String,
    /// Where it comes from.
    pub addr: SocketAddr,
    /// Milliseconds since it joined.
    pub age_ms: u64,
    /// Whether this relay is its client's home.
    pub home: bool,
    /// Whether its client would rather be on another node of the region.
    pub not_ideal: bool,
    /// Whether another connection has the same key.
    pub duplicate: bool,
    /// Packets since it joined, if they are counted by connection.
    pub traffic: Option<Traffic>,
}

/// Packets and their bytes, without keys and headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct Traffic {
    /// Packets from the client.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Packets to the client.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}
