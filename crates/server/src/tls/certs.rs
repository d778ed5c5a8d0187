//! The door: certificates from their source, kept fresh, given out by server name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use wherry_wire::key::NodePublic;
use x509_parser::time::ASN1Time;

use super::date::rfc3339;
use super::doubt::Doubt;
use super::error::TlsError;
use super::meta_cert;
use super::origin::{Origin, Stamps};
use super::table::Table;
use crate::clock::Clock;
use crate::config::{CertSetting, Host};
use crate::files::Changes;

/// How often files are looked at. Looking costs one system call a file; they are read only when changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// From here on a certificate that has not been renewed is worth a warning: ACME clients renew with 30 days
/// left, and an operator should hear of it in a week without holidays.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What the health pages say about certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertStatus {
    /// Set while the files on disk cannot be used and older certificates are served instead.
    pub failure: Option<ReloadFailure>,
    /// When the first of the served certificates expires.
    pub expires: SystemTime,
    /// How near that is.
    pub expiry: Expiry,
    /// What clients have against the certificates of the hosts.
    pub doubts: Vec<Doubt>,
}

/// How near the end of the served certificates is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// More than two weeks.
    Far,
    /// Two weeks or less: somebody should look at the renewal.
    Soon,
    /// Over: clients refuse the relay, so it is not ready.
    Over,
}

/// A reload that changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadFailure {
    /// The time of day of the first failure in a row.
    pub since: SystemTime,
    /// What is wrong now and what to do, one line.
    pub reason: String,
}

/// The pin that [`Certs::pin`] of these settings would tell, from what is on disk; nothing is made or written.
///
/// # Errors
/// Whatever is wrong with a file, one that was never made included. `NoHost`.
pub fn pin(setting: &CertSetting, hosts: &[Host], clock: Clock) -> Result<Option<String>, TlsError> {
    // The meta certificate is for whoever is served, and nobody is.
    let meta = CertificateDer::from(Vec::new());
    Ok(Origin::of(setting, hosts)?.load(&meta, clock)?.pin)
}

/// The certificates of the relay: what rustls asks for each client, and what watches their files.
#[derive(Debug)]
pub struct Certs {
    origin: Origin,
    made: Option<PathBuf>,
    meta: CertificateDer<'static>,
    clock: Clock,
    table: ArcSwap<Table>,
    /// Locked by the watch alone.
    changes: Mutex<Changes<Stamps>>,
    failure: Mutex<Option<ReloadFailure>>,
}

impl Certs {
    /// Reads the certificates, or makes the one that is to be self-signed; each chain is followed by the meta
    /// certificate for `server_key`.
    ///
    /// From a folder, all names in its certificates are served, and each of `hosts` must be among them; the other
    /// sources serve the first of `hosts` alone.
    ///
    /// # Errors
    /// Whatever is wrong with a file; nothing has been started then. `NoHost`.
    pub fn open(
        setting: &CertSetting,
        hosts: &[Host],
        server_key: &NodePublic,
        clock: Clock,
    ) -> Result<Arc<Self>, TlsError> {
        let origin = Origin::of(setting, hosts)?;
        let made = origin.make_missing(clock)?;
        let meta = meta_cert::make(server_key, clock.wall())?;
        // Before the files are read, so that whatever changes while they are is noticed.
        let changes = Mutex::new(Changes::since(origin.stamps()));
        let table = ArcSwap::from_pointee(origin.load(&meta, clock)?);
        Ok(Arc::new(Self { origin, made, meta, clock, table, changes, failure: Mutex::new(None) }))
    }

    /// The file of a self-signed certificate that was made at the start, so that its pin is in no map yet.
    #[must_use]
    pub fn made(&self) -> Option<&Path> {
        self.made.as_deref()
    }

    /// Reads the files again and serves what they hold from the next handshake on.
    ///
    /// # Errors
    /// Whatever is wrong with a file; the old certificates are then kept, and [`status`](Self::status) says so.
    pub fn reload(&self) -> Result<(), TlsError> {
        match self.origin.load(&self.meta, self.clock) {
            Ok(table) => {
                self.table.store(Arc::new(table));
                *self.failure() = None;
                self.warn_of_doubts();
                tracing::info!(expires = rfc3339(&self.table.load().expires), "certificates reloaded");
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(err = reason, "certificates not reloaded, the old ones are kept");
                let mut failure = self.failure();
                let since = failure.as_ref().map_or_else(|| self.clock.wall(), |first| first.since);
                *failure = Some(ReloadFailure { since, reason });
                Err(error)
            }
        }
    }

    /// Says so where clients refuse what is served.
    pub fn warn_of_doubts(&self) {
        for doubt in &self.table.load().doubts {
            tracing::warn!(
                path = %doubt.path.display(),
                err = doubt.words,
                "whoever trusts the same authorities as this host refuses the certificate; wherry config check says what to do"
            );
        }
    }

    /// Reloads whenever the files change, until dropped.
    ///
    /// A change counts once a second look finds it finished, so that a certificate and its key written one
    /// after the other are read together. Cancel safe.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let this = Arc::clone(&self);
            // Files can stand on a slow or a hanging disk; handshakes must not wait for it.
            if tokio::task::spawn_blocking(move || this.look()).await.is_err() {
                // The runtime is shutting down.
                return;
            }
        }
    }

    fn look(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.look(self.origin.stamps()) {
            // A failure is logged and kept in the status; the next change is the next attempt.
            drop(self.reload());
        }
    }

    /// What is served and what is wrong with it, now.
    #[must_use]
    pub fn status(&self) -> CertStatus {
        let table = self.table.load();
        let expires = wall(table.expires);
        let left = expires.duration_since(self.clock.wall());
        let expiry = match left {
            Err(_) => Expiry::Over,
            Ok(left) if left <= EXPIRES_SOON => Expiry::Soon,
            Ok(_) => Expiry::Far,
        };
        CertStatus { failure: self.failure().clone(), expires, expiry, doubts: table.doubts.clone() }
    }

    /// The `CertName` of the relay in a DERP map when its certificate is issued by itself: clients that have it
    /// need no authority. None for certificates that an authority issued.
    #[must_use]
    pub fn pin(&self) -> Option<String> {
        self.table.load().pin.clone()
    }

    fn failure(&self) -> MutexGuard<'_, Option<ReloadFailure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certs {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.table.load().find(hello.server_name()).cloned()
    }
}

fn wall(at: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
