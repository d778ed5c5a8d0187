//! A relay that runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use wherry_wire::derp_map::Entry;

use super::entry::OwnEntry;
use super::error::StartError;
use super::facts::Site;
use super::shortage::{self, Shortage};
use super::start::{Built, build};
use super::workers::WorkerThread;
use crate::admin::{self, Addresses, Health};
use crate::admission::{ListError, Removed};
use crate::clock::Clock;
use crate::config::{Admit, Settings};
use crate::listen::{Door, Face, accept};
use crate::map::{Keeper, ReadMap};
use crate::metrics::CloseReason;
use crate::stun::{Responder, Voice};

/// How long clients have to take what is on its way to them when the relay stops.
const DRAIN: Duration = Duration::from_secs(3);

/// A relay at work. Dropping it ends everything at once; [`Self::drain`] ends it in order.
#[derive(Debug)]
pub struct Running {
    site: Arc<Site>,
    /// What a map has to say of it.
    own: OwnEntry,
    /// Whether STUN answers.
    voice: Voice,
    responders: Vec<Responder>,
    /// Accept loops, and the watches over files.
    tasks: JoinSet<()>,
    /// The private listener, which answers to the end.
    watch: JoinSet<()>,
    /// Last: connections end after everything that could bring new ones.
    workers: Vec<WorkerThread>,
}

impl Running {
    /// Starts a relay within the tokio runtime of the caller, which does the accepting and the handshakes; connections
    /// get threads of their own. Maps that it includes are read by `read`.
    ///
    /// # Errors
    /// Whatever keeps it from starting; nothing is left running then.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(settings: &Settings, read: ReadMap) -> Result<Self, StartError> {
        let Built { door, new_key, certs, workers, metrics, listeners, admin, stun } =
            build(settings, Clock::start())?;
        let mut addresses = Addresses::default();
        let mut tasks = JoinSet::new();
        for (listener, face) in listeners {
            if let Ok(addr) = listener.local_addr() {
                match face {
                    Face::Tls(_) => addresses.tls.push(addr),
                    Face::Plain => addresses.plain.push(addr),
                    Face::Port80 => addresses.http.push(addr),
                }
            }
            tasks.spawn(accept(listener, face, Arc::clone(&door)));
        }
        if let Some(path) = new_key {
            tracing::info!(path = %path.display(), "made a node key; if this relay had one, it is at another path");
        }
        if let Some(certs) = &certs {
            if let Some(path) = certs.made() {
                tracing::warn!(
                    path = %path.display(),
                    "made a self-signed certificate: its pin is not in any map yet; if this relay had one, it is at another path"
                );
            }
            certs.warn_of_doubts();
            tasks.spawn(Arc::clone(certs).watch());
        }
        tasks.spawn(watch_list(Arc::clone(&door)));
        let voice = Voice::new(true);
        let responders = stun
            .into_iter()
            .map(|socket| socket.serve(voice.clone(), metrics.stun()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(StartError::Thread)?;
        addresses.stun = responders.iter().map(Responder::local_addr).collect();
        addresses.admin = admin.as_ref().and_then(|listener| listener.local_addr().ok());
        let own = OwnEntry::new(settings, &addresses, certs.clone());
        if let Some(served) = &door.site.map {
            let entry = Box::new({
                let own = own.clone();
                move || own.now()
            });
            let (served, clock) = (Arc::clone(served), door.relay.clock);
            let is_meshed = settings.mesh_key.is_some();
            let keeper =
                Keeper::new(&settings.map, &settings.state_dir, entry, is_meshed, read, served, clock)?;
            tasks.spawn(keeper.keep());
        }
        let hostnames = settings.hostnames.clone();
        let draining = AtomicBool::new(false);
        let shortage = Arc::new(Shortage::default());
        tasks.spawn(shortage::watch(Arc::clone(&door.relay), Arc::clone(&shortage)));
        let settings = Mutex::default();
        let site = Site { door, certs, metrics, addresses, hostnames, draining, shortage, settings };
        let site = Arc::new(site);
        // Not among the tasks: whoever watches the relay sees it drain.
        tasks.spawn(voice_follows_health(voice.clone(), Arc::clone(&site)));
        let mut watch = JoinSet::new();
        if let Some(listener) = admin {
            watch.spawn(admin::serve(listener, Arc::clone(&site) as _));
        }
        Ok(Self { site, own, voice, responders, tasks, watch, workers })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.site.addresses
    }

    /// What a map has to say of this relay; none without a host name and a listener that speaks TLS.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        self.own.now()
    }

