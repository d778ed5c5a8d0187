//! The `wherry` binary: arguments, printing, exit codes.
//!
//! What lives here: the command line, the signals, the log subscriber, and everything that is printed. Data goes to
//! stdout, logs and complaints to stderr. It may use the server, the load generator, the client and the wire crate. What
//! must stay true: a user's mistake is one line for each mistake that says what was given and what to do, never a panic or
//! a backtrace; exit code 64 is a mistake on the command line, 78 one in the configuration or a map that is to be
//! used, 75 a measurement that is no result, 1 anything else.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod config;
mod derper;
mod doctor;
mod entry;
mod failure;
mod finding;
mod help;
mod key;
mod log;
mod map;
mod netcheck;
mod output;
mod ping;
mod reload;
mod runtime;
mod serve;
mod service;
mod settings;
mod sift;
mod status;
mod subject;
mod time;
mod unit;
mod usage;

use std::process::ExitCode;

use wherry_server::config::Environment;

use crate::{args::Command, failure::Failure};

/// glibc's allocator keeps what a crowd of connections leaves behind, a page here and there; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(&Environment::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match &failure {
                Failure::Help(help) => output::tell(help),
                failure => output::complain(&failure.to_string()),
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(env: &Environment) -> Result<(), Failure> {
    let mut argv = args::argv()?;
    if args::called_as_derper(&argv) {
        return derper::run(&argv.split_off(1), env);
    }
    match args::parse(argv)? {
        Command::Answered => Ok(()),
        Command::Serve(settings) => serve::run(settings.sources(env)),
        Command::ConfigCheck { settings, json } => config::check(settings.sources(env), env, json),
        Command::ConfigReference { metrics } => config::reference(metrics),
        Command::Derper(argv) => derper::run(&argv, env),
        Command::Status(status) => status::run(&status, env),
        Command::Ping(args) => ping::run(&args),
        Command::Netcheck(args) => netcheck::run(&args),
        Command::Doctor(args) => doctor::run(&args, env),
        Command::Map(command) => map::run(command, env),
        Command::Bench(args) => bench::run(&args),
        Command::KeyNew { out } => key::new(out.as_deref()),
        Command::KeyShow { file } => key::show(&file),
        Command::Completions(shell) => args::completions(shell),
    }
}
