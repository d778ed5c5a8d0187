//! Keeping the map fresh.

use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval};
use wherry_client::Trust;
use wherry_wire::derp_map::{DerpMap, Entry};

use super::assemble::assemble;
use super::include::{Fetcher, Held, RETRY, shortened};
use super::read::ReadMap;
use super::ring::{RelayId, Word};
use super::served::Served;
use crate::clock::{Clock, NoEntropy};
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
    id: RelayId,
    read: ReadMap,
    parts: Vec<Part>,
    /// Those that are being looked at: each by itself, for one that hangs is to keep nobody else waiting.
    looks: FuturesUnordered<BoxFuture<'static, Looked>>,
    without: Vec<String>,
    /// Whether this relay forwards to others of its region.
    is_meshed: bool,
    refresh: Duration,
    clock: Clock,
    fetcher: Arc<Fetcher>,
    /// Whether something was read of which the whole was not made yet.
    is_news: bool,
    /// Of what the whole was made last.
    made_of: Option<Entry>,
    /// When it is made again because it could not be made, by the clock.
    owed: Option<Duration>,
}

/// An included map, and what is known of it while it may be read again.
#[derive(Debug)]
struct Part {
    /// None while it is looked at.
    held: Option<Held>,
    /// Whether it is to be read whatever it is like, for somebody asked while it was looked at.
    is_asked: bool,
    map: Option<Arc<DerpMap>>,
    /// As in [`Held`].
    word: Option<Word>,
    faults: Vec<String>,
}

/// Which part was looked at, and whether that brought news.
struct Looked {
    at: usize,
    held: Held,
    is_news: bool,
}

impl Keeper {
    /// The own entry and what was kept of included maps in `state_dir` are served from here on; nothing if one of them was
    /// never read.
    ///
    /// # Errors
    /// [`NoEntropy`], from which it takes what tells this relay from others that include it.
    pub fn new(
        settings: &MapSettings,
        state_dir: &Path,
        own: Own,
        is_meshed: bool,
        read: ReadMap,
        served: Arc<Served>,
        clock: Clock,
    ) -> Result<Self, NoEntropy> {
        let id = RelayId::of(clock.random()?);
        let part = |include: &Include| Part::of(Held::new(include.clone(), state_dir, &read));
        let parts = settings.include.iter().map(part).collect();
        let (without, refresh) = (settings.without.clone(), settings.refresh);
        let (looks, fetcher) = (FuturesUnordered::new(), Arc::new(Fetcher::new(|| Trust::system([]))));
        let (is_news, made_of, owed) = (false, None, None);
        let mut keeper = Self {
            served,
            own,
            id,
            read,
            parts,
            looks,
            without,
            is_meshed,
            refresh,
            clock,
            fetcher,
            is_news,
            made_of,
            owed,
        };
        let made = keeper.make()();
        keeper.put(made);
        Ok(keeper)
    }

