//! One connection of a peer.
//!
//! What lives here: [`Conn`], everything about a connection that others than its owner may look at. It may use: the role it
//! was admitted in, and its mailbox. What must stay true: a conn that joined never changes its key, role or id; all that does
//! change is its mailbox (under its lock), some marks (written under the switch's lock, read by anyone) and a count.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wherry_wire::key::NodePublic;

use crate::admitted::{Admitted, Role};
use crate::mailbox::{Mailbox, MailboxTerms};

/// Tells the conns of one process apart, also two of the same key. Never used twice; later conns have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of a connection beyond who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinInfo {
    /// Where it comes from, as siblings are told.
    pub addr: SocketAddr,
    /// The client says that this is not the relay of the region it should be on.
    pub not_ideal: bool,
    /// The client says that it only measures the relay; siblings are told.
    pub prober: bool,
}

/// A conn that joined. `L` is what its owner hangs on it: in the relay its socket and TLS state.
///
/// What each packet needs stands first and together: in a crowd, each line of it comes from memory.
#[repr(C)]
pub struct Conn<L> {
    // Under its own lock.
    mailbox: Mutex<Mailbox>,
    // Fixed.
    id: ConnId,
    key: NodePublic,
    role: Role,
    // Written under the switch's lock.
    among_duplicates: AtomicU8,
    is_home: AtomicBool,
    is_overrun: AtomicBool,
    // Written by anyone.
    heard: AtomicU32,
    // Fixed.
    link: L,
    joined_at: Duration,
    name: Option<Arc<str>>,
    info: JoinInfo,
}

/// A conn's standing among those that share its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Standing {
    /// The only one.
    Alone = 0,
    /// One of several; its next frame matters.
    Duplicate = 1,
    /// One of several and the one that wrote last: another frame of it changes nothing.
    LastWriter = 2,
}

impl<L> Conn<L> {
    pub(crate) fn new(
        id: ConnId,
        admitted: Admitted,
        info: JoinInfo,
        link: L,
        terms: Arc<MailboxTerms>,
        now: Duration,
    ) -> Self {
        let Admitted { key, role, name } = admitted;
        Self {
            mailbox: Mutex::new(Mailbox::new(terms)),
            id,
            key,
            role,
            among_duplicates: AtomicU8::new(Standing::Alone as u8),
            is_home: AtomicBool::new(false),
            is_overrun: AtomicBool::new(false),
            heard: AtomicU32::new(0),
            link,
            joined_at: now,
            name,
            info,
        }
    }

    /// Which one it is.
    pub fn id(&self) -> ConnId {
        self.id
    }

    /// The peer it belongs to.
    pub fn key(&self) -> &NodePublic {
        &self.key
    }

    /// What it was admitted as.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What people call the peer, if admission knew.
    pub fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    /// Where it comes from.
    pub fn addr(&self) -> SocketAddr {
        self.info.addr
    }

    /// Whether the client said that it should be on another relay of the region.
    pub fn is_not_ideal(&self) -> bool {
        self.info.not_ideal
    }

    /// Whether the client said that it only measures the relay.
    pub fn is_prober(&self) -> bool {
        self.info.prober
    }

    /// When it joined.
    pub fn joined_at(&self) -> Duration {
        self.joined_at
    }

    /// What its owner hung on it.
    pub fn link(&self) -> &L {
        &self.link
    }

    /// Its mailbox, locked. Hold it briefly, and call nothing of the [`Switch`](crate::Switch) meanwhile.
    pub fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another conn has the same key. Then each received frame must be noted with
    /// [`Switch::note_frame`](crate::Switch::note_frame).
    pub fn is_dup(&self) -> bool {
        // Relaxed: a frame that arrives while the second conn joins may count as having come before.
        self.among_duplicates.load(Ordering::Relaxed) != Standing::Alone as u8
    }

    /// Whether the client calls this relay its home.
    pub fn is_home(&self) -> bool {
        self.is_home.load(Ordering::Relaxed)
    }

    /// Whether a sibling missed news because its control lane was full: close it, so that it starts afresh.
    pub fn is_overrun(&self) -> bool {
        self.is_overrun.load(Ordering::Relaxed)
    }

    pub(crate) fn is_last_writer(&self) -> bool {
        self.among_duplicates.load(Ordering::Relaxed) == Standing::LastWriter as u8
    }

    pub(crate) fn set_standing(&self, standing: Standing) {
        self.among_duplicates.store(standing as u8, Ordering::Relaxed);
    }

    /// Sets whether the relay is its home; says whether that is new.
    pub(crate) fn set_home(&self, home: bool) -> bool {
        self.is_home.swap(home, Ordering::Relaxed) != home
    }

    /// Counts one more peer that it got a packet from.
    pub(crate) fn note_heard(&self) {
        // Beyond four billion it starts again: it tells how much to sweep, not what.
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// How many peers it got packets from.
    pub(crate) fn heard(&self) -> usize {
        usize::try_from(self.heard.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    pub(crate) fn mark_overrun(&self) {
        self.is_overrun.store(true, Ordering::Relaxed);
    }
}

impl<L> fmt::Debug for Conn<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
