//! Does each crate inherit the workspace's lints, and is every exception an `#[expect]` with a reason?

use crate::source;
use std::fs;
use std::path::{Path, PathBuf};

/// Looks at every manifest and every root file.
///
/// # Errors
/// Every complaint, one per line.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut complaints = Vec::new();
    let dirs = member_dirs(root)?;
    for dir in &dirs {
        let manifest = dir.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|err| format!("{}: {err}", manifest.display()))?;
        if !inherits(&text) {
            complaints.push(format!("{} lacks `[lints] workspace = true`", shown(root, &manifest)));
        }
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| dir.join(file));
        for file in roots.iter().filter(|file| file.is_file()) {
            let text = fs::read_to_string(file).map_err(|err| format!("{}: {err}", file.display()))?;
            let server = dir.ends_with("server");
            if !server && !text.contains("#![forbid(unsafe_code)]") {
                complaints.push(format!("{} does not forbid unsafe code", shown(root, file)));
            }
        }
        let mut files = Vec::new();
        source::rust_files(dir, &mut files)?;
        for file in files {
            let text = fs::read_to_string(&file).map_err(|err| format!("{}: {err}", file.display()))?;
            if allows(&text) {
                complaints.push(format!("{} allows a lint; use `#[expect(…, reason)]`", shown(root, &file)));
            }
        }
    }
    if complaints.is_empty() {
        println!("inherits: {} crates share the workspace's lints", dirs.len());
        return Ok(());
    }
    Err(complaints.iter().map(|complaint| format!("inherits: {complaint}")).collect::<Vec<_>>().join("\n"))
}

/// The folders of the shipped crates, `tests` and `xtask`.
///
/// # Errors
/// The folder of the crates cannot be read.
pub(crate) fn member_dirs(root: &Path) -> Result<Vec<PathBuf>, String> {
    let crates = root.join("crates");
    let entries = fs::read_dir(&crates).map_err(|err| format!("{}: {err}", crates.display()))?;
    let mut dirs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    dirs.extend([root.join("tests"), root.join("xtask")]);
    dirs.retain(|dir| dir.join("Cargo.toml").is_file());
    dirs.sort();
    Ok(dirs)
}

fn inherits(manifest: &str) -> bool {
    let Some((_, section)) = manifest.split_once("\n[lints]\n") else { return false };
    section.lines().take_while(|line| !line.starts_with('[')).any(|line| line.trim() == "workspace = true")
}

/// Whether an attribute of the file, in test code or not, switches a lint off for good.
fn allows(text: &str) -> bool {
    text.lines()
        .map(str::trim_start)
        .any(|line| line.starts_with("#[allow(") || line.starts_with("#![allow("))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::{allows, inherits};

    #[test]
    fn allow_is_found_where_it_is_an_attribute() {
        assert!(allows("fn a() {}\n    #[allow(dead_code)]\nfn b() {}\n"));
        assert!(!allows("// no #[allow(dead_code)] here\n#[expect(dead_code, reason = \"x\")]\nfn b() {}\n"));
    }

    #[test]
    fn manifest_without_the_line_is_found() {
        assert!(inherits("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n"));
        assert!(!inherits("[package]\nname = \"x\"\n\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits("[package]\nname = \"x\"\n\n[lints]\n\n[dependencies]\nworkspace = true\n"));
    }
}
