//! `wherry map`: make, check, merge and convert DERP maps.
//!
//! Lives here: the arguments and the printing; what is judged lives in the tools. Must stay true: data on stdout, one
//! line for each finding; exit code 78 if a map has errors, 1 if it cannot be had or only the network disagrees with it.

mod args;
mod check;
mod entry;
mod form;
mod lines;
mod merge;
mod out;
mod read;

pub(crate) use args::MapCommands;
pub(crate) use read::{of_source, read};

use wherry_server::config::Environment;

use crate::failure::Failure;

/// Does what was asked for.
pub(crate) fn run(command: MapCommands, env: &Environment) -> Result<(), Failure> {
    match command {
        MapCommands::Check(args) => check::run(&args),
        MapCommands::Entry(args) => entry::run(*args, env),
        MapCommands::Merge(args) => merge::merge(&args),
        MapCommands::Convert(args) => merge::convert(&args),
    }
}
