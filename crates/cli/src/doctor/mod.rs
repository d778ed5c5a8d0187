//! `wherry doctor`: what is wrong with a relay, and what to do about it.
//!
//! Lives here: the arguments and the printing; what is examined lives in the tools. Uses the `subject` room. Must stay
//! true: a line for each thing that was looked at, good or not; exit code 0 if nothing is to be mended, 1 if something
//! is, 64 if the question was wrong.

mod args;
mod run;
mod text;

pub(crate) use args::DoctorArgs;
pub(crate) use run::run;
