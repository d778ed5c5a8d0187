//! `wherry netcheck`: what this host's network is like towards the relays of a map, and which of them work from here.
//!
//! Lives here: the arguments, the report for people and for scripts. Uses the `subject` room and the tools. Must stay
//! true: text and JSON have the words, the layout and the field names of `tailscale netcheck`, and add to them only at
//! the end; the report goes to stdout, complaints to stderr; the exit code is 0 if anything could be reached, 1 if
//! nothing, or the map cannot be had, 64 if the question was wrong, 78 if the map is.

mod args;
mod go;
mod json;
mod rule;
mod run;
mod text;
mod trouble;
mod words;
mod zone;

pub(crate) use args::NetcheckArgs;
pub(crate) use run::run;
