//! The project's own tasks, run as `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod bench_door;
mod check;
mod command;
mod inherits;
mod lab;
mod layers;
mod source;
mod steps;
mod style;
mod tools;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  check [--ci] [--list] [--only STEP]...   everything CI asks, one named step per question
  layers                                   do the arrows between crates and rooms match ARCHITECTURE.md?
  inherits                                 does each crate inherit the workspace's lints?
  style [--check]                          the style meter; --check fails over its thresholds
  tools                                    build the reference programs the tests compare with
  lab [--list] [SCENARIO]...               real clients behind real NATs, wherry their only relay; needs root
  bench [--quick] [...]                    measure wherry beside derper; `bench --help` says more";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        eprintln!("xtask has no parent folder");
        return ExitCode::FAILURE;
    };
    let outcome = match args.as_slice() {
        ["check", rest @ ..] => check::run(root, rest),
        ["layers"] => layers::run(root),
        ["inherits"] => inherits::run(root),
        ["style"] => style::run(root, false),
        ["style", "--check"] => style::run(root, true),
        ["tools"] => tools::run(root),
        ["lab", rest @ ..] => lab::become_it(root, rest),
        ["bench", rest @ ..] => bench_door::run(root, rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}
