//! The systemd unit that runs a relay by a configuration, and whether its user can read the files that this names.

use std::collections::BTreeMap;
use std::ffi::CString;
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

/// Where systemd puts a `StateDirectory`.
const STATE: &str = "/var/lib";

/// What systemd takes for a yes, in any case.
const YES: [&str; 6] = ["1", "yes", "y", "true", "t", "on"];

/// Stands for a user that is made for the time it runs: it owns nothing, and is in no group.
const NOBODY: u32 = 65534;

/// Starts a program with several groups at once, as the unit does.
const SETPRIV: &str = "/usr/bin/setpriv";

const SHELL: &str = "/bin/sh";

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
    /// Without its right to be entered a folder shuts in what it holds.
    is_folder: bool,
}

impl Kept {
    fn remedy(&self) -> String {
        let (user, path) = (&self.user, self.path.display());
        let make = if self.is_made {
            format!("make that user (useradd --system {user}), then: ")
        } else {
            String::new()
        };
        let mode = if self.is_folder { "755" } else { "644" };
        format!(
            "{make}chown {user} {path}, or chmod {mode} if it is no secret, and let it enter every folder above (namei -l {path} \
             shows them)"
        )
    }
}

/// The files of a configuration that are kept from the relay, where a unit runs it by this `file`; none where that cannot be
/// known: only root can ask for another user.
pub(crate) fn kept(env: &Environment, file: Option<&Path>, survey: &Survey) -> Vec<Kept> {
    let Some(file) = file.filter(|_| env.is_root()) else { return Vec::new() };
    let places = env.var("SYSTEMD_UNIT_PATH").unwrap_or(PLACES);
    let Some(unit) = Unit::read(places) else { return Vec::new() };
    let Some(who) = unit.who().filter(|_| unit.runs_by(file)) else { return Vec::new() };
    let mut files = files(file, survey);
    files.retain(|path| !unit.is_given(path));
    let kept = |path: &PathBuf| Kept {
        path: path.clone(),
        user: who.name.clone(),
        is_made: who.is_made,
        is_folder: path.is_dir(),
    };
    who.kept(&files).into_iter().map(kept).collect()
}

/// Everything that a relay of these settings reads and does not make itself. What is not there is told elsewhere, and what has
/// no whole path is not looked for here: the unit runs in another folder.
fn files(file: &Path, survey: &Survey) -> Vec<PathBuf> {
    let named = survey.rows.iter().filter(|row| match row.key {
        "mesh_key_file" | "map.include" => true,
        "key_file" => !matches!(row.origin, Origin::Default),
        _ => false,
    });
    let named = named.flat_map(|row| &row.values).filter(|from| !from.contains("://")).map(PathBuf::from);
    let folder = survey.cert_dir.iter();
    let certificates = folder.clone().flat_map(|folder| files_in(folder).unwrap_or_default());
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let own = [file].into_iter().chain(survey.list.clone()).chain(folder.cloned());
    own.chain(certificates).chain(named).filter(|path| path.is_absolute() && path.exists()).collect()
}

/// What a unit says, with its drop-ins behind it.
struct Unit(String);

impl Unit {
    /// Of units of one name the first one counts, and so of drop-ins, which are read from all places in the order of their names.
    fn read(places: &str) -> Option<Self> {
        let places: Vec<_> = places.split(':').map(Path::new).collect();
        let mut text = places.iter().find_map(|place| fs::read_to_string(place.join(NAME)).ok())?;
        let mut more = BTreeMap::new();
        let folders = places.iter().map(|place| place.join(format!("{NAME}.d")));
        for entry in folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "conf") {
                more.entry(entry.file_name()).or_insert_with(|| entry.path());
            }
        }
        for path in more.values() {
            text.push('\n');
            text += &fs::read_to_string(path).unwrap_or_default();
        }
        Some(Self(text))
    }

    /// All values of a setting; the last one counts.
    fn said(&self, setting: &str) -> impl Iterator<Item = &str> {
        let lines = self.0.lines().filter_map(|line| line.split_once('='));
        lines.filter(move |(name, _)| name.trim() == setting).map(|(_, value)| value.trim())
    }

    /// Whether it lies in a folder that systemd makes for the unit and gives to its user, perhaps where nobody else sees it.
    fn is_given(&self, path: &Path) -> bool {
        let mut names = self.said("StateDirectory").flat_map(str::split_whitespace);
        names.any(|name| path.starts_with(Path::new(STATE).join(name)))
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
        let own = self.said("Group").last().and_then(group);
        let more = self.said("SupplementaryGroups").flat_map(str::split_whitespace).filter_map(group);
        let is_dynamic = || {
            let said = self.said("DynamicUser").last().unwrap_or_default();
            YES.iter().any(|yes| said.eq_ignore_ascii_case(yes))
        };
        let (uid, gid, groups, is_made) = match user(&name) {
            Some(user) if user.uid.is_root() => return None,
            Some(user) => {
                let member = CString::new(user.name).ok()?;
                (user.uid, user.gid, getgrouplist(&member, user.gid).unwrap_or_default(), false)
            }
            None if !is_dynamic() => return None,
            None => (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY), Vec::new(), true),
        };
        let gid = own.unwrap_or(gid);
        let groups = [gid].into_iter().chain(groups).chain(more).collect();
        Some(Who { name, uid, gid, groups, is_made })
    }
}

/// The user of this host with that name or number.
fn user(named: &str) -> Option<User> {
    let found = match named.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(named),
    };
    found.ok().flatten()
}

/// The group of that name or number.
fn group(named: &str) -> Option<Gid> {
    match named.parse() {
        Ok(number) => Some(Gid::from_raw(number)),
        Err(_) => Group::from_name(named).ok().flatten().map(|group| group.gid),
    }
}

/// A user of this host.
struct Who {
    name: String,
    uid: Uid,
    gid: Gid,
    /// All that it is in, with `gid`.
    groups: Vec<Gid>,
    /// There is none of that name: one is made for the time it runs.
    is_made: bool,
}

impl Who {
    /// Those of `files` that it cannot read. Without `setpriv` it is asked with one group after the other, which is not the same
    /// where one opens the folder and another the file.
    fn kept<'a>(&self, files: &'a [PathBuf]) -> Vec<&'a PathBuf> {
        let all: Vec<_> = files.iter().collect();
        if self.groups.len() > 1 && Path::new(SETPRIV).exists() {
            let groups: Vec<_> = self.groups.iter().map(ToString::to_string).collect();
            let rights = [
                format!("--reuid={}", self.uid),
                format!("--regid={}", self.gid),
                format!("--groups={}", groups.join(",")),
            ];
            return refused(Command::new(SETPRIV).args(rights).args(["--", SHELL]), &all);
        }
        self.groups.iter().fold(all, |kept, group| {
            refused(Command::new(SHELL).uid(self.uid.as_raw()).gid(group.as_raw()), &kept)
        })
    }
}

/// Those of `files` that this shell cannot read. If it cannot be asked, that is none.
fn refused<'a>(shell: &mut Command, files: &[&'a PathBuf]) -> Vec<&'a PathBuf> {
    let ask = shell.args(["-c", ASK, "sh"]).args(files);
    let ask = ask.current_dir("/").env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let said = ask.output().map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
    let said = said.unwrap_or_default();
    said.lines().filter_map(|number| files.get(number.parse::<usize>().ok()?).copied()).collect()
}
