//! The register of metrics: name, type, labels, when it goes up, and what an operator does about it.

use std::fmt::Write;

/// Type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Goes up only.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl MetricKind {
    /// The name in the text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Family {
    /// Its name. Those without `wherry_` in front are `derper`'s and mean what they mean there.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it is, or when it goes up.
    pub help: &'static str,
    /// What an operator does about it.
    pub act: &'static str,
}

const fn counter(name: &'static str, help: &'static str, act: &'static str) -> Family {
    Family { name, kind: MetricKind::Counter, labels: &[], help, act }
}

const fn gauge(name: &'static str, help: &'static str, act: &'static str) -> Family {
    Family { name, kind: MetricKind::Gauge, labels: &[], help, act }
}

const fn labelled(family: Family, labels: &'static [&'static str]) -> Family {
    Family { labels, ..family }
}

const NOTHING: &str = "Nothing; it tells how busy the relay is.";

/// Declares the metrics and the list of all of them.
macro_rules! families {
    ($($ident:ident = $family:expr;)+) => {
        $(pub(super) const $ident: Family = $family;)+

        /// All metrics, in the order of the text and of the reference page.
        pub const FAMILIES: &[Family] = &[$($ident,)+];
    };
}

families! {
    CURRENT_CONNECTIONS = gauge("derp_current_connections", "Connections that are sessions now.", "Compare with what the host can hold: each takes a file descriptor.");
    CURRENT_HOME = gauge("derp_current_home_connections", "Connections whose client calls this relay its home.", NOTHING);
    CURRENT_NOTIDEAL = gauge("derp_current_notideal_connections", "Connections whose client would rather be on another node of the region.", "If it stays high, the first node of the region cannot be reached.");
    CLIENTS_TOTAL = gauge("derp_clients_total", "Distinct keys, here and on siblings.", NOTHING);
    CLIENTS_LOCAL = gauge("derp_clients_local", "Distinct keys connected here.", NOTHING);
    CLIENTS_REMOTE = gauge("derp_clients_remote", "Distinct keys connected to siblings only.", NOTHING);
    DUP_KEYS = gauge("derp_current_dup_client_keys", "Keys with two connections or more.", "If it stays, two machines share a key: somebody copied a state folder. Give one of them a new key.");
    DUP_CONNS = gauge("derp_current_dup_client_conns", "Connections of such keys.", "As for the keys.");
    DUP_TOTAL = counter("derp_total_dup_client_conns", "A connection came while another of its key was still here.", "Some are normal when clients change networks.");
    WATCHERS = gauge("derp_watchers", "Siblings that watch who is here.", "Should be the number of siblings.");
    HOME_IN = counter("derp_home_moves_in", "A client connected for more than 5 s made this relay its home.", NOTHING);
    MULTI_CREATED = counter("derp_multiforwarder_created", "A second sibling said that it has a key.", NOTHING);
    MULTI_DELETED = counter("derp_multiforwarder_deleted", "One of several siblings with a key was left.", NOTHING);
    OTHER_VALUE = counter("derp_packet_forwarder_delete_other_value", "A sibling took back a key that another has by now.", NOTHING);
    NOTICES_LOST = counter("wherry_notices_lost_total", "A notice that a peer left found no room: its client does not read.", NOTHING);
    HOME_OUT = counter("derp_home_moves_out", "A client connected for more than 5 s moved its home away.", "If many leave at once, look at /readyz and at the path to the relay.");

    TCP_ACCEPTED = counter("wherry_tcp_accepted_total", "A listener took a TCP connection.", "Far more than sessions means probes or an attack; see the failures below.");
    ACCEPT_ERRORS = counter("wherry_accept_errors_total", "A listener could not take a connection.", "The process is out of file descriptors: raise LimitNOFILE.");
    HTTP_REQUESTS = labelled(counter("wherry_http_requests_total", "An HTTP request was answered.", "5xx should be zero; look at the log."), &["status"]);
    ACCEPTS = counter("derp_accepts", "A connection was upgraded to DERP.", NOTHING);
    WEBSOCKET_ACCEPTS = counter("derp_websocket_accepts", "One of these speaks WebSocket: a browser, or a client behind a proxy.", NOTHING);
    SESSIONS = counter("wherry_sessions_total", "A client was admitted and became a session.", NOTHING);
    REFUSED = labelled(counter("wherry_refused_total", "A connection never became a session.", "denied: a key that is not on the list; the log at debug says which. tls: a client dials a name the certificates do not cover, or does not trust them; check date, chain and pin. internal: look at the log. memory: see wherry_memory_used_bytes. The rest is noise from scanners and broken clients."), &["reason"]);
    CLOSED = labelled(counter("wherry_closed_total", "A session ended.", "write_timeout: the client's line is too slow or dead. bad_frame, transport: a broken or hostile client. revoked: its key was taken off the list. memory: its socket was full when memory was short."), &["reason"]);

    PACKETS_RECEIVED = counter("derp_packets_received", "A client sent a packet.", NOTHING);
    BYTES_RECEIVED = counter("derp_bytes_received", "Bytes of such packets, without keys and headers.", NOTHING);
    PACKETS_RECEIVED_KIND = labelled(counter("derp_packets_received_kind", "A client sent a packet of this kind; disco is how clients find each other.", "Much disco and little else is normal: clients that found a direct path need the relay no more."), &["kind"]);
    BYTES_RECEIVED_KIND = labelled(counter("wherry_bytes_received_kind_total", "Bytes of such packets.", NOTHING), &["kind"]);
    PACKETS_SENT = counter("derp_packets_sent", "A packet went out to a client.", NOTHING);
    BYTES_SENT = counter("derp_bytes_sent", "Bytes of such packets, without keys and headers.", "What the host's provider counts is a few per cent more.");
    PACKETS_SENT_KIND = labelled(counter("wherry_packets_sent_kind_total", "A packet of this kind went out to a client.", NOTHING), &["kind"]);
    BYTES_SENT_KIND = labelled(counter("wherry_bytes_sent_kind_total", "Bytes of such packets.", NOTHING), &["kind"]);
    PACKETS_DROPPED = labelled(counter("derp_packets_dropped", "A packet was dropped.", "queue_head, queue_tail, aged: its destination is slower than its senders; normal in bursts. unknown_dest: its destination is not here. gone_disconnected, write_error: its destination left. dup_client: two machines share a key. memory: see wherry_memory_used_bytes."), &["reason", "kind"]);
    BYTES_DROPPED = labelled(counter("derp_bytes_dropped", "Bytes of such packets.", "As for the packets."), &["reason", "kind"]);
    PACKETS_FORWARDED_IN = counter("derp_packets_forwarded_in", "A sibling forwarded a packet to us.", NOTHING);
    MAILBOX_PACKETS = counter("wherry_mailbox_packets_total", "A packet went out that had waited in a mailbox; the others went out at once.", "If nearly all wait, clients are slow or the relay is short of CPU.");
    MAILBOX_WAIT = counter("wherry_mailbox_wait_ms_total", "Milliseconds these packets waited.", "Divided by their number it is the mean delay the relay adds to them.");
    PAUSED = counter("wherry_paused_total", "A sender was read less often because most of what it sends is dropped.", "Find the sender with wherry status; it outruns its destinations.");
    WRITE_TIMEOUTS = counter("derp_sclient_write_timeouts", "A client's socket took nothing for too long and the client was cut.", "A few are clients that vanished. Many at once: look at the relay's own line.");

    UNKNOWN_FRAMES = counter("derp_unknown_frames", "A client sent a frame of a type this version does not know; it was skipped.", "If it grows, clients are newer than the relay: update.");
    GOT_PING = counter("derp_got_ping", "A client sent a ping.", NOTHING);
    SENT_PONG = counter("derp_sent_pong", "A ping was answered.", "Should follow the pings.");
    PEER_GONE_NOT_HERE = counter("derp_peer_gone_not_here_frames", "A sender was told that a peer is not here.", "Many: clients believe that peers are homed here that are not; is a region meshed only in part?");

    STUN_REQUESTS = labelled(counter("stun_requests", "A datagram came to the STUN port.", "not_stun is noise. write_error: the socket's buffer is full or a firewall refuses. read_error: look at the log."), &["disposition"]);
    STUN_FAMILIES = labelled(counter("stun_addrfamily", "A valid request came over this address family.", "If ipv6 stays zero though the relay has IPv6, its firewall may drop UDP."), &["family"]);

    READY = gauge("wherry_ready", "1 if /readyz says 200, else 0.", "Alert when it is 0, and read /readyz: it says why.");
    VERSION = labelled(gauge("version", "Always 1; the version is the label.", NOTHING), &["version", "binary"]);
    START_TIME = gauge("process_start_unix_time", "When the process started, in seconds since 1970.", "Alert when it changes unasked.");
    UPTIME = counter("uptime_sec", "Seconds since then.", NOTHING);
    OPEN_FILES = gauge("derp_current_file_descriptors", "Open file descriptors of the process.", "Keep it well under LimitNOFILE.");
    MEMORY_USED = gauge("wherry_memory_used_bytes", "Memory taken for what waits: mailboxes, sealed bytes that sockets do not take, connections that are no sessions yet.", "Near the limit, packets are dropped and connections refused for it: raise limits.memory, or find with wherry status the clients that take nothing.");
    MEMORY_LIMIT = gauge("wherry_memory_limit_bytes", "The most that may be: limits.memory.", "Compare with what is used.");
    RESIDENT = gauge("process_resident_memory_bytes", "Memory the process holds.", "Divide by the connections: it should be a few KiB each.");
}

/// The page `docs/reference/metrics.md`.
#[must_use]
pub fn metrics_reference() -> String {
    let mut page = String::from(INTRO);
    for family in FAMILIES {
        let labels = if family.labels.is_empty() {
            String::new()
        } else {
            format!(" by `{}`", family.labels.join("`, `"))
        };
        // Writing to a string cannot fail.
        writeln!(
            page,
            "| `{}` | {}{labels} | {} | {} |",
            family.name,
            family.kind.name(),
            family.help,
            family.act
        )
        .unwrap_or_default();
    }
    page
}

const INTRO: &str = "\
# Metrics

Made from the register of metrics by `wherry config reference --metrics`; a test holds the two together. Do not edit.

Served as Prometheus text at `/metrics` on the private listener (key `admin`). A name without `wherry_` in front is
`derper`'s and means what it means there. Every series exists from the start, at zero.

| metric | type | what it is, or when it goes up | what to do |
|---|---|---|---|
";
