//! The certificates in use, and which one a server name gets.

use std::collections::HashMap;
use std::path::Path;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use x509_parser::time::ASN1Time;

use super::cert::Pair;
use super::doubt::{self, Doubt};
use super::error::TlsError;
use crate::config::Host;

/// What is served, fixed when built; a reload builds another.
#[derive(Debug)]
pub(super) struct Table {
    /// By whole name, lower case.
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows `*.`.
    wildcards: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that send no name, as they do when they know the relay by an address.
    nameless: Option<Arc<CertifiedKey>>,
    /// For names that no certificate has; only when the relay is known by nothing but addresses.
    unknown: Option<Arc<CertifiedKey>>,
    /// When the first of those in use expires.
    pub(super) expires: ASN1Time,
    /// The pin of the first host's certificate when that is the only one of its chain and issued by itself.
    pub(super) pin: Option<String>,
    /// What clients have against the certificates of the hosts.
    pub(super) doubts: Vec<Doubt>,
}

/// What a table is built from.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) pairs: Vec<Pair>,
    /// The folder or file that the pairs came from, for messages.
    pub(super) path: &'a Path,
    /// What the certificates must be valid for; empty if any name will do.
    pub(super) hosts: &'a [Host],
    /// True to serve all names of the certificates, false for those of `hosts` alone.
    pub(super) all_names: bool,
}

impl<'a> Source<'a> {
    /// The one pair of a host, read from `path`, for that host only.
    pub(super) fn of_one(pair: Pair, path: &'a Path, host: &'a Host) -> Self {
        Self { pairs: vec![pair], path, hosts: slice::from_ref(host), all_names: false }
    }
}

impl Table {
    /// Chooses among the pairs: of two with the same name the one that expires later. Each chain gets `meta` as
    /// its last certificate. `now` in seconds since 1970.
    ///
    /// # Errors
    /// `Expired` and `NotYetValid` unless other pairs cover all names of that certificate; `WrongName` when no
    /// certificate is valid for one of the hosts.
    pub(super) fn build(
        source: Source<'_>,
        meta: &CertificateDer<'static>,
        now: i64,
    ) -> Result<Self, TlsError> {
        let mut usable = in_date(source.pairs, now)?;
        usable.sort_by_key(|pair| pair.facts.expires);
        let current: Vec<Current<'_>> = (1..)
            .zip(&usable)
            .filter(|(next, pair)| !covered(pair, usable.get(*next..).unwrap_or_default()))
            .map(|(_, pair)| Current { pair, key: certified(pair, meta) })
            .collect();
        let path = || source.path.to_owned();
        let owners = source.hosts.iter().map(|host| {
            let owner = current.iter().rfind(|one| one.pair.facts.covers(host));
            owner
                .map(|one| (host, one))
                .ok_or_else(|| TlsError::WrongName { path: path(), host: host.clone() })
        });
        let owners = owners.collect::<Result<Vec<_>, _>>()?;
        let expires = current.iter().map(|one| one.pair.facts.expires).min();
        let mut table = Self {
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            nameless: None,
            unknown: None,
            expires: expires.ok_or_else(|| TlsError::NoPair { folder: path() })?,
            pin: owners.first().and_then(|(_, first)| first.pair.pin()),
            doubts: doubts(&owners, now),
        };
        if source.all_names {
            current.iter().for_each(|one| table.add_names(one));
        }
        owners.iter().for_each(|(host, own)| table.add_host(host, own));
        if source.hosts.is_empty() {
            let addressed = current.iter().rfind(|one| !one.pair.facts.ips.is_empty());
            table.nameless = addressed.map(|one| Arc::clone(&one.key));
        } else if source.hosts.iter().all(|host| matches!(host, Host::Ip(_))) {
            table.unknown = table.nameless.clone();
        }
        Ok(table)
    }

    /// The certificate for a client that asks for `name` in lower case, or for none.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let Some(name) = name else { return self.nameless.as_ref() };
        let parent = || name.split_once('.').map(|(_, parent)| parent);
        self.exact.get(name).or_else(|| self.wildcards.get(parent()?)).or(self.unknown.as_ref())
    }

    /// Called in order of expiry: what is valid longer replaces what came before.
    fn add_names(&mut self, one: &Current<'_>) {
        for name in &one.pair.facts.names {
            match name.strip_prefix("*.") {
                Some(parent) => self.wildcards.insert(parent.to_owned(), Arc::clone(&one.key)),
                None => self.exact.insert(name.clone(), Arc::clone(&one.key)),
            };
        }
    }

    /// Called in order of the hosts: the first decides.
    fn add_host(&mut self, host: &Host, own: &Current<'_>) {
        if let Host::Name(name) = host {
            self.exact.insert(name.clone(), Arc::clone(&own.key));
        } else if self.nameless.is_none() {
            self.nameless = Some(Arc::clone(&own.key));
        }
    }
}

/// A pair that is needed, ready to serve.
struct Current<'a> {
    pair: &'a Pair,
    key: Arc<CertifiedKey>,
}

/// What clients have against the certificates of the hosts, each with its first host.
fn doubts(owners: &[(&Host, &Current<'_>)], now: i64) -> Vec<Doubt> {
    let (trust, now) = (doubt::trust(), Duration::from_secs(u64::try_from(now).unwrap_or_default()));
    let mut doubts: Vec<_> =
        owners.iter().filter_map(|(host, own)| Doubt::of(own.pair, host, &trust, now)).collect();
    doubts.dedup_by(|later, first| later.path == first.path && later.fault == first.fault);
    doubts
}

/// Leaves out what is not valid at `now` if nobody misses it.
fn in_date(pairs: Vec<Pair>, now: i64) -> Result<Vec<Pair>, TlsError> {
    let (usable, stale): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|pair| pair.facts.check_dates(now, &pair.path).is_ok());
    for pair in stale {
        if !covered(&pair, &usable) {
            pair.facts.check_dates(now, &pair.path)?;
        }
        tracing::warn!(path = %pair.path.display(), "certificate out of date left out: another replaces it");
    }
    Ok(usable)
}

/// True when `others` serve every name of `pair`.
fn covered(pair: &Pair, others: &[Pair]) -> bool {
    pair.facts.hosts().all(|host| others.iter().any(|other| other.facts.covers(&host)))
}

fn certified(pair: &Pair, meta: &CertificateDer<'static>) -> Arc<CertifiedKey> {
    let chain = pair.chain.iter().chain([meta]).cloned().collect();
    Arc::new(CertifiedKey::new(chain, Arc::clone(&pair.key)))
}
