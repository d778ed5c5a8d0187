//! The lab: a small internet in network namespaces, where real clients use wherry as their only relay.
//!
//! Started by `cargo xtask lab`. `net` builds hosts and routers, `process` runs programs on them, `relay`, `control` and
//! `client` are the three programs of the story, `traffic` is what flows, and each scenario under `scenario` says what
//! must be true and prints the client's own words for it.
//!
//! What must stay true: nothing outside namespaces of our prefix is changed; whatever happens, nothing is left behind
//! (`guard`); the lab uses no code of the product.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a task talks to the person who started it")]

mod client;
mod control;
mod evidence;
mod folder;
mod guard;
mod map;
mod needs;
mod net;
mod process;
mod programs;
mod relay;
mod run;
mod scenario;
mod stage;
mod stop;
mod traffic;
mod tutorial;
mod wait;

use std::process::ExitCode;

/// Exit code when the machine lacks something: nobody could ask.
const LACKS: u8 = 69;

/// Exit code of a command line that makes no sense.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--list"] => {
            evidence::print(scenario::list().trim_end());
            return ExitCode::SUCCESS;
        }
        // What runs inside the namespaces; the lab starts these itself.
        ["traffic", rest @ ..] => traffic::run(rest),
        ["guarded", rest @ ..] => guard::with_watch(|| run::run(rest)),
        names => {
            let chosen = match scenario::chosen(names) {
                Ok(chosen) => chosen,
                Err(why) => {
                    evidence::complain(&why);
                    return ExitCode::from(USAGE);
                }
            };
            match needs::check(chosen, !names.is_empty()) {
                Ok(playable) => guard::run(&playable),
                Err(lack) => {
                    evidence::complain(&lack);
                    return ExitCode::from(LACKS);
                }
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            evidence::complain(&complaint);
            ExitCode::FAILURE
        }
    }
}
