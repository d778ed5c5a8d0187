//! Keeping the map fresh.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use wherry_client::Trust;
use wherry_wire::derp_map::{DerpMap, Entry};

use super::assemble::assemble;
use super::include::{Fetcher, Held, shortened};
use super::read::ReadMap;
use super::served::Served;
use crate::clock::Clock;
use crate::config::{Include, MapSettings};

/// How often files are looked at, and the own entry, whose pin changes with the certificate.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a map has to say of this relay now, if anything.
type Own = Box<dyn Fn() -> Option<Entry> + Send + Sync>;

/// What messages call the map of all.
const WHOLE: &str = "the included maps together";

/// Reads the included maps and puts the whole where it is served from.
pub struct Keeper {
    served: Arc<Served>,
    own: Own,
    read: ReadMap,
    held: Vec<Held>,
    without: Vec<String>,
    refresh: Duration,
    clock: Clock,
    fetcher: Fetcher,
    /// A whole that is not served, with what is wrong with it.
    refused: Option<(String, Vec<String>)>,
}

impl Keeper {
    /// The own entry and what was kept of included maps in `state_dir` are served from here on; nothing if one of them was
    /// never read.
    #[must_use]
    pub fn new(
        settings: &MapSettings,
        state_dir: &Path,
        own: Own,
        read: ReadMap,
        served: Arc<Served>,
        clock: Clock,
    ) -> Self {
        let held = |include: &Include| Held::new(include.clone(), state_dir, &read);
        let held = settings.include.iter().map(held).collect();
        let (without, refresh) = (settings.without.clone(), settings.refresh);
        let fetcher = Fetcher::new(|| Trust::system([]));
        let mut keeper = Self { served, own, read, held, without, refresh, clock, fetcher, refused: None };
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
            if !is_due || !held.read(&self.read, &mut self.fetcher, now, self.refresh).await {
                continue;
            }
            let include = &held.include;
            for err in &held.faults {
                match held.map {
                    Some(_) => {
                        tracing::error!(%include, err, "included map not read, what it was before is served")
                    }
                    None => tracing::error!(%include, err, "included map not read, so no map is served"),
                }
            }
            if held.faults.is_empty() {
                let regions = held.map.as_ref().map(|map| map.live_regions().count());
                tracing::info!(%include, regions, "included map read");
            }
        }
    }

    /// Serves what is known now, if all of it is.
    fn put(&mut self) {
        let included: Option<Vec<&DerpMap>> = self.held.iter().map(|held| held.map.as_ref()).collect();
        let mut faults: Vec<String> = self.held.iter().flat_map(Held::all_faults).collect();
        if let Some(included) = included {
            let (map, left_out) = assemble(included, &self.without, (self.own)().as_ref());
            let known = self.served.faults();
            left_out
                .iter()
                .filter(|fault| !known.contains(fault))
                .for_each(|fault| tracing::warn!("{fault}"));
            faults.extend(left_out);
            if !map.regions.is_empty() {
                faults.extend(self.serve(&map));
            }
        }
        self.served.set_faults(faults);
    }

    /// Serves the map unless something is wrong with the whole; what is.
    fn serve(&mut self, map: &DerpMap) -> Vec<String> {
        let text = match map.to_json() {
            Ok(text) => format!("{text}\n"),
            Err(err) => return vec![err.to_string()],
        };
        if self.served.is(&text) {
            self.refused = None;
            return Vec::new();
        }
        if let Some((_, faults)) = self.refused.as_ref().filter(|(refused, _)| *refused == text) {
            return faults.clone();
        }
        // In place, unlike the reading of a part: only what changed comes here, and each part is in order.
        match (self.read)(WHOLE, &text) {
            Ok(_) => {
                self.refused = None;
                self.served.put(text, self.clock.wall());
                tracing::info!(regions = map.regions.len(), "another map is served");
                Vec::new()
            }
            Err(lines) => {
                let faults = shortened(&lines, WHOLE);
                for err in &faults {
                    tracing::error!(err, "the maps do not go together, so what was served before stays");
                }
                self.refused = Some((text, faults.clone()));
                faults
            }
        }
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
