//! One included map.

use std::io;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use wherry_client::{Dialer, FetchError, Wanted};
use wherry_wire::derp_map::{DerpMap, MapError};

use crate::config::{Include, cure};
use crate::files::{Changes, Stamp};

/// The longest map that is read, in bytes: Tailscale's own has some 50 KiB.
const MAX_BYTES: usize = 4 << 20;

/// A URL that failed is tried again after this, if not sooner.
const RETRY: Duration = Duration::from_secs(60);

/// Why an included map was not taken.
#[derive(Debug, Error)]
pub(super) enum IncludeError {
    #[error("cannot read it: {0}{hint}", hint = cure(.0))]
    Read(#[source] io::Error),
    #[error("cannot fetch it: {0}; check the URL, and that its server runs")]
    Fetch(#[source] FetchError),
    #[error("its server answers with HTTP status {0}; check the URL's path")]
    Status(u16),
    #[error("it is longer than {MAX_BYTES} bytes, so it is no map; check the path or URL")]
    TooLong,
    #[error("it is a web page, no map; check the path or URL")]
    WebPage,
    #[error("{0}; wherry map check says more")]
    Map(#[from] MapError),
    #[error("it is no text in UTF-8, so it is no map; check the path or URL")]
    NotText,
    #[error("no region is in it; wherry map check says more")]
    NoRegions,
}

/// An included map and when it is due.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) include: Include,
    /// As it was read last.
    pub(super) map: Option<DerpMap>,
    /// What the last reading failed with.
    pub(super) fault: Option<String>,
    due: Due,
}

#[derive(Debug)]
enum Due {
    /// A file: when it changes.
    Change(Changes<Option<Stamp>>),
    /// A URL: at this time of the clock.
    At(Duration),
}

impl Held {
    /// Due at once.
    pub(super) fn new(include: Include) -> Self {
        let due = match include {
            Include::File(_) => Due::Change(Changes::since(None)),
            Include::Url(_) => Due::At(Duration::ZERO),
        };
        Self { include, map: None, fault: None, due }
    }

    /// Whether it is to be read, `now` by the clock.
    pub(super) async fn is_due(&mut self, now: Duration) -> bool {
        match (&self.include, &mut self.due) {
            (Include::File(path), Due::Change(changes)) => {
                let path = path.clone();
                // Files can stand on a slow or a hanging disk.
                let stamp = tokio::task::spawn_blocking(move || Stamp::of(&path).ok()).await;
                let is_first = self.map.is_none() && self.fault.is_none();
                stamp.is_ok_and(|stamp| changes.look(stamp)) || is_first
            }
            (_, Due::At(due)) => now >= *due,
            _ => false,
        }
    }

    /// Reads it; whether there is another map or another fault than before. A failure keeps the map.
    pub(super) async fn read(&mut self, dialer: Option<&Dialer>, now: Duration, refresh: Duration) -> bool {
        let read = match (&self.include, dialer) {
            (Include::File(path), _) => read_file(path).await,
            (Include::Url(url), Some(dialer)) => fetch(url, dialer).await,
            (Include::Url(_), None) => return false,
        };
        let fault = read.as_ref().err().map(ToString::to_string);
        if let Due::At(due) = &mut self.due {
            *due = now.saturating_add(if fault.is_some() { refresh.min(RETRY) } else { refresh });
        }
        let is_news = fault != self.fault;
        self.fault = fault;
        match read {
            Ok(map) if self.map.as_ref() != Some(&map) => {
                self.map = Some(map);
                true
            }
            _ => is_news,
        }
    }
}

async fn read_file(path: &Path) -> Result<DerpMap, IncludeError> {
    let file = File::open(path).await.map_err(IncludeError::Read)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).await.map_err(IncludeError::Read)?;
    parse(bytes)
}

async fn fetch(url: &str, dialer: &Dialer) -> Result<DerpMap, IncludeError> {
    let document = dialer.fetch(&Wanted::new(url, MAX_BYTES)).await.map_err(IncludeError::Fetch)?;
    if document.status == 200 { parse(document.body) } else { Err(IncludeError::Status(document.status)) }
}

/// Reads JSON or YAML, whatever the file is called.
fn parse(bytes: Vec<u8>) -> Result<DerpMap, IncludeError> {
    if bytes.len() > MAX_BYTES {
        return Err(IncludeError::TooLong);
    }
    let text = String::from_utf8(bytes).map_err(|_| IncludeError::NotText)?;
    let map = match text.trim_start_matches('\u{feff}').trim_start() {
        start if start.starts_with('<') => return Err(IncludeError::WebPage),
        start if start.starts_with('{') => DerpMap::from_json(start.as_bytes())?,
        start => DerpMap::from_yaml(start)?,
    };
    if map.regions.is_empty() { Err(IncludeError::NoRegions) } else { Ok(map) }
}
