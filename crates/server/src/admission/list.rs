//! The list in a file, and keeping up with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use wherry_wire::key::NodePublic;

use super::parse::{Entries, ListFault, parse};
use crate::clock::Clock;
use crate::files::{Changes, Stamp};

/// How often the file is looked at: a key taken off it is to be cut off within a second, and a change counts at the
/// second look. A look is one system call.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(
        "cannot read the list {path}: {source}; it must exist and be readable by the user that runs the relay"
    )]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has mistakes.
    #[error("list {path}: {fault}")]
    Fault {
        /// Which file.
        path: PathBuf,
        /// Which mistakes.
        fault: ListFault,
    },
}

/// A list on disk that cannot be used while an older one is in force.
#[derive(Debug)]
pub struct ListFailure {
    /// The time of day of the first failure in a row.
    pub since: SystemTime,
    /// What is wrong now.
    pub error: Arc<ListError>,
}

/// A node that was taken off the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its key.
    pub key: NodePublic,
    /// The name it had there.
    pub name: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct List {
    path: PathBuf,
    clock: Clock,
    entries: ArcSwap<Entries>,
    failure: ArcSwapOption<ListFailure>,
    // Held while the file is read, so that a later reading is never overwritten by an earlier one.
    changes: Mutex<Changes<Option<Stamp>>>,
}

impl List {
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, ListError> {
        let changes = Mutex::new(Changes::since(Stamp::of(path).ok()));
        let entries = read(path)?;
        warn_if_empty(&entries, path);
        Ok(Self {
            path: path.to_owned(),
            clock,
            entries: ArcSwap::from_pointee(entries),
            failure: ArcSwapOption::empty(),
            changes,
        })
    }

    /// The name of a listed key, if it has one; `None` if the key is not listed.
    pub(super) fn find(&self, key: &NodePublic) -> Option<Option<Arc<str>>> {
        self.entries.load().get(key).cloned()
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nobody is on it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.load().is_empty()
    }

    pub(super) fn failure(&self) -> Option<Arc<ListFailure>> {
        self.failure.load_full()
    }

    pub(super) fn reload(&self) -> Result<Vec<Removed>, Arc<ListError>> {
        let mut changes = self.changes();
        *changes = Changes::since(Stamp::of(&self.path).ok());
        self.read_again()
    }

    /// Waits for a change on disk that takes keys off.
    pub(super) async fn changed(&self) -> Vec<Removed> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut changes = self.changes();
            if !changes.look(Stamp::of(&self.path).ok()) {
                continue;
            }
            match self.read_again() {
                Ok(removed) if removed.is_empty() => {}
                Ok(removed) => return removed,
                // Logged and shown where it happened.
                Err(_) => {}
            }
        }
    }

    fn changes(&self) -> MutexGuard<'_, Changes<Option<Stamp>>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_again(&self) -> Result<Vec<Removed>, Arc<ListError>> {
        match read(&self.path) {
            Ok(entries) => {
                let before = self.entries.load();
                let gone = before.iter().filter(|(key, _)| !entries.contains_key(*key));
                let removed = gone.map(|(key, name)| Removed { key: *key, name: name.clone() }).collect();
                tracing::info!(path = %self.path.display(), keys = entries.len(), "list reloaded");
                warn_if_empty(&entries, &self.path);
                self.entries.store(Arc::new(entries));
                self.failure.store(None);
                Ok(removed)
            }
            Err(error) => {
                tracing::error!(err = %error, "list not reloaded; the one before stays in force");
                let error = Arc::new(error);
                let since = self.failure().map_or_else(|| self.clock.wall(), |failure| failure.since);
                self.failure.store(Some(Arc::new(ListFailure { since, error: Arc::clone(&error) })));
                Err(error)
            }
        }
    }
}

fn warn_if_empty(entries: &Entries, path: &Path) {
    if entries.is_empty() {
        tracing::warn!(path = %path.display(), "the list is empty: no node may use the relay");
    }
}

/// Reads a list as a start would, and keeps nothing of it; how many keys are on it.
///
/// # Errors
/// Whatever would keep a relay with this list from starting.
pub fn check_list(path: &Path) -> Result<usize, ListError> {
    read(path).map(|entries| entries.len())
}

fn read(path: &Path) -> Result<Entries, ListError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ListError::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|fault| ListError::Fault { path: path.to_owned(), fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "nodekey:50d20b455ecf12bc453f83c2cfdb2a24925d06cf2598dcaa54e91af82ce9f765";
    const BERT: &str = "nodekey:07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

    fn list(text: &str) -> (tempfile::NamedTempFile, List) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let list = List::open(file.path(), Clock::start()).unwrap();
        (file, list)
    }

    fn bert() -> Removed {
        Removed { key: BERT.parse().unwrap(), name: None }
    }

    #[test]
    fn a_list_with_nobody_on_it_is_empty_until_somebody_is() {
        let (file, list) = list("# nobody yet\n");
        assert!(list.is_empty());
        std::fs::write(file.path(), ANNA).unwrap();
        list.reload().unwrap();
        assert!(!list.is_empty());
    }

    #[test]
    fn a_key_taken_off_is_reported_and_not_found_any_more() {
        let (file, list) = list(&format!("{ANNA} Anna\n{BERT}\n"));
        assert_eq!(list.find(&ANNA.parse().unwrap()).unwrap().as_deref(), Some("Anna"));
        std::fs::write(file.path(), BERT).unwrap();
        let anna = Removed { key: ANNA.parse().unwrap(), name: Some("Anna".into()) };
        assert_eq!(list.reload().unwrap(), [anna]);
        assert!(list.find(&ANNA.parse().unwrap()).is_none());
        assert_eq!(list.find(&BERT.parse().unwrap()), Some(None));
    }

    #[test]
    fn a_bad_list_leaves_the_old_one_in_force_until_it_is_mended() {
        let (file, list) = list(ANNA);
        std::fs::write(file.path(), "anna\n").unwrap();
        assert!(list.reload().unwrap_err().to_string().contains("line 1: expected a node key"));
        assert!(list.find(&ANNA.parse().unwrap()).is_some());
        let since = list.failure().unwrap().since;
        std::fs::remove_file(file.path()).unwrap();
        assert!(matches!(*list.reload().unwrap_err(), ListError::Read { .. }));
        assert_eq!(list.failure().unwrap().since, since, "the first failure in a row counts");
        std::fs::write(file.path(), ANNA).unwrap();
        assert!(list.reload().unwrap().is_empty());
        assert!(list.failure().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_on_disk_is_seen_without_being_told() {
        let (file, list) = list(&format!("{ANNA}\n{BERT}\n"));
        std::fs::write(file.path(), ANNA).unwrap();
        assert_eq!(list.changed().await, [bert()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_being_written_cuts_nobody_off() {
        let (file, list) = list(&format!("{ANNA}\n{BERT}\n"));
        std::fs::write(file.path(), "").unwrap();
        let first_look = tokio::time::timeout(LOOK_EVERY * 3 / 2, list.changed());
        assert!(first_look.await.is_err(), "emptied, not yet filled");
        std::fs::write(file.path(), ANNA).unwrap();
        let removed = tokio::time::timeout(Duration::from_secs(1), list.changed()).await;
        assert_eq!(removed.unwrap(), [bert()]);
    }
}
