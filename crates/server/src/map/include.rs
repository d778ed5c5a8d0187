//! One included map.

use std::fs::File;
use std::io::{self, Read as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::task::{JoinError, spawn_blocking};
use wherry_client::{
    CertificateFault, DialError, Dialer, FetchError, TlsError, Trust, TrustError, Validators, Wanted,
};
use wherry_wire::derp_map::{DerpMap, TextError, decode};

use super::disk::Disk;
use super::kept;
use super::read::ReadMap;
use super::ring::{ASKED, HEADER, Word};
use crate::config::{Include, cure};
use crate::files::{Changes, Stamp};

/// The longest map that is read, in bytes: Tailscale's own has some 50 KiB.
const MAX_BYTES: usize = 4 << 20;

/// What failed for a reason that nobody tells when it is gone is tried again after this, if not sooner.
pub(super) const RETRY: Duration = Duration::from_secs(60);

/// A relay that does not have its whole map yet is asked again after this: it may wait for this one. Each time that it says
/// the same as before, it is after twice the time, up to the longest: what it lacks may never come.
const UNFINISHED_RETRY: Duration = Duration::from_secs(10);
const UNFINISHED_LONGEST: Duration = Duration::from_secs(120);

/// Mistakes of one map that log and health name; `wherry map check` names all.
const MAX_FAULTS: usize = 5;

/// Why an included map was not taken.
#[derive(Debug, Error)]
pub(super) enum IncludeError {
    #[error("cannot read it: {0}{hint}", hint = cure(.0))]
    Read(#[source] io::Error),
    #[error("cannot read it, for its disk does not answer; see to the mount, it is read once that answers")]
    Hangs,
    #[error("cannot fetch it: {0}; {cure}", cure = remedy(.0))]
    Fetch(#[source] FetchError),
    #[error(
        "cannot fetch it, for no server's certificate can be checked: {0}; see to the system's root certificates"
    )]
    Trust(#[from] TrustError),
    #[error("its server answers with HTTP status {0}; check the URL's path")]
    Status(u16),
    /// With what it has so far.
    #[error("the relay there has not read all maps that it includes itself; see to its log if that stays so")]
    Unfinished(Box<(DerpMap, Word)>),
    #[error("it is longer than {MAX_BYTES} bytes, so it is no map; check the path or URL")]
    TooLong,
    #[error("{0}, so it is no map; check the path or URL")]
    NotText(#[from] TextError),
    #[error("it could not be judged: {0}")]
    Judge(#[from] JoinError),
    /// What is wrong with it, a line each.
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
}

/// What to do about a URL that is not fetched.
const fn remedy(err: &FetchError) -> &'static str {
    let FetchError::Dial(DialError::Tls(TlsError::Certificate { fault, .. })) = err else {
        return "check the URL, and that its server runs";
    };
    match fault {
        CertificateFault::SelfSigned
        | CertificateFault::IssuerMissing
        | CertificateFault::UnknownIssuer
        | CertificateFault::NoStore
        | CertificateFault::OtherKey => {
            "let SSL_CERT_FILE in this relay's environment name a file with that certificate or its authority's, and with the \
             authorities of other URLs; or include a file: wherry map entry prints the entry of a relay, pin included"
        }
        CertificateFault::IssuerExpired => {
            "renew the chain there: the certificate of an authority in it has expired"
        }
        CertificateFault::Expired => "renew the certificate there; if it is valid, set this host's clock",
        CertificateFault::NotYetValid => "set the clock that is wrong, this host's or that of who issued it",
        CertificateFault::OtherName => "write the URL with a name that the certificate is for",
        _ => "give its server another certificate",
    }
}

/// An included map and when it is due.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) include: Include,
    source: Source,
    was_read: bool,
    /// As it was read last, before a restart perhaps.
    pub(super) map: Option<Arc<DerpMap>>,
    /// What came with it, if it is another relay's; by this the map may lack something still.
    pub(super) word: Option<Word>,
    /// What the last reading failed with, a line each.
    pub(super) faults: Vec<String>,
    /// What of that was said in the log.
    logged: Vec<String>,
    /// Where it outlives a restart.
    kept: PathBuf,
    /// Why it would not.
    unkept: Option<io::Error>,
    /// When that is tried again, by the clock.
    keep_due: Duration,
}

#[derive(Debug)]
enum Source {
    /// A file: due when it changes.
    File { path: PathBuf, changes: Changes<Option<Stamp>>, disk: Disk },
    /// A URL: due at this time of the clock; with what it was known by last, and after which it is asked again if it says the
    /// same unfinished thing.
    Url { url: String, due: Duration, known: Option<Validators>, unfinished: Duration },
}

/// What a reading found.
enum Found {
    Map(DerpMap, Option<Word>),
    /// What was there before.
    Same(Option<Word>),
}

/// How a reading went, for when the next is due.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Taken,
    Unfinished,
    Failed,
}

impl Outcome {
    const fn of(found: &Result<Found, IncludeError>) -> Self {
        match found {
            Ok(_) => Self::Taken,
            Err(IncludeError::Unfinished(_)) => Self::Unfinished,
            Err(_) => Self::Failed,
        }
    }
}

/// What fetches.
#[derive(Debug)]
pub(super) struct Fetcher {
    trust: fn() -> Result<Trust, TrustError>,
    /// Made when it is needed first, for it reads the system's root certificates.
    dialer: Mutex<Option<Dialer>>,
}

impl Fetcher {
    /// Trusts whom `trust` says, when something is fetched.
    pub(super) fn new(trust: fn() -> Result<Trust, TrustError>) -> Self {
        Self { trust, dialer: Mutex::default() }
    }

    fn dialer(&self) -> Result<Dialer, TrustError> {
        let mut dialer = self.dialer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match &mut *dialer {
            Some(dialer) => dialer.clone(),
            none => none.insert(Dialer::new((self.trust)()?)).clone(),
        })
    }
}

