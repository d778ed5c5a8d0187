//! `wherry doctor`: what is wrong with a relay, and what to do about it.
//!
//! Lives here: the arguments, the printing, and what only the relay's own host knows (`host`); what is examined from outside
//! lives in the tools. Uses the rooms `subject`, `settings`, `config` and `status`. Must stay true: a line for each thing that was
//! looked at, good or not; exit code 0 if nothing is to be mended, 1 if something is, 64 if the question was wrong, 78 if a map is.

mod args;
mod host;
mod maps;
mod question;
mod report;
mod run;
mod text;

pub(crate) use args::DoctorArgs;
pub(crate) use run::run;
