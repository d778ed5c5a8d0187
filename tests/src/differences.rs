//! Where wherry behaves otherwise than the reference on purpose, and why. The only such list of the suite.

/// One deliberate difference between wherry and the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// A WebSocket message above 32 KiB is taken.
    ///
    /// The reference's library closes with 1009, which kills any browser-side client that sends a legal 64 KiB packet.
    LargeWebSocketMessages,
    /// The connection itself is closed after an offence against the rules of WebSocket.
    ///
    /// The reference says so in a close message, but leaves the connection open about one time in ten.
    ClosesBrokenWebSockets,
    /// A STUN request over IPv4 gets an IPv4 answer also on a wildcard socket.
    ///
    /// The reference answers with the mapped IPv6 form there, 12 bytes more for the same address.
    StunUnmapsIpv4,
    /// What waits for a slow receiver is shared fairly among its senders.
    ///
    /// In the reference's queue of 32 packets a flood by one sender leaves nothing of the others.
    FairBetweenSenders,
    /// Nothing is dropped while the receiver's socket takes more.
    ///
    /// In the reference a flood may keep the receiver's writer from its turn, until the queue in front of an empty socket
    /// overflows: on a busy machine the first of a flood's packets are lost.
    WritesBeforeDropping,
    /// A sibling that does not read who comes and goes is cut when much of it waits, and told everything when it is back.
    ///
    /// The reference lets any amount pile up until the sibling takes nothing for 30 s.
    BoundsNews,
    /// New certificate files are served without a restart, and broken ones are not.
    ///
    /// The reference reads them once.
    ReloadsCertificates,
    /// A relay that stops tells its clients how to spread their return, in a `Restarting` frame.
    ///
    /// The reference drops them without a word, and they all come back at once.
    SaysRestarting,
    /// What a crowd of clients took is given back when they leave.
    ///
    /// The reference's runtime keeps the stacks and buffers of the largest crowd for minutes.
    GivesMemoryBack,
    /// What waits for all clients together takes no more memory than a setting says.
    ///
    /// The reference bounds each client's queue in packets, and nothing bounds their sum.
    BoundsMemory,
    /// The relay serves a DERP map with itself in it at `/derpmap.json`, if it is told to.
    ///
    /// The reference has its home page there, as at any path that it does not know, and prints what to paste.
    ServesItsMap,
    /// Nobody may see `/debug/` on the public listeners.
    ///
    /// The reference shows it to whoever seems local, which a proxy on the same host makes of everybody; wherry has
    /// a private listener for it.
    NoPublicDebugPages,
    /// ALPN `h2` is never chosen.
    ///
    /// The reference agrees to HTTP/2 with a client that offers nothing else, over which no DERP can be spoken.
    NoHttp2,
}

/// Flags of the reference that wherry refuses for the time being, with exit code 64, and what they are for.
///
/// Tests that need one are skipped with a line that says so; a flag that is served must leave this list.
pub const NOT_YET: &[(&str, &str)] = &[
    ("-mesh-with", "links to other relays"),
    ("-verify-clients", "admission by the local node"),
    ("-verify-client-url", "admission by a URL"),
    ("-rate-config", "the receive rate limit"),
];

/// Is this flag one of them? Returns what it is for.
pub(crate) fn not_yet(flag: &str) -> Option<&'static str> {
    let name = flag.split_once('=').map_or(flag, |(name, _)| name);
    NOT_YET.iter().find(|(refused, _)| *refused == name).map(|(_, purpose)| *purpose)
}
