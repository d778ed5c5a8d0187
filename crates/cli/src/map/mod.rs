//! `wherry map`: make, check, merge and convert DERP maps.
//!
//! Lives here: the arguments and the printing; what is judged lives in the tools. Must stay true: data on stdout, one
//! line for each finding; exit code 1 if a map has errors.

mod args;
mod check;

pub(crate) use args::MapCommands;

use crate::failure::Failure;

/// Does what was asked for.
pub(crate) fn run(command: &MapCommands) -> Result<(), Failure> {
    match command {
        MapCommands::Check(args) => check::run(args),
    }
}
