//! Bounds on time and space.

use std::{ops::RangeInclusive, time::Duration};

use wherry_switch::MailboxLimits;

/// Bounds on what connections may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by its users as well")]
pub struct Limits {
    /// From the upgrade to the end of the DERP handshake.
    pub handshake: Duration,
    /// For the TLS handshake, and for each HTTP request.
    pub http: Duration,
    /// How long a client's socket may refuse bytes; none waits for ever. Siblings have 30 s whatever this says.
    pub write_timeout: Option<Duration>,
    /// Period of the keep-alive frame; up to 5 s are added at random, chosen once a connection.
    pub keepalive: Duration,
    /// `TCP_USER_TIMEOUT`; none leaves the kernel's default.
    pub tcp_user_timeout: Option<Duration>,
    /// Idle time before the kernel's keep-alive probes.
    pub tcp_keepalive: Duration,
    /// What may wait for one client.
    pub mailbox: MailboxLimits,
    /// What everything that waits may take together, in bytes: mailboxes, sealed bytes that sockets do not take, connections
    /// that are no sessions yet.
    pub memory: usize,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// For a peer that must act: long enough for any line, short enough not to pile up.
pub(super) const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);
/// A stock client gives a relay up after 120 s without a frame, and up to 5 s are added.
pub(super) const KEEPALIVE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(110);
pub(super) const USER_TIMEOUT: RangeInclusive<Duration> = SECOND..=Duration::from_secs(3600);
/// Linux takes at most 32767 s.
pub(super) const TCP_KEEPALIVE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(9 * 3600);
/// Two of the largest packets at least.
pub(super) const MAILBOX_BYTES: RangeInclusive<usize> = 128 << 10..=1 << 30;
/// An end that stands for none: a size that no machine has.
pub(super) const NO_MACHINE: usize = usize::MAX / 4 + 1;
/// A few mailboxes at least, or some hundred handshakes.
pub(super) const MEMORY: RangeInclusive<usize> = 16 << 20..=NO_MACHINE;
pub(super) const MAILBOX_AGE: RangeInclusive<Duration> = Duration::from_millis(10)..=MINUTE;
pub(super) const WORKERS: RangeInclusive<usize> = 1..=1024;
/// What clients can use as the number of a region.
pub(super) const REGION_ID: RangeInclusive<usize> = 1..=65535;
/// What can be dialled.
pub(super) const PORT: RangeInclusive<usize> = 1..=65535;
/// Often enough for any change, seldom enough for whoever serves the map.
pub(super) const REFRESH: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(7 * 86_400);
