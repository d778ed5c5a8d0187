//! `wherry bench`: loads a relay and says what it bears.
//!
//! Lives here: the arguments, progress on a terminal, the table, the file of the page. The load is the bench crate's.
//! Uses the `subject` room, the bench, the client and the server crate. Must stay true: the result goes to stdout, progress and complaints to stderr; a run
//! that is no result is shown as such and ends with exit code 75.

mod args;
mod page;
mod progress;
mod run;
mod table;

pub(crate) use args::BenchArgs;
pub(crate) use run::run;
