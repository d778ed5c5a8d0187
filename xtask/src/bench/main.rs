//! The benchmark: wherry beside the reference relay, on the same machine in the same run.
//!
//! Started by `cargo xtask bench`. The load is that of `wherry bench`; the relay has one core, the load another; relays
//! take turns scenario by scenario and round by round. `report` writes the tables, `method.md` says how to read them.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod report;
mod scenario;
mod subject;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use report::Results;
use scenario::{Plan, SCENARIOS, Scenario};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::Subject;

const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--rounds N] [--only SCENARIO]... [--wherry PATH] [--derper PATH] [--no-report]

  --quick        one short round; under two minutes; writes no report
  --rounds N     how often each relay takes each scenario, instead of 5
  --only NAME    peak, light, idle, sessions or stun
  --wherry PATH  a ready binary instead of target/release/wherry; it is the load generator, too
  --derper PATH  a ready binary instead of tests/go/bin/derper
  --no-report    print the tables, leave docs/benchmarks.md as it is";

/// What the command line asks for.
struct Wish {
    plan: Plan,
    scenarios: Vec<&'static Scenario>,
    wherry: PathBuf,
    derper: PathBuf,
    writes_report: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return ExitCode::FAILURE };
    let Some(wish) = wish(root, &words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match measure(root, &wish) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("bench: {err}");
            ExitCode::FAILURE
        }
    }
}

fn wish(root: &Path, words: &[&str]) -> Option<Wish> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let full = Plan { rounds: 5, run: 5, idle_clients: 5000 };
    let quick = Plan { rounds: 1, run: 2, idle_clients: 1000 };
    let mut wish = Wish {
        plan: full,
        scenarios: Vec::new(),
        wherry: target.join("release").join("wherry"),
        derper: root.join("tests/go/bin/derper"),
        writes_report: true,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => (wish.plan, wish.writes_report) = (quick.clone(), false),
            "--no-report" => wish.writes_report = false,
            "--rounds" => wish.plan.rounds = words.next()?.parse().ok()?,
            "--only" => {
                let name = words.next()?;
                wish.scenarios.push(SCENARIOS.iter().find(|scenario| scenario.name == *name)?);
            }
            "--wherry" => wish.wherry = PathBuf::from(words.next()?),
            "--derper" => wish.derper = PathBuf::from(words.next()?),
            _ => return None,
        }
    }
    if wish.scenarios.is_empty() {
        wish.scenarios = SCENARIOS.iter().collect();
    }
    Some(wish)
}

fn measure(root: &Path, wish: &Wish) -> io::Result<()> {
    let subjects = [
        Subject { name: "wherry", command: vec![wish.wherry.clone(), "derper".into()], go_procs: None },
        Subject { name: "derper, GOMAXPROCS=1", command: vec![wish.derper.clone()], go_procs: Some(1) },
        Subject { name: "derper, GOMAXPROCS=2", command: vec![wish.derper.clone()], go_procs: Some(2) },
    ];
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // Children inherit it, so the relay may hold as many connections as we do.
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut results = Results::default();
    for scenario in &wish.scenarios {
        for round in 1..=wish.plan.rounds {
            for subject in &subjects {
                let running = subject.start()?;
                let sample = scenario.run(&wish.wherry, &running, &wish.plan).map_err(|err| {
                    io::Error::other(format!("{} under {}: {err}", subject.name, scenario.name))
                })?;
                println!("{:<9} round {round} {:<22} {}", scenario.name, subject.name, report::line(&sample));
                results.add(scenario, subject.name, sample);
            }
        }
    }
    println!("\n{}", results.table());
    if wish.writes_report {
        report::write(root, &results, &wish.plan)?;
    }
    Ok(())
}
