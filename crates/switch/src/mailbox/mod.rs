//! The bounded outgoing queue of one conn.
//!
//! What lives here: [`Mailbox`], three lanes served in the order control, disco, data. The control lane holds whole frames
//! that the relay itself has to say. The other two hold packets, kept apart by sender and served round robin by bytes, so that
//! what a sender gets through depends on how many senders there are and not on how much each of them sends.
//!
//! It may use: the drop reasons. What must stay true:
//! - packets in = packets out + packets dropped + packets queued, and the same for bytes;
//! - packets of one sender and one kind leave in the order they came;
//! - room is made by dropping the oldest packet of whoever holds the most bytes, never that of a polite sender;
//! - an empty mailbox owns no memory on the heap, and a busy one allocates nothing for a packet;
//! - no byte of a lane is allocated before the memory that all mailboxes share was asked for it.

mod budget;
mod lane;
mod limits;
mod queue;
mod ring;

pub use budget::{MemoryBudget, MemoryClaim};
pub use limits::{MESH_CONTROL_BYTES, MailboxLimits, MailboxTerms};
pub use queue::{Full, Mailbox, Taken};

#[cfg(test)]
mod fairness_tests;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
