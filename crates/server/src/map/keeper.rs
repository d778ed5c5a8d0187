//! Keeping the map fresh.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use wherry_client::{Dialer, Trust};
use wherry_wire::derp_map::{DerpMap, Entry};

use super::assemble::assemble;
use super::include::Held;
use super::served::Served;
use crate::clock::Clock;
use crate::config::{Include, MapSettings};

/// How often files are looked at, and the own entry, whose pin changes with the certificate.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a map has to say of this relay now, if anything.
type Own = Box<dyn Fn() -> Option<Entry> + Send + Sync>;

/// Reads the included maps and puts the whole where it is served from.
pub struct Keeper {
    served: Arc<Served>,
    own: Own,
    held: Vec<Held>,
    without: Vec<String>,
    refresh: Duration,
    clock: Clock,
    /// Only where a URL is included: it reads the system's root certificates.
    dialer: Option<Dialer>,
}

impl Keeper {
    /// Without included maps the own entry is served from here on.
    #[must_use]
    pub fn new(settings: &MapSettings, own: Own, served: Arc<Served>, clock: Clock) -> Self {
        let has_url = settings.include.iter().any(|include| matches!(include, Include::Url(_)));
        let dialer = match has_url.then(|| Trust::system([])) {
            Some(Ok(trust)) => Some(Dialer::new(trust)),
            Some(Err(err)) => {
                tracing::error!(%err, "no included map can be fetched");
                None
            }
            None => None,
        };
        let held = settings.include.iter().cloned().map(Held::new).collect();
        let (without, refresh) = (settings.without.clone(), settings.refresh);
        let keeper = Self { served, own, held, without, refresh, clock, dialer };
        keeper.put();
        keeper
    }

    /// Keeps the map fresh until dropped.
    pub async fn keep(mut self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let served = Arc::clone(&self.served);
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                () = served.asked_to_renew() => true,
            };
            self.read(is_asked).await;
            self.put();
        }
    }

    /// Reads what is due, or all.
    async fn read(&mut self, all: bool) {
        let now = self.clock.now();
        for held in &mut self.held {
            let is_due = held.is_due(now).await || all;
            if !is_due || !held.read(self.dialer.as_ref(), now, self.refresh).await {
                continue;
            }
            let include = &held.include;
            match (&held.fault, &held.map) {
                (Some(err), Some(_)) => {
                    tracing::error!(%include, err, "included map not read, what it was before is served");
                }
                (Some(err), None) => {
                    tracing::error!(%include, err, "included map not read, so no map is served");
                }
                (None, map) => {
                    let regions = map.as_ref().map(|map| map.live_regions().count());
                    tracing::info!(%include, regions, "included map read");
                }
            }
        }
    }

    /// Serves what is known now, if all of it is.
    fn put(&self) {
        let included: Option<Vec<&DerpMap>> = self.held.iter().map(|held| held.map.as_ref()).collect();
        let mut faults = self.faults();
        if let Some(included) = included {
            let (map, left_out) = assemble(included, &self.without, (self.own)().as_ref());
            let known = self.served.faults();
            left_out
                .iter()
                .filter(|fault| !known.contains(fault))
                .for_each(|fault| tracing::warn!("{fault}"));
            faults.extend(left_out);
            if !map.regions.is_empty() {
                self.serve(&map, &mut faults);
            }
        }
        self.served.set_faults(faults);
    }

    fn serve(&self, map: &DerpMap, faults: &mut Vec<String>) {
        match map.to_json() {
            Ok(text) if self.served.put(format!("{text}\n"), self.clock.wall()) => {
                tracing::info!(regions = map.regions.len(), "another map is served");
            }
            Ok(_) => {}
            Err(err) => faults.push(err.to_string()),
        }
    }

    fn faults(&self) -> Vec<String> {
        let fault = |held: &Held| held.fault.as_ref().map(|fault| format!("{}: {fault}", held.include));
        self.held.iter().filter_map(fault).collect()
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("held", &self.held).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
