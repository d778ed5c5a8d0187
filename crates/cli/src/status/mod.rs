//! `wherry status`: who is connected to a running relay.
//!
//! Lives here: the question to the private listener, and its answer as a table. Uses what the relay says of itself there.
//! Must stay true: a word that is no address of a private listener is told from a relay that does not answer.

mod address;
mod ask;
mod run;
mod table;

pub(crate) use ask::{AskError, ask};
pub(crate) use run::{StatusArgs, run};
