//! Progress on a terminal, and the key that stops a run.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use wherry_bench::Watch;

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows a bar if stderr is a terminal, and ends the run at the first Ctrl-C.
pub(super) struct Progress {
    bar: ProgressBar,
    is_stopped: Arc<AtomicBool>,
}

impl Progress {
    /// Starts to listen for Ctrl-C; a second one ends the program as usual.
    ///
    /// # Errors
    /// The system lets nobody listen.
    pub(super) fn start() -> io::Result<Self> {
        let bar = if io::stderr().is_terminal() { ProgressBar::new(STEPS) } else { ProgressBar::hidden() };
        let style =
            ProgressStyle::with_template("{bar:30} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Within the runtime, so that the signal is caught from here on.
        let guard = runtime.enter();
        let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        drop(guard);
        let stop = Arc::clone(&is_stopped);
        thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async {
                while interrupts.recv().await.is_some() {
                    if stop.swap(true, Ordering::Relaxed) {
                        // As a shell reports a program that this signal ended.
                        std::process::exit(130);
                    }
                }
            });
        })?;
        Ok(Self { bar, is_stopped })
    }

    /// Clears the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Progress {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share from 0 to 1; whatever else it is, the cast stays in bounds"
    )]
    fn progress(&self, phase: &str, share: f64) {
        if self.bar.message() != phase {
            self.bar.set_message(phase.to_owned());
        }
        self.bar.set_position((share * STEPS as f64) as u64);
    }

    fn goes_on(&self) -> bool {
        !self.is_stopped.load(Ordering::Relaxed)
    }
}
