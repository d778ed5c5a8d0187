//! Whether the lab is to end before its time: whatever waits, and whatever makes something, looks here.

use std::sync::OnceLock;

/// Why it is, once it is.
static STOPPED: OnceLock<&str> = OnceLock::new();

/// Lets everything end.
pub(crate) fn now(why: &'static str) {
    // The first reason is the one that counts.
    STOPPED.get_or_init(|| why);
}

/// Asked by whatever waits, and before anything is made.
///
/// # Errors
/// The lab is to end; says why.
pub(crate) fn go_on() -> Result<(), String> {
    STOPPED.get().map_or(Ok(()), |why| Err(format!("stopped: {why}")))
}