impl Held {
    /// Due at once; until then it is what was kept in `state_dir`, if anything was.
    pub(super) fn new(include: Include, state_dir: &Path, read: &ReadMap) -> Self {
        let source = match include.clone() {
            Include::File(path) => {
                Source::File { path, changes: Changes::since(None), disk: Disk::default() }
            }
            Include::Url(url) => {
                Source::Url { url, due: Duration::ZERO, known: None, unfinished: UNFINISHED_RETRY }
            }
        };
        let kept = include.kept_in(state_dir);
        let map = kept::load(&kept, read).unwrap_or_else(|err| {
            tracing::warn!(%include, kept = %kept.display(), %err, "the map kept from before cannot be used");
            None
        });
        if let Some(map) = &map {
            let regions = map.live_regions().count();
            tracing::info!(%include, kept = %kept.display(), regions, "the map kept from before is served until it is read again");
        }
        let (map, faults, logged, keep_due) = (map.map(Arc::new), Vec::new(), Vec::new(), Duration::ZERO);
        Self {
            include,
            source,
            was_read: false,
            map,
            word: None,
            faults,
            logged,
            kept,
            unkept: None,
            keep_due,
        }
    }

    /// Reads it if it is due by the clock `now`, or in any case, and keeps what could not be kept; whether there is another
    /// map or another thing wrong than before.
    pub(super) async fn look(
        &mut self,
        anyway: bool,
        read: &ReadMap,
        fetcher: &Fetcher,
        now: impl Fn() -> Duration,
        refresh: Duration,
    ) -> bool {
        if self.is_due(now()).await || anyway {
            let is_news = self.read(read, fetcher, now, refresh).await;
            if is_news {
                self.report();
            }
            return is_news;
        }
        if self.unkept.is_some() && now() >= self.keep_due {
            self.keep(now()).await;
            return self.unkept.is_none();
        }
        false
    }

    /// Whether it is to be read, `now` by the clock.
    pub(super) async fn is_due(&mut self, now: Duration) -> bool {
        match &mut self.source {
            Source::File { path, changes, disk } => {
                let path = path.clone();
                match disk.ask(move || Stamp::of(&path).ok()).await {
                    Some(stamp) => changes.look(stamp) || !self.was_read,
                    // The reading says so.
                    None => true,
                }
            }
            Source::Url { due, .. } => now >= *due,
        }
    }

