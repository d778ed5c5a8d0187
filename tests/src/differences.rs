//! Where wherry behaves otherwise than the reference on purpose, and why. The only such list of the suite.

/// One deliberate difference between wherry and the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// A WebSocket message above 32 KiB is taken.
    ///
    /// The reference's library closes with 1009, which kills any browser-side client that sends a legal 64 KiB packet.
    LargeWebSocketMessages,
    /// A WebSocket continuation of nothing closes the connection.
    ///
    /// The reference leaves it open about one time in six.
    StrayContinuationCloses,
    /// A STUN request over IPv4 gets an IPv4 answer also on a wildcard socket.
    ///
    /// The reference answers with the mapped IPv6 form there, 12 bytes more for the same address.
    StunUnmapsIpv4,
    /// ALPN `h2` is never chosen.
    ///
    /// The reference agrees to HTTP/2 with a client that offers nothing else, over which no DERP can be spoken.
    NoHttp2,
}