    /// Reads certificates, the list and included maps again, whether they changed or not. What cannot be read is logged and the old
    /// kept.
    pub fn reload(&self) {
        if let Some(certs) = &self.site.certs {
            // Logged and shown where it happened.
            drop(certs.reload());
        }
        if let Some(served) = &self.site.door.site.map {
            served.renew();
        }
        if let Ok(removed) = self.site.door.relay.admission.reload() {
            cut_off(&self.site.door, &removed);
        }
    }

    /// Lets `admit` say from now on who may use the relay, and cuts off whom it does not admit; how many connections
    /// those are.
    ///
    /// # Errors
    /// The list cannot be used; what was in force stays so.
    pub fn admit(&self, admit: &Admit) -> Result<usize, ListError> {
        let relay = &self.site.door.relay;
        relay.admission.change(admit)?;
        // Who joins after this look was admitted before, and is judged once more when it has joined.
        Ok(relay.cut_off_strangers())
    }

    /// Replaces what health has to say of the settings as they are written now.
    pub fn judge_settings(&self, health: Health) {
        *self.site.settings.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    /// Stops in order: no new connections, clients are told, and everything is over within a few seconds.
    pub async fn drain(mut self) {
        self.site.draining.store(true, Ordering::Relaxed);
        // First of all, so that clients that measure now choose another relay.
        self.voice.set(false);
        self.tasks.shutdown().await;
        let relay = &self.site.door.relay;
        relay.dismiss();
        let gone = async {
            while !relay.is_empty() {
                relay.left().await;
            }
        };
        if tokio::time::timeout(DRAIN, gone).await.is_err() {
            tracing::warn!(
                conns = relay.switch.counts().conns,
                "clients did not take their farewell in time"
            );
        }
        // Threads are joined here, off the runtime that polls this.
        self.watch.shutdown().await;
        let threads = (std::mem::take(&mut self.workers), std::mem::take(&mut self.responders));
        if tokio::task::spawn_blocking(move || drop(threads)).await.is_err() {
            tracing::error!("stopping the workers failed");
        }
    }
}

/// Cuts off whoever is taken off the list.
async fn watch_list(door: Arc<Door>) {
    loop {
        let removed = door.relay.admission.revoked().await;
        cut_off(&door, &removed);
    }
}

fn cut_off(door: &Door, removed: &[Removed]) {
    for Removed { key, name } in removed {
        tracing::info!(peer = %key.short(), name = name.as_deref(), "taken off the list");
        door.relay.cut_off(key, CloseReason::Revoked);
    }
}

/// How often it is judged whether the relay can serve.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Keeps STUN silent while clients could not use the relay: they choose the relay that answers first.
async fn voice_follows_health(voice: Voice, site: Arc<Site>) {
    loop {
        tokio::time::sleep(JUDGE_EVERY).await;
        let can_serve = site.can_serve();
        if can_serve != voice.speaks() {
            tracing::warn!(can_serve, "STUN {}", if can_serve { "answers again" } else { "falls silent" });
            voice.set(can_serve);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroUsize;

    use wherry_wire::derp_map::DerpMap;

    use super::*;
    use crate::admin::Facts as _;
    use crate::config::{Environment, ListenAddr, Sources, load};

    fn read(_: &str, text: &str) -> Result<DerpMap, Vec<String>> {
        DerpMap::from_json(text.as_bytes()).map_err(|err| vec![err.to_string()])
    }

    #[tokio::test]
    async fn a_relay_without_workers_is_not_ready() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().display().to_string();
        let env = Environment::of([("STATE_DIRECTORY", &*state)]);
        let mut settings = load(&Sources { dev: true, env, ..Sources::default() }).unwrap().settings;
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.listen = vec![ListenAddr { addr, tls: false }];
        (settings.admin, settings.stun, settings.http) = (None, Vec::new(), Vec::new());
        settings.workers = NonZeroUsize::new(2);
        let running = Running::start(&settings, Arc::new(read)).unwrap();
        let site = &running.site;
        let told = || {
            let Health { faults, notes } = site.health();
            [faults, notes].map(|told| told.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let says = |at_work: usize| {
            vec![format!("workers: at work: {at_work} of 2; the log says why; restart the relay")]
        };
        let [first, second] = &*site.door.relay.workers else { panic!("two were asked for") };

        assert_eq!((told(), site.can_serve()), ([vec![], vec![]], true));
        first.end();
        assert_eq!((told(), site.can_serve()), ([vec![], says(1)], true));
        second.end();
        assert_eq!((told(), site.can_serve()), ([says(0), vec![]], false));
    }
}