    /// Keeps the map fresh until dropped.
    pub async fn keep(mut self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.step(&mut ticks).await;
        }
    }

    /// Waits for the next thing to do, and does it.
    async fn step(&mut self, ticks: &mut Interval) {
        let served = Arc::clone(&self.served);
        tokio::select! {
            _ = ticks.tick() => self.begin(false).await,
            () = served.asked_to_renew() => self.begin(true).await,
            Some(looked) = self.looks.next() => self.end(looked).await,
        }
    }

    /// Begins to look at each map that nobody looks at now, and to read what is due, or all; serves what came until now.
    async fn begin(&mut self, all: bool) {
        let (clock, refresh) = (self.clock, self.refresh);
        for (at, part) in self.parts.iter_mut().enumerate() {
            part.is_asked |= all;
            let Some(mut held) = part.held.take() else { continue };
            let anyway = mem::take(&mut part.is_asked);
            let (read, fetcher) = (Arc::clone(&self.read), Arc::clone(&self.fetcher));
            self.looks.push(Box::pin(async move {
                let is_news = held.look(anyway, &read, &fetcher, || clock.now(), refresh).await;
                Looked { at, held, is_news }
            }));
        }
        self.is_news |= self.owed.is_some_and(|due| all || clock.now() >= due);
        self.renew().await;
    }

    /// Takes in what a look brought; serves it if no other is to come, else with theirs.
    async fn end(&mut self, looked: Looked) {
        let Looked { at, held, is_news } = looked;
        self.is_news |= is_news;
        if let Some(part) = self.parts.get_mut(at) {
            *part = Part { is_asked: part.is_asked, ..Part::of(held) };
        }
        if self.looks.is_empty() {
            self.renew().await;
        }
    }

    /// Serves the whole of what is known now, if there is news or the own entry is another.
    async fn renew(&mut self) {
        if !mem::take(&mut self.is_news) && (self.own)() == self.made_of {
            return;
        }
        self.owed = None;
        match spawn_blocking(self.make()).await {
            Ok(made) => {
                if made.word.is_whole() {
                    self.settle();
                }
                self.put(made);
            }
            Err(err) => self.owe(&err),
        }
    }

    /// What makes the whole of what is known now, or as much of it as is known. It takes long with long maps.
    fn make(&mut self) -> impl FnOnce() -> Made + use<> {
        self.made_of = (self.own)();
        let words: Vec<_> =
            self.parts.iter().map(|part| part.map.as_ref().map(|_| part.word.as_ref())).collect();
        let word = Word::on(self.id, &words);
        let included: Vec<_> = self.parts.iter().filter_map(|part| part.map.clone()).collect();
        let (without, own, read) = (self.without.clone(), self.made_of.clone(), Arc::clone(&self.read));
        let is_meshed = self.is_meshed;
        move || {
            let (map, told) = assemble(included.iter().map(Arc::as_ref), &without, own.as_ref(), is_meshed);
            Made::of(word, &map, told, &read)
        }
    }

    /// The whole could not be made, which is tried again.
    fn owe(&mut self, err: &JoinError) {
        tracing::error!(%err, "the map could not be put together, so what was served before stays");
        let mut faults = self.faults_of_parts();
        faults.push(format!("{WHOLE}: they could not be put together: {err}; what was served before stays"));
        self.served.set_faults(faults);
        self.owed = Some(self.clock.now().saturating_add(RETRY));
    }

    /// Together the parts lack nothing: from now on no smaller part takes the place of one of them.
    fn settle(&mut self) {
        for part in &mut self.parts {
            part.word = None;
            if let Some(held) = &mut part.held {
                held.word = None;
            }
        }
    }

    /// Serves what was made unless something is wrong with it.
    fn put(&self, mut made: Made) {
        let word = made.word.to_string();
        if !made.word.is_whole() {
            // What it lacks may be what mends it, and what was served before stays.
            self.served.put_unfinished(made.text, word);
            return self.served.set_faults(self.faults_of_parts());
        }
        self.served.put_unfinished(String::new(), word.clone());
        if made.regions == 0 && (self.served.page().is_some() || !self.parts.is_empty()) {
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
            self.served.put(made.text, word, self.clock.wall());
            tracing::info!(regions = made.regions, "map served");
        }
        faults.extend(made.wrong);
        self.served.set_faults(faults);
    }

    fn faults_of_parts(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| part.faults.iter().cloned()).collect()
    }
}

impl Part {
    fn of(held: Held) -> Self {
        Self {
            is_asked: false,
            map: held.map.clone(),
            word: held.word.clone(),
            faults: held.all_faults().collect(),
            held: Some(held),
        }
    }
}

/// All maps in one, and what is to be said of it.
#[derive(Debug)]
struct Made {
    /// What it lacks.
    word: Word,
    /// JSON; empty without a region.
    text: String,
    regions: usize,
    /// What was left out, a line each.
    told: Vec<String>,
    /// Why it must not be served, a line each.
    wrong: Vec<String>,
}

impl Made {
    fn of(word: Word, map: &DerpMap, told: Vec<String>, read: &ReadMap) -> Self {
        let regions = map.regions.len();
        if regions == 0 {
            return Self { word, text: String::new(), regions, told, wrong: Vec::new() };
        }
        match map.to_json() {
            Ok(text) => {
                let text = format!("{text}\n");
                let mut wrong =
                    read(WHOLE, &text).err().map(|lines| shortened(&lines, WHOLE)).unwrap_or_default();
                let mut nodes = map.live_regions().flat_map(|(_, region)| &region.nodes);
                if wrong.is_empty() && nodes.all(|node| node.stun_only) {
                    wrong.push(format!(
                        "{WHOLE}: nobody in them relays, and this relay has no entry of its own, so clients that have no other map \
                         would be cut off; include a map with relays, or set hostname"
                    ));
                }
                Self { word, text, regions, told, wrong }
            }
            Err(err) => Self { word, text: String::new(), regions, told, wrong: vec![err.to_string()] },
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("parts", &self.parts).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