    /// Reads it; whether there is another map or another thing wrong than before. A failure keeps the map.
    pub(super) async fn read(
        &mut self,
        read: &ReadMap,
        fetcher: &Fetcher,
        now: impl Fn() -> Duration,
        refresh: Duration,
    ) -> bool {
        let name = self.include.to_string();
        let found = match &mut self.source {
            Source::File { path, changes, disk } => {
                let found = read_file(path, disk, name.clone(), read).await;
                if matches!(found, Err(IncludeError::Read(_) | IncludeError::Hangs)) {
                    // Too many open files, or a disk that is away: the file need not change to be readable again.
                    *changes = Changes::since(None);
                }
                found
            }
            Source::Url { url, known, .. } => fetch(url, known, name.clone(), read, fetcher).await,
        };
        self.was_read = true;
        let faults = match &found {
            Ok(_) => Vec::new(),
            Err(IncludeError::Wrong(lines)) => shortened(lines, &name),
            Err(err) => vec![format!("{name}: {err}")],
        };
        let is_news = faults != self.faults;
        self.faults = faults;
        let before = (self.map.clone(), self.word.clone());
        let outcome = Outcome::of(&found);
        self.take(found);
        let is_other = (&self.map, &self.word) != (&before.0, &before.1);
        // From its end on: else one that hangs for longer than that would be asked again at once.
        self.rest(outcome, is_other || is_news, now(), refresh);
        self.warn_of_nobody(before.0.as_deref());
        let was_kept = self.unkept.is_none();
        if is_other || (!was_kept && self.faults.is_empty()) {
            self.keep(now()).await;
        }
        is_other || is_news || was_kept != self.unkept.is_none()
    }

    /// Says when a URL is due again, `now` by the clock.
    fn rest(&mut self, outcome: Outcome, is_other: bool, now: Duration, refresh: Duration) {
        let Source::Url { due, unfinished, .. } = &mut self.source else { return };
        let same = mem::replace(unfinished, UNFINISHED_RETRY);
        let pause = match outcome {
            Outcome::Taken => refresh,
            Outcome::Failed => RETRY,
            Outcome::Unfinished => {
                let pause = if is_other { UNFINISHED_RETRY } else { same };
                *unfinished = pause.saturating_mul(2).min(UNFINISHED_LONGEST);
                pause
            }
        };
        *due = now.saturating_add(pause.min(refresh));
    }

    /// Says that a map that had regions has nothing but nulls now: as it is written, but perhaps not as it was meant.
    fn warn_of_nobody(&self, before: Option<&DerpMap>) {
        let count = |map: Option<&DerpMap>| map.map_or(0, |map| map.live_regions().count());
        let (had, has) = (count(before), count(self.map.as_deref()));
        if had > 0 && has == 0 {
            let include = &self.include;
            tracing::warn!(%include, had, "the included map has no region any more, each of its regions is null");
        }
    }

    /// Takes in what was found. What a relay lacks still replaces no whole map.
    fn take(&mut self, found: Result<Found, IncludeError>) {
        let (map, word) = match found {
            Ok(Found::Map(map, word)) => (map, word),
            Ok(Found::Same(word)) => return self.word = word,
            Err(IncludeError::Unfinished(unfinished)) if self.map.is_none() || !self.is_whole() => {
                (unfinished.0, Some(unfinished.1))
            }
            Err(_) => return,
        };
        self.word = word;
        if self.map.as_deref() != Some(&map) {
            self.map = Some(Arc::new(map));
        }
    }

    /// Whether its map, if there is one, lacks nothing.
    fn is_whole(&self) -> bool {
        self.word.as_ref().is_none_or(Word::is_whole)
    }

    /// Says in the log how the last reading went, unless it went wrong as was said before.
    fn report(&mut self) {
        let include = &self.include;
        for err in self.faults.iter().filter(|err| !self.logged.contains(err)) {
            match self.map {
                Some(_) if !self.is_whole() => tracing::warn!(%include, err, "included map read in part"),
                Some(_) => {
                    tracing::error!(%include, err, "included map not read, what it was before is served")
                }
                None => tracing::error!(%include, err, "included map not read, so no map is served"),
            }
        }
        if self.faults.is_empty() {
            let regions = self.map.as_ref().map(|map| map.live_regions().count());
            tracing::info!(%include, regions, "included map read");
        }
        self.logged.clone_from(&self.faults);
    }

