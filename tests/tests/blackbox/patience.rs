//! Runs the tests that mostly wait: all of them at once, beside the others.
//!
//! The runner has as many threads as cores, so waiting one after the other would take minutes. Whatever test comes
//! first starts all scenarios in threads of their own; the tests named after them only collect the outcomes. They
//! stand in the module that sorts last.

use crate::waits;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use wherry_tests::Subject;
use wherry_tests::settings::settings;
use wherry_tests::subject::Shared;

/// The shared subject of nearly all tests.
pub(crate) fn relay() -> Option<Shared> {
    begin();
    Shared::tls()
}

/// A scenario that takes long by nature.
pub(crate) struct Waiting {
    scenario: fn(&'static Subject),
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Waiting {
    pub(crate) const fn new(scenario: fn(&'static Subject)) -> Self {
        Self { scenario, thread: Mutex::new(None) }
    }

    fn begin(&'static self, relay: &'static Subject) {
        let thread = std::thread::spawn(move || (self.scenario)(relay));
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Waits for the end of the scenario and fails as it failed.
    pub(crate) fn collect(&'static self) {
        let Some(relay) = relay() else { return };
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return (self.scenario)(relay.subject()) };
        let Err(why) = thread.join() else { return };
        // What the thread printed went to the test that started it.
        match why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied())
        {
            Some(message) => panic!("{message}"),
            None => resume_unwind(why),
        }
    }
}

/// With one process for each test there is nothing to share: each waits for itself then.
fn begin() {
    // Not `Once`: if the subject does not start, each test is to say why.
    static BEGUN: OnceLock<()> = OnceLock::new();
    if settings().process_per_test {
        return;
    }
    BEGUN.get_or_init(|| {
        if let Some(relay) = Shared::tls() {
            waits::ALL.iter().for_each(|waiting| waiting.begin(relay.subject()));
        }
    });
}
