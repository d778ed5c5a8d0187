//! What the command line asks for.

use crate::load::{LOADS, Load, Plan};
use crate::subject::Programs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to ask.
pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--rounds N] [--only LOAD]... [--wherry PATH] [--derper PATH]
                         [--out FOLDER | --no-report]

  --quick        one round of short runs without the largest crowds: five minutes; writes no report
  --rounds N     how often each relay takes each load, instead of twice
  --only LOAD    this load alone, or with others named the same way; writes no report
  --wherry PATH  a ready binary instead of target/release/wherry; it is the load generator, too
  --derper PATH  a ready binary instead of tests/go/bin/derper
  --out FOLDER   write the report there instead of docs/, of a short or partial run, too
  --no-report    print the tables, leave docs/ as it is

A load is one of: ";

/// A run that counts, of the full plan and of the short one.
const FULL: Plan = Plan {
    is_quick: false,
    rounds: 2,
    run: 2500,
    step: 2000,
    idle: 5000,
    beside: 15_000,
    patience: Duration::from_secs(20),
};
const QUICK: Plan = Plan {
    is_quick: true,
    rounds: 1,
    run: 1000,
    step: 1000,
    idle: 1000,
    beside: 2000,
    patience: Duration::from_secs(3),
};

/// What is wanted.
#[derive(Debug)]
pub(crate) struct Wish {
    /// How long and how much.
    pub(crate) plan: Plan,
    /// Which loads.
    pub(crate) loads: Vec<&'static Load>,
    /// With which programs.
    pub(crate) programs: Programs,
    /// The folder of the report, if one is to be written.
    pub(crate) out: Option<PathBuf>,
}

/// The usage with the names of all loads.
pub(crate) fn usage() -> String {
    let names: Vec<&str> = LOADS.iter().map(|load| load.name).collect();
    format!("{USAGE}{}", names.join(", "))
}

/// Reads the words; none if one is not known.
pub(crate) fn wish(root: &Path, own: PathBuf, words: &[&str]) -> Option<Wish> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut programs = Programs {
        wherry: target.join("release").join("wherry"),
        derper: root.join("tests/go/bin/derper"),
        own,
    };
    let (mut plan, mut rounds, mut is_whole, mut out) = (FULL, None, true, None);
    let mut only = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => (plan, is_whole) = (QUICK, false),
            "--no-report" => is_whole = false,
            "--rounds" => rounds = Some(words.next()?.parse().ok().filter(|rounds| *rounds > 0)?),
            "--only" => {
                let name = words.next()?;
                only.push(LOADS.iter().find(|load| load.name == *name)?);
                is_whole = false;
            }
            "--out" => out = Some(PathBuf::from(words.next()?)),
            "--wherry" => programs.wherry = PathBuf::from(words.next()?),
            "--derper" => programs.derper = PathBuf::from(words.next()?),
            _ => return None,
        }
    }
    plan.rounds = rounds.unwrap_or(plan.rounds);
    let everyday = |load: &&Load| load.is_everyday || !plan.is_quick;
    let loads = if only.is_empty() { LOADS.iter().filter(everyday).collect() } else { only };
    let out = out.or_else(|| is_whole.then(|| root.join("docs")));
    Some(Wish { plan, loads, programs, out })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Option<Wish> {
        wish(Path::new("/"), PathBuf::new(), words)
    }

    #[test]
    fn the_short_plan_leaves_out_the_largest_crowds_and_docs() {
        let quick = asked(&["--quick", "--rounds", "3"]).unwrap();
        assert!(quick.loads.iter().all(|load| load.name != "beside-idle") && quick.out.is_none());
        assert_eq!((quick.plan.rounds, quick.plan.run), (3, QUICK.run));
        let full = asked(&[]).unwrap();
        assert!(full.loads.len() == LOADS.len() && full.out == Some(PathBuf::from("/docs")));
    }

    #[test]
    fn loads_named_alone_never_overwrite_the_page() {
        let some = asked(&["--only", "peak", "--only", "stun"]).unwrap();
        assert_eq!(some.loads.iter().map(|load| load.name).collect::<Vec<_>>(), ["peak", "stun"]);
        assert!(some.out.is_none());
        assert_eq!(asked(&["--out", "/tmp", "--only", "peak"]).unwrap().out, Some(PathBuf::from("/tmp")));
        assert!(asked(&["--only", "flat"]).is_none() && asked(&["--rounds", "0"]).is_none());
    }
}
