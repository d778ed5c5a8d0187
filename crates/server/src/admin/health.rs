//! Whether the relay can serve, and if not, why.

use std::fmt;

/// A part of the relay that can be at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The certificates that are served, or those on disk that cannot be.
    Certificates,
    /// The list of those who may use the relay.
    Admission,
    /// A TCP listener.
    Listener,
    /// A STUN socket.
    Stun,
    /// The threads that serve connections.
    Workers,
    /// The memory for what waits.
    Memory,
    /// The map that is served.
    Map,
    /// The settings, as they are written now.
    Settings,
    /// The relay is going down.
    Draining,
}

impl Part {
    /// The word in front of a line of `/readyz`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Admission => "admission",
            Self::Listener => "listener",
            Self::Stun => "stun",
            Self::Workers => "workers",
            Self::Memory => "memory",
            Self::Map => "map",
            Self::Settings => "settings",
            Self::Draining => "draining",
        }
    }
}

/// What is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct Fault {
    /// Which part.
    pub part: Part,
    /// What is wrong and what to do.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One fault is one line, whatever a message from below holds.
        write!(f, "{}: {}", self.part.name(), self.problem.lines().collect::<Vec<_>>().join(" "))
    }
}

/// How the relay is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever runs the relay")]
pub struct Health {
    /// What keeps it from being ready: any of these makes `/readyz` say 503.
    pub faults: Vec<Fault>,
    /// What somebody should look at though it is ready, such as a certificate that ends soon.
    pub notes: Vec<Fault>,
}

impl Health {
    /// Whether nothing is at fault.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.faults.is_empty()
    }

    /// The body of `/readyz`.
    pub(super) fn text(&self) -> String {
        let mut text = if self.is_ready() { "ready\n".to_owned() } else { String::new() };
        for fault in &self.faults {
            text += &format!("{fault}\n");
        }
        for note in &self.notes {
            text += &format!("note: {note}\n");
        }
        text
    }
}
