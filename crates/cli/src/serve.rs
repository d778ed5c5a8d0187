//! `wherry serve`: settings to a running relay, until a signal ends it.

use std::{io, sync::Arc};

use tokio::signal::unix::{Signal, SignalKind, signal};
use wherry_server::{
    config::{Effective, Settings},
    run::Running,
};

use crate::{
    entry,
    failure::{Failure, SystemError},
    log, map, output,
    reload::Written,
    runtime, service,
    settings::Asked,
};

/// Runs the relay until SIGTERM or SIGINT.
pub(crate) fn run(asked: Asked) -> Result<(), Failure> {
    let sources = asked.sources.clone();
    let Effective { settings, survey, .. } = asked.load()?;
    log::start(&settings.log)?;
    runtime::run(serve(&settings, Some(Written { sources, in_force: survey })))?
}

/// Runs a relay of these settings, which are written nowhere, until SIGTERM or SIGINT; the log is up already.
pub(crate) fn run_settings(settings: &Settings) -> Result<(), Failure> {
    runtime::run(serve(settings, None))?
}

async fn serve(settings: &Settings, mut written: Option<Written>) -> Result<(), Failure> {
    // Before anything is bound: a signal that comes early still ends it in order.
    let mut signals = Signals::new().map_err(SystemError::Start)?;
    let running = Running::start(settings, Arc::new(map::read))?;
    announce(settings, &running)?;
    service::is_ready();
    while let Asks::Reload = signals.next().await {
        tracing::info!("reloading settings, certificates, lists and maps");
        service::is_reloading();
        // Before the list is read again, which may be another one now.
        if let Some(written) = &mut written {
            // Files may hang, which must keep nobody from stopping the relay.
            let later = tokio::select! {
                later = written.read() => later,
                () = signals.stop() => break,
            };
            running.judge_settings(written.take(later, &running));
        }
        running.reload();
        service::is_ready();
    }
    tracing::info!("stopping; a second signal stops at once");
    service::is_stopping();
    tokio::select! {
        () = running.drain() => {}
        () = signals.stop() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

/// Says where the relay listens and prints its map.
fn announce(settings: &Settings, running: &Running) -> Result<(), SystemError> {
    let (addresses, own) = (running.addresses(), running.entry());
    if own.is_none() {
        tracing::info!(reason = no_entry(settings), "no map to print or to serve");
    }
    let mebibytes = settings.limits.memory >> 20;
    tracing::info!(mebibytes, "bound on the memory of all that waits together (limits.memory)");
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        tls = ?addresses.tls,
        plain = ?addresses.plain,
        http = ?addresses.http,
        stun = ?addresses.stun,
        admin = addresses.admin.map(tracing::field::display),
        admit = %settings.admit,
        "serving"
    );
    let Some(own) = own else { return Ok(()) };
    match entry::text(&own) {
        Ok(text) => output::print(&text),
        Err(err) => {
            tracing::error!(%err, "cannot write the map entry");
            Ok(())
        }
    }
}

/// Why there is no entry for maps, and what would make one.
fn no_entry(settings: &Settings) -> &'static str {
    if !settings.derp {
        "derp is false, so clients are not to make it their home"
    } else if settings.hostnames.is_empty() {
        "hostname is not set, so nobody knows what to dial"
    } else {
        "no listener speaks TLS; if a proxy does, set map.port to its port"
    }
}

/// What a signal asks for.
enum Asks {
    Stop,
    Reload,
}

/// The signals the relay heeds.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asks {
        tokio::select! {
            _ = self.terminate.recv() => Asks::Stop,
            _ = self.interrupt.recv() => Asks::Stop,
            _ = self.hangup.recv() => Asks::Reload,
        }
    }

    async fn stop(&mut self) {
        while let Asks::Reload = self.next().await {}
    }
}
