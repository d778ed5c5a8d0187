//! What a STUN socket counts.

use super::Counter;

/// Counters of one STUN socket.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct StunCounters {
    /// Requests answered.
    pub success: Counter,
    /// Datagrams that were no valid request; they got no answer.
    pub not_stun: Counter,
    /// Failed reads of the socket.
    pub read_error: Counter,
    /// Answers that could not be sent.
    pub write_error: Counter,
    /// Valid requests from IPv4 addresses, mapped ones included.
    pub ipv4: Counter,
    /// Valid requests from IPv6 addresses.
    pub ipv6: Counter,
}