    /// Writes it to where it outlives a restart.
    async fn keep(&mut self, now: Duration) {
        let Some(map) = self.map.as_ref().filter(|_| self.is_whole()) else { return };
        let stored = kept::store(&self.kept, map).await;
        if let (Err(err), None) = (&stored, &self.unkept) {
            tracing::warn!(include = %self.include, kept = %self.kept.display(), %err, "the included map would not survive a restart");
        }
        self.unkept = stored.err();
        self.keep_due = now.saturating_add(RETRY);
    }

    /// All that is wrong now, a line each.
    pub(super) fn all_faults(&self) -> impl Iterator<Item = String> {
        let unkept = self.unkept.as_ref().map(|err| {
            format!(
                "{}: it would not survive a restart, for it cannot be written to {}: {err}; the relay's user must be able to",
                self.include,
                self.kept.display()
            )
        });
        self.faults.iter().cloned().chain(unkept)
    }
}

async fn read_file(
    path: &Path,
    disk: &mut Disk,
    name: String,
    read: &ReadMap,
) -> Result<Found, IncludeError> {
    let path = path.to_owned();
    let reading = move || {
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = disk.ask(reading).await.ok_or(IncludeError::Hangs)?.map_err(IncludeError::Read)?;
    if bytes.len() > MAX_BYTES {
        return Err(IncludeError::TooLong);
    }
    judge(name, bytes, read).await.map(|map| Found::Map(map, None))
}

async fn fetch(
    url: &str,
    known: &mut Option<Validators>,
    name: String,
    read: &ReadMap,
    fetcher: &Fetcher,
) -> Result<Found, IncludeError> {
    let wanted = Wanted::new(url, MAX_BYTES).unless(known.clone()).with_header(HEADER, ASKED);
    let document = fetcher.dialer()?.fetch(&wanted).await.map_err(IncludeError::Fetch)?;
    let word = document.header.as_deref().and_then(Word::parse);
    match (document.status, word) {
        (200, word) => {
            let map = judge(name, document.body, read).await?;
            // Of what is not taken nobody shall say that it is still the same.
            *known = document.validators;
            Ok(Found::Map(map, word.filter(Word::is_whole)))
        }
        (304, word) if known.is_some() => Ok(Found::Same(word.filter(Word::is_whole))),
        (503, Some(word)) if !word.is_whole() => {
            let map = judge(name, document.body, read).await?;
            Err(IncludeError::Unfinished(Box::new((map, word))))
        }
        (status, _) => Err(IncludeError::Status(status)),
    }
}

/// Off the runtime's thread, which takes connections: a long map takes long.
async fn judge(name: String, bytes: Vec<u8>, read: &ReadMap) -> Result<DerpMap, IncludeError> {
    let read = Arc::clone(read);
    let judging = move || {
        let text = decode(bytes)?;
        read(&name, &text).map_err(IncludeError::Wrong)
    };
    spawn_blocking(judging).await?
}

/// The first of many lines, and how many there are besides.
pub(super) fn shortened(lines: &[String], name: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(MAX_FAULTS);
    let rest = (more > 0).then(|| format!("{name}: {more} mistakes more; wherry map check names all"));
    lines.iter().take(MAX_FAULTS).cloned().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn an_authority_that_is_unknown_in_any_way_is_to_be_made_known() {
        let remedy = |fault| {
            let refused = TlsError::Certificate { fault, reason: CertificateError::UnknownIssuer };
            remedy(&FetchError::Dial(DialError::Tls(refused)))
        };
        for unknown in [
            CertificateFault::SelfSigned,
            CertificateFault::IssuerMissing,
            CertificateFault::UnknownIssuer,
            CertificateFault::NoStore,
            CertificateFault::OtherKey,
        ] {
            assert!(remedy(unknown).contains("SSL_CERT_FILE"), "{unknown:?}: {}", remedy(unknown));
        }
        for (other, word) in [
            (CertificateFault::IssuerExpired, "renew the chain"),
            (CertificateFault::Expired, "renew the certificate"),
            (CertificateFault::NotYetValid, "clock"),
            (CertificateFault::OtherName, "write the URL"),
        ] {
            assert!(remedy(other).contains(word), "{other:?}: {}", remedy(other));
        }
    }
}
