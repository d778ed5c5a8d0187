//! What was found.

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "there are four on purpose")]
pub enum Mark {
    /// As it should be.
    Ok,
    /// It could not be looked at from here, or does not apply.
    Skipped,
    /// It works, but not well, not for all, or not for long.
    Warning,
    /// Clients fail on it.
    Error,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Part {
    /// The settings of a relay on this host.
    Config,
    /// The files that they name: certificates, the admission list.
    Files,
    /// Its addresses on this host, and who has them.
    Listen,
    /// Whether it runs, and what it says of itself.
    Running,
    /// How many files, and so connections, it may have open.
    Limit,
    /// The socket of a tailscaled on this host.
    Tailscaled,
    /// The entry of the map, where nobody could be dialled by it.
    Entry,
    /// Whether the host's name has an address.
    Name,
    /// The TCP port.
    Port,
    /// TLS, and whether clients accept the certificate.
    Tls,
    /// How long the certificate is good for.
    Expiry,
    /// The relay's clock beside this host's.
    Clock,
    /// The HTTP upgrade and the DERP handshake.
    Derp,
    /// Who is let in.
    Admission,
    /// IPv4 and IPv6 by themselves.
    Families,
    /// STUN.
    Stun,
    /// Whether the relays of a region forward to each other.
    Mesh,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How it stands.
    pub mark: Mark,
    /// What was looked at.
    pub part: Part,
    /// What was found.
    pub found: String,
    /// What to do; none where nothing is wrong.
    pub remedy: Option<String>,
}

impl Mark {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Part {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Files => "files",
            Self::Listen => "listen",
            Self::Running => "running",
            Self::Limit => "limit",
            Self::Tailscaled => "tailscaled",
            Self::Entry => "entry",
            Self::Name => "name",
            Self::Port => "port",
            Self::Tls => "tls",
            Self::Expiry => "expiry",
            Self::Clock => "clock",
            Self::Derp => "derp",
            Self::Admission => "admission",
            Self::Families => "families",
            Self::Stun => "stun",
            Self::Mesh => "mesh",
        }
    }
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(part: Part, found: impl Into<String>) -> Self {
        Self { mark: Mark::Ok, part, found: found.into(), remedy: None }
    }

    /// It could not be looked at, for this reason.
    #[must_use]
    pub fn skipped(part: Part, found: impl Into<String>) -> Self {
        Self { mark: Mark::Skipped, part, found: found.into(), remedy: None }
    }

    /// A warning, and what to do.
    #[must_use]
    pub fn warning(part: Part, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Warning, part, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// An error, and what to do.
    #[must_use]
    pub fn error(part: Part, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Error, part, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// Whether it is something to mend.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.mark >= Mark::Warning
    }
}
