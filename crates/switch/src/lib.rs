//! Who is connected to a DERP relay, where a packet goes, what is dropped and why.
//!
//! The crate decides and never acts: it has no socket, clock, file, thread or log. Time comes in as `now`, the
//! [`Duration`](std::time::Duration) since the process started; bytes come in as slices and leave in a buffer of the caller.
//! Locks and wakers are allowed, because the way of a packet (reader, lookup, mailbox, writer) crosses threads.
//!
//! The rooms, each with what it may use of the others:
//!
//! | room | what lives here | uses |
//! |---|---|---|
//! | [`admitted`] | proof that a peer was let in; joining needs it | – |
//! | [`mod@drop`] | the closed list of reasons why a packet is lost, and their tally | – |
//! | [`limit`] | token buckets that take `now` | – |
//! | [`mailbox`] | the bounded outgoing queue of one conn, and the memory that all of them share | drop |
//! | [`conn`] | one connection of a peer | admitted, mailbox |
//! | `conn_set` | conns, a bit each | conn |
//! | [`mesh_view`] | what siblings told us of a peer | – |
//! | [`route`] | a peer as lookups see it: local, by a sibling, or none | conn, mesh_view |
//! | [`directory`] | the [`Switch`]: joins, leaves, duplicates, watchers, forwarders | all above |
//! | [`check`] | the invariants as a function | directory |
//!
//! Lock order: the switch's lock, then a mailbox. Nobody may call a method of [`Switch`] while holding a mailbox.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::wildcard_enum_match_arm)]

pub mod admitted;
pub mod check;
pub mod conn;
mod conn_set;
pub mod directory;
pub mod drop;
pub mod limit;
pub mod mailbox;
pub mod mesh_view;
pub mod route;

pub use admitted::{Admitted, Gate, Role};
pub use check::Violation;
pub use conn::{Conn, ConnId, JoinInfo};
pub use directory::{Counts, Joined, Listeners, Switch};
pub use drop::{DropReason, DropTally, Dropped, Kind};
pub use limit::{NotHereLimit, TokenBucket};
pub use mailbox::{Full, Mailbox, MailboxLimits, MailboxTerms, MemoryBudget, MemoryClaim, Taken};
pub use mesh_view::SiblingId;
pub use route::{Peer, Route};
