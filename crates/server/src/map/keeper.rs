//! Keeping the map fresh.

use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use wherry_client::Trust;
use wherry_wire::derp_map::{DerpMap, Entry};

use super::assemble::assemble;
use super::include::{Fetcher, Held, RETRY, shortened};
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
    /// What came of each of `held`.
    known: Vec<Known>,
    without: Vec<String>,
    refresh: Duration,
    clock: Clock,
    fetcher: Arc<Fetcher>,
    /// Of what the whole was made last.
    made_of: Option<Entry>,
    /// When it is made again because it could not be made, by the clock.
    owed: Option<Duration>,
}

/// What is known of an included map, while it may be read again.
#[derive(Debug)]
struct Known {
    map: Option<Arc<DerpMap>>,
    faults: Vec<String>,
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
        let held: Vec<_> = settings.include.iter().map(held).collect();
        let known = held.iter().map(Known::of).collect();
        let (without, refresh) = (settings.without.clone(), settings.refresh);
        let fetcher = Arc::new(Fetcher::new(|| Trust::system([])));
        let (made_of, owed) = (None, None);
        let mut keeper =
            Self { served, own, read, held, known, without, refresh, clock, fetcher, made_of, owed };
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

    /// Reads what is due, or all, side by side, and serves what comes of it; until all have answered once a second.
    async fn look(&mut self, all: bool) {
        let (now, refresh) = (self.clock.now(), self.refresh);
        let (read, fetcher) = (Arc::clone(&self.read), Arc::clone(&self.fetcher));
        let mut held = mem::take(&mut self.held);
        let look = async |(at, held): (usize, &mut Held)| {
            let is_news = held.look(all, &read, &fetcher, now, refresh).await;
            is_news.then(|| (at, Known::of(held)))
        };
        let mut looks: FuturesUnordered<_> = held.iter_mut().enumerate().map(look).collect();
        let mut ticks = interval(LOOK_EVERY);
        let mut is_news = self.owed.is_some_and(|due| all || now >= due);
        loop {
            tokio::select! {
                looked = looks.next() => match looked {
                    None => break,
                    Some(None) => {}
                    Some(Some((at, known))) => {
                        is_news = true;
                        if let Some(place) = self.known.get_mut(at) {
                            *place = known;
                        }
                    }
                },
                _ = ticks.tick() => self.renew(mem::take(&mut is_news)).await,
            }
        }
        drop(looks);
        self.held = held;
        self.renew(is_news).await;
    }

    /// Serves the whole of what is known now, if there is news or the own entry is another.
    async fn renew(&mut self, is_news: bool) {
        if !is_news && (self.own)() == self.made_of {
            return;
        }
        self.owed = None;
        match self.whole().map(spawn_blocking) {
            None => self.served.set_faults(self.faults_of_parts()),
            Some(making) => match making.await {
                Ok(made) => self.put(made),
                Err(err) => self.owe(&err),
            },
        }
    }

    /// What makes the whole of what is known now, if all of it is. It takes long with long maps.
    fn whole(&mut self) -> Option<impl FnOnce() -> Made + use<>> {
        self.made_of = (self.own)();
        let included: Vec<_> = self.known.iter().map(|known| known.map.clone()).collect::<Option<_>>()?;
        let (without, own, read) = (self.without.clone(), self.made_of.clone(), Arc::clone(&self.read));
        Some(move || Made::of(&included, &without, own.as_ref(), &read))
    }

    /// The whole could not be made, which is tried again.
    fn owe(&mut self, err: &JoinError) {
        tracing::error!(%err, "the map could not be put together, so what was served before stays");
        let mut faults = self.faults_of_parts();
        faults.push(format!("{WHOLE}: they could not be put together: {err}; what was served before stays"));
        self.served.set_faults(faults);
        self.owed = Some(self.clock.now().saturating_add(RETRY));
    }

    /// Serves what was made unless something is wrong with it.
    fn put(&self, mut made: Made) {
        if made.regions == 0 && (self.served.page().is_some() || !self.known.is_empty()) {
            made.wrong.push(format!(
                "{WHOLE}: no region is left of them, and this relay has no entry of its own; see map.without and hostname"
            ));
        }
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
            tracing::info!(regions = made.regions, "map served");
        }
        faults.extend(made.wrong);
        self.served.set_faults(faults);
    }

    fn faults_of_parts(&self) -> Vec<String> {
        self.known.iter().flat_map(|known| known.faults.iter().cloned()).collect()
    }
}

impl Known {
    fn of(held: &Held) -> Self {
        Self { map: held.map.clone(), faults: held.all_faults().collect() }
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
    fn of(included: &[Arc<DerpMap>], without: &[String], own: Option<&Entry>, read: &ReadMap) -> Self {
        let (map, told) = assemble(included.iter().map(Arc::as_ref), without, own);
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
