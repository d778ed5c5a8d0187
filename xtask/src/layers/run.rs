//! The task: reads the map, the manifests and the sources, and prints every complaint.

use super::arrows::{self, Table};
use super::{rooms, verdict};
use crate::command;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A package of the workspace, as far as arrows go.
struct Package {
    dir: PathBuf,
    /// Dependencies of every kind that lie in this workspace.
    ours: BTreeSet<String>,
    /// Names of normal and build dependencies from elsewhere.
    foreign: BTreeSet<String>,
}

/// Holds crate arrows and room arrows against ARCHITECTURE.md.
///
/// # Errors
/// Every complaint, one per line.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let map = root.join("ARCHITECTURE.md");
    let text = fs::read_to_string(&map).map_err(|err| format!("{}: {err}", map.display()))?;
    let tables = arrows::tables(&text)?;
    let packages = packages(root)?;
    let mut complaints = crate_complaints(&tables, &packages);
    let mut seen_rooms = 0;
    for (name, package) in &packages {
        let rooms = rooms::of_crate(&package.dir.join("src"))?;
        seen_rooms += rooms.len();
        let found = match tables.get(name) {
            Some(table) => verdict::rooms(name, table, &rooms),
            None => verdict::cycles(name, &rooms),
        };
        complaints.extend(found);
    }
    for name in tables.keys().filter(|name| *name != arrows::CRATES && !packages.contains_key(*name)) {
        complaints.push(format!("the map has a table for `{name}`, but there is no such crate"));
    }
    if complaints.is_empty() {
        println!("layers: {} crates and {seen_rooms} rooms keep to the map", packages.len());
        return Ok(());
    }
    Err(complaints.iter().map(|complaint| format!("layers: {complaint}")).collect::<Vec<_>>().join("\n"))
}

/// How many crates have a cycle between their rooms, for the style meter.
///
/// # Errors
/// Sources or manifests that cannot be read.
pub(crate) fn cycles(root: &Path) -> Result<usize, String> {
    let mut count = 0;
    for (name, package) in packages(root)? {
        count += verdict::cycles(&name, &rooms::of_crate(&package.dir.join("src"))?).len();
    }
    Ok(count)
}

fn crate_complaints(tables: &BTreeMap<String, Table>, packages: &BTreeMap<String, Package>) -> Vec<String> {
    let Some(table) = tables.get(arrows::CRATES) else {
        return vec![format!("ARCHITECTURE.md has no table marked `<!-- arrows: {} -->`", arrows::CRATES)];
    };
    let ours = packages.iter().map(|(name, package)| (name.clone(), package.ours.clone())).collect();
    let foreign = packages.iter().map(|(name, package)| (name.clone(), package.foreign.clone())).collect();
    let mut complaints = verdict::crates(table, &ours);
    complaints.extend(verdict::bans(table, &foreign));
    complaints
}

/// The packages of the workspace by the name of their folder (`wire`, not `wherry-wire`).
fn packages(root: &Path) -> Result<BTreeMap<String, Package>, String> {
    let words = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"];
    let text = command::output(&mut command::command(root, &words))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|err| format!("cargo metadata: {err}"))?;
    let list = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut packages = BTreeMap::new();
    for package in list {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let dir = manifest.parent().unwrap_or(root).to_owned();
        let (mut ours, mut foreign) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = dependency["name"].as_str().unwrap_or_default().to_owned();
            match dependency["path"].as_str() {
                Some(path) => drop(ours.insert(folder(Path::new(path)))),
                None if dependency["kind"].as_str() == Some("dev") => {}
                None => drop(foreign.insert(name)),
            }
        }
        packages.insert(folder(&dir), Package { dir, ours, foreign });
    }
    Ok(packages)
}

fn folder(dir: &Path) -> String {
    dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
