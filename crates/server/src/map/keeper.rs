//! Keeping the map fresh.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
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
    /// Of what the whole was made last.
    made_of: Option<Entry>,
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
        let mut keeper = Self { served, own, read, held, without, refresh, clock, fetcher, made_of: None };
        if let Some(make) = keeper.whole() {
            let made = make();
            keeper.put(made);
        }
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
            self.look(is_asked).await;
        }
    }

    /// Reads what is due, or all, and serves what comes of it.
    async fn look(&mut self, all: bool) {
        let is_news = self.read(all).await;
        if !is_news && (self.own)() == self.made_of {
            return;
        }
        match self.whole().map(spawn_blocking) {
            None => self.served.set_faults(self.faults_of_parts()),
            Some(making) => match making.await {
                Ok(made) => self.put(made),
                Err(err) => tracing::error!(%err, "the map could not be put together"),
            },
        }
    }

    /// Reads what is due, or all; whether there is another map or another fault than before.
    async fn read(&mut self, all: bool) -> bool {
        let now = self.clock.now();
        let mut is_news = false;
        for held in &mut self.held {
            let is_due = held.is_due(now).await || all;
            if !is_due || !held.read(&self.read, &mut self.fetcher, now, self.refresh).await {
                continue;
            }
            is_news = true;
            let include = &held.include;
            for err in &held.faults {
                match held.map {
                    Some(_) => {
                        tracing::error!(%include, err, "included map not read, what it was before is served");
                    }
                    None => tracing::error!(%include, err, "included map not read, so no map is served"),
                }
            }
            if held.faults.is_empty() {
                let regions = held.map.as_ref().map(|map| map.live_regions().count());
                tracing::info!(%include, regions, "included map read");
            }
        }
        is_news
    }

    /// What makes the whole of what is known now, if all of it is. It takes long with long maps.
    fn whole(&mut self) -> Option<impl FnOnce() -> Made + use<>> {
        self.made_of = (self.own)();
        let included: Vec<DerpMap> = self.held.iter().map(|held| held.map.clone()).collect::<Option<_>>()?;
        let (without, own, read) = (self.without.clone(), self.made_of.clone(), Arc::clone(&self.read));
        Some(move || Made::of(&included, &without, own.as_ref(), &read))
    }

    /// Serves what was made unless something is wrong with it.
    fn put(&self, made: Made) {
        let (known, mut faults) = (self.served.faults(), self.faults_of_parts());
        for fault in made.told.iter().filter(|fault| !known.contains(fault)) {
            tracing::warn!("{fault}");
        }
        for fault in made.wrong.iter().filter(|fault| !known.contains(fault)) {
            tracing::error!(err = fault, "the maps do not go together, so what was served before stays");
        }
        faults.extend(made.told);
        if made.wrong.is_empty() && !made.text.is_empty() && !self.served.is(&made.text) {
            self.served.put(made.text, self.clock.wall());
            tracing::info!(regions = made.regions, "another map is served");
        }
        faults.extend(made.wrong);
        self.served.set_faults(faults);
    }

    fn faults_of_parts(&self) -> Vec<String> {
        self.held.iter().flat_map(Held::all_faults).collect()
    }
}

/// All maps in one, and what is to be said of it.
#[derive(Debug, Default)]
struct Made {
    /// JSON; empty without a region.
    text: String,
    regions: usize,
    /// What was left out, a line each.
    told: Vec<String>,
    /// Why it must not be served, a line each.
    wrong: Vec<String>,
}

impl Made {
    fn of(included: &[DerpMap], without: &[String], own: Option<&Entry>, read: &ReadMap) -> Self {
        let (map, told) = assemble(included, without, own);
        let regions = map.regions.len();
        if regions == 0 {
            return Self { told, ..Self::default() };
        }
        match map.to_json() {
            Ok(text) => {
                let text = format!("{text}\n");
                let wrong =
                    read(WHOLE, &text).err().map(|lines| shortened(&lines, WHOLE)).unwrap_or_default();
                Self { text, regions, told, wrong }
            }
            Err(err) => Self { regions, told, wrong: vec![err.to_string()], ..Self::default() },
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
