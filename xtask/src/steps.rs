//! The steps of `cargo xtask check`: one question each, cheapest first.

use crate::command::{command, is_there, output, run};
use crate::{inherits, lab, layers, style, tools};
use std::path::{Path, PathBuf};

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer is yes.
    Passed,
    /// The answer is no; the text says why.
    Failed(String),
    /// Nobody could ask: a tool is missing. A failure in CI, a loud skip elsewhere.
    Missing(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(why) => Self::Failed(why),
        }
    }
}

/// One question.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it answers.
    pub(crate) question: &'static str,
    /// Asks.
    pub(crate) run: fn(&Path) -> Outcome,
}

/// All steps in the order they run.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", question: "is everything formatted?", run: fmt },
    Step { name: "lockfile", question: "do the lock files match the manifests?", run: lockfile },
    Step {
        name: "inherits",
        question: "does each crate share the lints?",
        run: |root| inherits::run(root).into(),
    },
    Step {
        name: "layers",
        question: "do the arrows match ARCHITECTURE.md?",
        run: |root| layers::run(root).into(),
    },
    Step {
        name: "style",
        question: "is the style meter below its thresholds?",
        run: |root| style::run(root, true).into(),
    },
    Step { name: "deny", question: "are licences, bans and sources in order?", run: deny },
    Step { name: "clippy", question: "is clippy content with every target?", run: clippy },
    Step { name: "alone", question: "does each crate build without the others' features?", run: alone },
    Step { name: "docs", question: "do all docs build without a warning?", run: docs },
    Step { name: "tools", question: "do the reference programs build?", run: reference_programs },
    Step { name: "tests", question: "do all tests pass?", run: tests },
    Step {
        name: "reference",
        question: "does the reference relay pass the black-box suite too?",
        run: reference,
    },
    Step { name: "go", question: "do the reference client and prober accept wherry?", run: go },
    Step { name: "foreign", question: "do other people's clients accept wherry?", run: foreign },
    Step {
        name: "lab",
        question: "does the whole story work, with real clients behind real NATs?",
        run: the_lab,
    },
    Step { name: "fuzz", question: "do the fuzz targets build and survive 10 seconds each?", run: fuzz },
];

const NO_GO: &str = "Go is not installed";

fn fmt(root: &Path) -> Outcome {
    let workspace = run(&mut command(root, &["cargo", "fmt", "--all", "--check"]));
    workspace
        .and_then(|()| {
            other_workspaces(root)
                .iter()
                .try_for_each(|dir| run(&mut command(dir, &["cargo", "fmt", "--check"])))
        })
        .into()
}

/// Those with manifests and lock files of their own.
fn other_workspaces(root: &Path) -> [PathBuf; 2] {
    [root.join("fuzz"), root.join("tests").join("foreign")]
}

fn lockfile(root: &Path) -> Outcome {
    let words = ["cargo", "metadata", "--locked", "--format-version", "1"];
    let [fuzz, foreign] = other_workspaces(root);
    [root, &fuzz, &foreign].iter().try_for_each(|dir| output(&mut command(dir, &words)).map(|_| ())).into()
}

fn deny(root: &Path) -> Outcome {
    if !is_there(&["cargo", "deny", "--version"]) {
        return Outcome::Missing("cargo-deny is not installed: cargo install --locked cargo-deny".to_owned());
    }
    let words = [
        "cargo",
        "deny",
        "--locked",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ];
    run(&mut command(root, &words)).into()
}

fn clippy(root: &Path) -> Outcome {
    let with =
        ["cargo", "clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-Dwarnings"];
    run(&mut command(root, &with)).into()
}

fn alone(root: &Path) -> Outcome {
    for name in ["wherry-wire", "wherry-switch", "wherry-client", "wherry-server", "wherry-bench", "wherry"] {
        if let Err(why) = run(&mut command(root, &["cargo", "check", "--locked", "-p", name])) {
            return Outcome::Failed(why);
        }
    }
    Outcome::Passed
}

