//! `wherry ping`: does this relay work from here, how fast is each step, and if not, what is to be done.
//!
//! Lives here: the measurement, the report for people and for scripts. Uses the `subject` room, the client and
//! the wire crate. Must stay true: certificates are judged as the entry or the flags say, never more weakly
//! (the one look at a refused certificate is only to name its pin); the result goes to stdout, what went wrong to
//! stderr; the exit code is 0 if everything works, 1 if not, 64 if the question was wrong, 78 if the map is.

mod args;
mod measure;
mod relay;
mod remedy;
mod report;
mod run;
mod stun;
mod table;

pub(crate) use args::PingArgs;
pub(crate) use run::run;
