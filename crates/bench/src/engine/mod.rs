//! The load itself: threads that send what is due, read what comes, and count.
//!
//! Uses `link`, `pace`, `probe` and `clock`. Must stay true: what is due is decided by the clock alone, never by what the
//! relay has done; the age of a packet counts from the time it was due; every packet that was due is counted exactly
//! once, as received or lost.

mod control;
mod course;
mod gather;
mod layout;
mod outbound;
mod seats;
mod stamp;
mod tally;
mod worker;

pub(crate) use course::{Course, Outcome, drive};
pub(crate) use gather::gather;
pub(crate) use layout::{Flow, Layout, Member, Reading, Shape, Side};
pub(crate) use stamp::{MIN_DISCO_LEN, MIN_LEN};
pub(crate) use tally::{ClassTally, Tally};
