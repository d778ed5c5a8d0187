//! Whoever runs the process as a service, systemd as a rule: it is told how the relay is, where it asks by `NOTIFY_SOCKET`.
//!
//! Source: sd_notify(3).

use sd_notify::NotifyState;

/// It serves: every address is bound.
pub(crate) fn is_ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its files again, until it is ready.
pub(crate) fn is_reloading() {
    // What a unit with Type=notify-reload tells this reload by from one before.
    let now = NotifyState::monotonic_usec_now().ok();
    tell(&[NotifyState::Reloading].into_iter().chain(now).collect::<Vec<_>>());
}

/// It ends.
pub(crate) fn is_stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(err) = sd_notify::notify(states) {
        tracing::warn!(%err, "cannot tell the service manager how the relay is (NOTIFY_SOCKET)");
    }
}
