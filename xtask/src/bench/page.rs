//! What is left of a run: the page in docs, its plots, and the raw figures beside it.

use crate::distance::Distance;
use crate::load::Plan;
use crate::plots;
use crate::results::{Results, Run};
use crate::subject::cores;
use crate::table;
use crate::turns::Turns;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

/// Writes benchmarks.md, benchmarks.json and the plots in benchmarks/ into `out`; `root` is the repository's.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(root: &Path, out: &Path, turns: &Turns) -> io::Result<()> {
    let Turns { results, plotted, plan, took, distance } = turns;
    let facts = facts(root, plan, *took, distance);
    let plots = plots::files(plotted);
    fs::create_dir_all(out.join("benchmarks"))?;
    for (name, _, svg) in &plots {
        fs::write(out.join("benchmarks").join(format!("{name}.svg")), svg)?;
    }
    let plots: String =
        plots.iter().map(|(name, about, _)| format!("\n![{about}](benchmarks/{name}.svg)\n")).collect();
    fs::write(out.join("benchmarks.md"), page(results, plan, &facts, &plots))?;
    fs::write(out.join("benchmarks.json"), raw(results, &facts))
}

fn page(results: &Results, plan: &Plan, facts: &[(&'static str, String)], plots: &str) -> String {
    let facts: String = facts.iter().map(|(what, value)| format!("- {what}: {value}\n")).collect();
    let mut doubts: String = results.doubts().iter().map(|doubt| format!("- {doubt}\n")).collect();
    if doubts.is_empty() {
        doubts.push_str("None.\n");
    }
    include_str!("method.md")
        .replace("{loads}", table::loads(plan).trim_end())
        .replace("{facts}", facts.trim_end())
        .replace("{figures}", table::figures(results).trim())
        .replace("{plots}", plots.trim())
        .replace("{doubts}", doubts.trim_end())
}

fn raw(results: &Results, facts: &[(&'static str, String)]) -> String {
    let facts: Map<String, Value> =
        facts.iter().map(|(what, value)| ((*what).to_owned(), json!(value))).collect();
    let run = |run: &Run| {
        let mut map = Map::from_iter([
            ("load".to_owned(), json!(run.load.name)),
            ("relay".to_owned(), json!(run.relay)),
            ("round".to_owned(), json!(run.round)),
        ]);
        map.extend(run.sample.json());
        Value::Object(map).to_string()
    };
    // A line for each run.
    let runs: Vec<String> = results.runs.iter().map(run).collect();
    format!("{{\"facts\":{},\n\"runs\":[\n{}\n]}}\n", Value::Object(facts), runs.join(",\n"))
}

fn facts(root: &Path, plan: &Plan, took: Duration, distance: &Distance) -> Vec<(&'static str, String)> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = fs::read_to_string(root.join("tests/go/go.mod")).unwrap_or_default();
    let derper =
        modules.lines().find_map(|line| Some(line.split_once("tailscale.com v")?.1)).unwrap_or("unknown");
    let Plan { rounds, run, step, idle, beside, .. } = plan;
    vec![
        ("processor", format!("{}, {} cores", model.trim_matches([' ', '\t', ':']), cores())),
        (
            "between the two cores",
            format!("{:.0} to {:.0} ns for a cache line there and back", distance.nearest, distance.farthest),
        ),
        ("kernel", kernel.trim().to_owned()),
        ("wherry", said(root, &["git", "describe", "--always", "--dirty"])),
        ("derper", derper.to_owned()),
        ("compilers", format!("{}; {}", said(root, &["rustc", "--version"]), said(root, &["go", "version"]))),
        (
            "plan",
            format!(
                "{rounds} rounds; {run} ms count in a run, {step} ms in a step of the ladder; {idle} idle clients for \
                 memory, {beside} beside busy ones; {} minutes in all",
                took.as_secs().div_ceil(60)
            ),
        ),
    ]
}

fn said(root: &Path, words: &[&str]) -> String {
    let Some((program, words)) = words.split_first() else { return String::new() };
    let output = Command::new(program).args(words).current_dir(root).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