fn docs(root: &Path) -> Outcome {
    let words = ["cargo", "doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
    run(command(root, &words).env("RUSTDOCFLAGS", "-Dwarnings")).into()
}

fn reference_programs(root: &Path) -> Outcome {
    if !is_there(&["go", "version"]) {
        return Outcome::Missing(NO_GO.to_owned());
    }
    tools::run(root).into()
}

fn tests(root: &Path) -> Outcome {
    let words = ["cargo", "test", "--workspace", "--all-features", "--locked", "--no-fail-fast"];
    run(command(root, &words).env("WHERRY_SUBJECT", "wherry")).into()
}

fn reference(root: &Path) -> Outcome {
    let words = ["cargo", "test", "--locked", "-p", "wherry-tests", "--no-fail-fast"];
    match tools::derper(root) {
        Some(derper) => {
            run(command(root, &words).env("WHERRY_SUBJECT", "derper").env("WHERRY_DERPER", derper)).into()
        }
        None => Outcome::Missing("the reference relay is not built: cargo xtask tools".to_owned()),
    }
}

fn go(root: &Path) -> Outcome {
    if !is_there(&["go", "version"]) {
        return Outcome::Missing(NO_GO.to_owned());
    }
    go_tests(root).into()
}

fn go_tests(root: &Path) -> Result<(), String> {
    // Without the tag the WebSocket client is not compiled in.
    const TAGS: &str = "-tags=ts_debug_websockets";
    let wherry = debug_wherry(root)?;
    let dir = root.join("tests").join("go");
    run(&mut command(&dir, &["go", "vet", TAGS, "./..."]))?;
    let words = ["go", "test", TAGS, "-count=1", "-parallel=8", "./..."];
    run(command(&dir, &words).env("WHERRY_SUBJECT_CMD", format!("{} derper", wherry.display())))
}

fn foreign(root: &Path) -> Outcome {
    debug_wherry(root)
        .and_then(|wherry| {
            let words = ["cargo", "test", "--locked", "--no-fail-fast"];
            let dir = root.join("tests").join("foreign");
            run(command(&dir, &words).env("WHERRY_SUBJECT", "wherry").env("WHERRY_BIN", wherry))
        })
        .into()
}

fn the_lab(root: &Path) -> Outcome {
    match lab::run(root) {
        Ok(lab::Ending::Well) => Outcome::Passed,
        Ok(lab::Ending::Lacking) => Outcome::Missing("the lab cannot run here, see above".to_owned()),
        Err(why) => Outcome::Failed(why),
    }
}

/// Builds the binary and says where it is.
fn debug_wherry(root: &Path) -> Result<PathBuf, String> {
    run(&mut command(root, &["cargo", "build", "--locked", "-p", "wherry"]))?;
    Ok(tools::target_dir(root)?.join("debug").join("wherry"))
}

fn fuzz(root: &Path) -> Outcome {
    if !is_there(&["cargo", "fuzz", "--version"]) {
        return Outcome::Missing("cargo-fuzz is not installed: cargo install --locked cargo-fuzz".to_owned());
    }
    smoke(root).into()
}

fn smoke(root: &Path) -> Result<(), String> {
    let dir = root.join("fuzz");
    run(&mut command(&dir, &["cargo", "clippy", "--locked", "--", "-Dwarnings"]))?;
    // Without a sanitizer the targets build on the stable compiler; panics and overflows still end a run.
    run(&mut command(root, &["cargo", "fuzz", "build", "--sanitizer", "none"]))?;
    let listed = output(&mut command(root, &["cargo", "fuzz", "list"]))?;
    for target in listed.lines().map(str::trim).filter(|target| !target.is_empty()) {
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        std::fs::create_dir_all(root.join(&corpus)).map_err(|err| format!("{corpus}: {err}"))?;
        println!("   {target}");
        let cargo = ["cargo", "fuzz", "run", "--sanitizer", "none", target, &corpus, &seeds, "--"];
        let words: Vec<&str> = cargo.iter().chain(&["-max_total_time=10"]).copied().collect();
        // What libFuzzer tells fills hundreds of lines; it is worth them when a target fails.
        output(&mut command(root, &words))?;
    }
    Ok(())
}
