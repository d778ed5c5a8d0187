//! Where certificates come from.

use std::path::PathBuf;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;

use super::error::TlsError;
use super::folder::{files_in, read_folder, read_pair};
use super::self_signed::{SelfSigned, Validity};
use super::table::{Source, Table};
use crate::clock::Clock;
use crate::config::{CertSetting, Host};
use crate::files::Stamp;

/// What there is to read, and a stamp of each; None where a file is missing.
pub(super) type Stamps = Vec<(PathBuf, Option<Stamp>)>;

/// Where certificates come from, with all that is needed to read them.
#[derive(Debug)]
pub(super) enum Origin {
    Folder {
        folder: PathBuf,
        hosts: Vec<Host>,
    },
    /// As `derper` has it, made there only for an address.
    Manual {
        cert: PathBuf,
        key: PathBuf,
        host: Host,
    },
    SelfSigned {
        file: PathBuf,
        host: Host,
    },
}

impl Origin {
    /// # Errors
    /// `NoHost`.
    pub(super) fn of(setting: &CertSetting, hosts: &[Host]) -> Result<Self, TlsError> {
        let first = || hosts.first().cloned().ok_or(TlsError::NoHost);
        Ok(match setting {
            CertSetting::Dir(folder) => Self::Folder { folder: folder.clone(), hosts: hosts.to_vec() },
            CertSetting::DerperManual { dir } => {
                let host = first()?;
                let stem = reference_stem(&host);
                let [cert, key] = ["crt", "key"].map(|end| dir.join(format!("{stem}.{end}")));
                Self::Manual { cert, key, host }
            }
            CertSetting::SelfSigned { dir } => {
                let host = first()?;
                // One file for both, so that it is there whole or not at all. Colons are legal in names of files,
                // but not all tools take them.
                let file = dir.join(format!("self-signed-{}.pem", host.to_string().replace(':', "_")));
                Self::SelfSigned { file, host }
            }
        })
    }

    /// Makes the certificate that is to be self-signed if it was never made; returns its file if it did.
    ///
    /// # Errors
    /// `Make`, `Entropy`, `Write`.
    pub(super) fn make_missing(&self, clock: Clock) -> Result<Option<PathBuf>, TlsError> {
        match self {
            Self::SelfSigned { file, host } if !file.exists() => {
                SelfSigned::make(host, Validity::KEPT, clock)?.write_together(file)?;
                Ok(Some(file.clone()))
            }
            // One of the two alone is somebody's: reading the other tells what is missing.
            Self::Manual { cert, key, host: host @ Host::Ip(_) } if !cert.exists() && !key.exists() => {
                SelfSigned::make(host, Validity::AS_REFERENCE, clock)?.write_apart(cert, key)?;
                Ok(Some(cert.clone()))
            }
            _ => Ok(None),
        }
    }

    /// Reads everything and decides what is served, each chain with `meta` as its last certificate.
    ///
    /// # Errors
    /// Whatever is wrong with a file.
    pub(super) fn load(&self, meta: &CertificateDer<'static>, clock: Clock) -> Result<Table, TlsError> {
        let source = match self {
            Self::Folder { folder, hosts } => {
                Source { pairs: read_folder(folder)?, path: folder, hosts, all_names: true }
            }
            Self::Manual { cert, key, host } => Source::of_one(read_pair(cert, key)?, cert, host),
            Self::SelfSigned { file, host } => Source::of_one(read_pair(file, file)?, file, host),
        };
        Table::build(source, meta, unix_seconds(clock.wall()))
    }

    /// What a change of the files would change.
    pub(super) fn stamps(&self) -> Stamps {
        let files = match self {
            Self::Folder { folder, .. } => files_in(folder).unwrap_or_default(),
            Self::Manual { cert, key, .. } => vec![cert.clone(), key.clone()],
            Self::SelfSigned { file, .. } => vec![file.clone()],
        };
        files.into_iter().map(|path| (path.clone(), Stamp::of(&path).ok())).collect()
    }
}

/// The name of a host's files as `derper` writes it: all but `[A-Za-z0-9.-]` left out.
///
/// Source: tailscale `cmd/derper/cert.go`.
fn reference_stem(host: &Host) -> String {
    let mut stem = host.to_string();
    stem.retain(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    stem
}

fn unix_seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
