//! The systemd unit that runs a relay by a configuration, and whether its user can read the files that this names.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use wherry_server::config::{Environment, Origin, Survey};
use wherry_server::tls::files_in;

/// What the packaged one is called.
const NAME: &str = "wherry.service";

/// Where systemd looks for units, the first one counts.
///
/// Source: systemd.unit(5), "Unit File Load Path".
const PLACES: &str = "/etc/systemd/system:/run/systemd/system:/usr/local/lib/systemd/system:/usr/lib/systemd/system:/lib/systemd/system";

/// Stands for a user that is made for the time it runs: it owns nothing, and is in no group.
const NOBODY: u32 = 65534;

/// Prints the numbers of those arguments that cannot be read. The kernel is asked, for it knows of lists of rights, too.
const ASK: &str = "n=0; for file; do [ -r \"$file\" ] || echo $n; n=$((n + 1)); done";

/// A file that is kept from the user as whom the unit runs the relay.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot be read by the user {user}, as whom {NAME} runs the relay; {remedy}", path.display(), remedy = self.remedy())]
pub(crate) struct Kept {
    path: PathBuf,
    user: String,
    /// There is none of that name: one is made for the time the unit runs.
    is_made: bool,
}

impl Kept {
    fn remedy(&self) -> String {
        let (user, path) = (&self.user, self.path.display());
        let make = if self.is_made {
            format!("make that user (useradd --system {user}), then: ")
        } else {
            String::new()
        };
        format!(
            "{make}chown {user} {path}, or chmod 644 if it is no secret, and let it enter every folder above (namei -l {path} shows \
             them)"
        )
    }
}

/// The files of a configuration that are kept from the relay, where a unit runs it by this `file`; none where that cannot be
/// known: only root can ask for another user.
pub(crate) fn kept(env: &Environment, file: Option<&Path>, survey: &Survey) -> Vec<Kept> {
    let Some(file) = file.filter(|_| env.is_root()) else { return Vec::new() };
    let places = env.var("SYSTEMD_UNIT_PATH").unwrap_or(PLACES);
    let Some(unit) = places.split(':').find_map(|place| Unit::read(Path::new(place))) else {
        return Vec::new();
    };
    let Some(who) = unit.who().filter(|_| unit.runs_by(file)) else { return Vec::new() };
    let files = files(file, survey);
    let kept = |path: &PathBuf| Kept { path: path.clone(), user: who.name.clone(), is_made: who.is_made };
    who.kept(&files).into_iter().map(kept).collect()
}

/// Everything that a relay of these settings reads and does not make itself.
fn files(file: &Path, survey: &Survey) -> Vec<PathBuf> {
    let named = survey.rows.iter().filter(|row| match row.key {
        "mesh_key_file" | "map.include" => true,
        "key_file" => {
            !matches!(row.origin, Origin::Default) && row.values.iter().all(|path| Path::new(path).exists())
        }
        _ => false,
    });
    let named = named.flat_map(|row| &row.values).filter(|from| !from.contains("://")).map(PathBuf::from);
    let folder = survey.cert_dir.iter();
    let certificates = folder.clone().flat_map(|folder| files_in(folder).unwrap_or_default());
    // The others are looked for where the unit runs, in the root folder.
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let own = [file].into_iter().chain(survey.list.clone()).chain(folder.cloned());
    own.chain(certificates).chain(named).collect()
}

/// What a unit says, with its drop-ins behind it.
struct Unit(String);

impl Unit {
    fn read(place: &Path) -> Option<Self> {
        let mut text = fs::read_to_string(place.join(NAME)).ok()?;
        let mut more: Vec<_> = fs::read_dir(place.join(format!("{NAME}.d")))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        more.sort_unstable();
        for path in more {
            text.push('\n');
            text += &fs::read_to_string(path).unwrap_or_default();
        }
        Some(Self(text))
    }

    /// All values of a setting; the last one counts.
    fn said(&self, setting: &str) -> impl Iterator<Item = &str> {
        self.0
            .lines()
            .filter_map(move |line| Some(line.trim().strip_prefix(setting)?.strip_prefix('=')?.trim()))
    }

    /// Whether it runs the relay by this file.
    fn runs_by(&self, file: &Path) -> bool {
        let Ok(file) = fs::canonicalize(file) else { return false };
        let words = self.said("ExecStart").last().unwrap_or_default();
        words.split_whitespace().any(|word| {
            let path = word.strip_prefix("--config=").unwrap_or(word);
            fs::canonicalize(path).is_ok_and(|path| path == file)
        })
    }

    /// As whom; none if that is root, or nobody knows.
    fn who(&self) -> Option<Who> {
        let name = self.said("User").last()?.to_owned();
        let group = |name: &str| Group::from_name(name).ok().flatten().map(|group| group.gid);
        let own = self.said("Group").last().and_then(group);
        let more = self.said("SupplementaryGroups").flat_map(str::split_whitespace).filter_map(group);
        let (uid, gid, groups, is_made) = match User::from_name(&name).ok().flatten() {
            Some(user) if user.uid.is_root() => return None,
            Some(user) => {
                let member = std::ffi::CString::new(name.as_str()).ok()?;
                (user.uid, user.gid, getgrouplist(&member, user.gid).unwrap_or_default(), false)
            }
            None if self.said("DynamicUser").last() != Some("yes") => return None,
            None => (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY), Vec::new(), true),
        };
        let groups = [own.unwrap_or(gid)].into_iter().chain(groups).chain(more).collect();
        Some(Who { name, uid, groups, is_made })
    }
}

/// A user of this host.
struct Who {
    name: String,
    uid: Uid,
    groups: Vec<Gid>,
    /// There is none of that name: one is made for the time it runs.
    is_made: bool,
}

impl Who {
    /// Those of `files` that none of its groups lets it read.
    fn kept<'a>(&self, files: &'a [PathBuf]) -> Vec<&'a PathBuf> {
        let mut kept: Vec<_> = files.iter().collect();
        for group in &self.groups {
            let asked = Command::new("/bin/sh")
                .args(["-c", ASK, "sh"])
                .args(&kept)
                .uid(self.uid.as_raw())
                .gid(group.as_raw())
                .current_dir("/")
                .env_clear()
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output();
            // Who cannot be asked keeps nothing back.
            let said =
                asked.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
            kept =
                said.lines().filter_map(|number| kept.get(number.parse::<usize>().ok()?).copied()).collect();
        }
        kept
    }
}
