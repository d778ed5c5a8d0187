//! Settings that are read again while the relay runs.

use wherry_server::{
    admin::{Fault, Health, Part},
    config::{Admit, Effective, Problems, Row, Sources, Survey, load},
    run::Running,
};

/// The key that a reload takes; what every other one made is there already, and bound.
const TAKEN: &str = "admit";

/// Where the settings of a relay are written, and what they came to.
pub(crate) struct Written {
    pub(crate) sources: Sources,
    pub(crate) in_force: Survey,
}

impl Written {
    /// Reads them again, for [`take`](Self::take). Cancel-safe.
    pub(crate) async fn read(&self) -> Result<Effective, Problems> {
        let sources = self.sources.clone();
        let read = tokio::task::spawn_blocking(move || load(&sources));
        read.await.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))
    }

    /// Takes who may use the relay from what was read. Whatever else is new is said to wait for a restart, in the log
    /// and in what this returns; mistakes leave all as it was.
    pub(crate) fn take(&mut self, read: Result<Effective, Problems>, running: &Running) -> Health {
        let mut health = Health::default();
        let later = match read {
            Ok(later) => later,
            Err(problems) => {
                for problem in &problems.all {
                    tracing::error!(err = %problem, "settings not read again; those before stay in force");
                    health.faults.push(fault(format!(
                        "{problem}; mend it, then reload again: what was before is in force"
                    )));
                }
                return health;
            }
        };
        let mut taken = None;
        for (before, now) in self.in_force.changes(&later.survey) {
            // What follows from other settings waits for them.
            if now.key == TAKEN && !now.origin.is_preset() {
                match admit(before, now, &later.settings.admit, running) {
                    Ok(()) => taken = Some(now.clone()),
                    Err(fault) => health.faults.push(fault),
                }
                continue;
            }
            let (key, before, now) = (now.key, before.value(), now.value());
            tracing::warn!(key, before, now, "setting changed: it takes effect on a restart");
            health.notes.push(fault(format!(
                "{key} is {before}, though {now} is written: it takes effect on a restart; systemctl restart wherry"
            )));
        }
        if let Some(now) = taken
            && let Some(before) = self.in_force.rows.iter_mut().find(|row| row.key == now.key)
        {
            *before = now;
        }
        health
    }
}

/// Changes who may use the relay.
fn admit(before: &Row, now: &Row, admit: &Admit, running: &Running) -> Result<(), Fault> {
    let (was, is) = (before.value(), now.value());
    match running.admit(admit) {
        Ok(cut_off) => {
            tracing::warn!(before = was, now = is, cut_off, "admission changed");
            Ok(())
        }
        Err(err) => {
            tracing::error!(%err, before = was, now = is, "admission not changed; the one before stays in force");
            Err(fault(format!(
                "{err}, so admit is {was}, though {is} is written; mend the list, then reload again"
            )))
        }
    }
}

fn fault(problem: String) -> Fault {
    Fault { part: Part::Settings, problem }
}
