//! The settings there are.

/// A setting that some scenarios have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`Settings` has the same names, with what they mean")]
pub enum Knob {
    Pattern,
    Pairs,
    Clients,
    Size,
    Rate,
    Burst,
    InFlight,
    ProbeRate,
    ConnectRate,
    Takes,
    ReceiveBuffer,
    IdleBeside,
    Outstanding,
    Diallers,
    Duration,
    WarmUp,
    Threads,
    Seed,
}

impl Knob {
    /// Its flag, without the dashes.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Pairs => "pairs",
            Self::Clients => "clients",
            Self::Size => "size",
            Self::Rate => "rate",
            Self::Burst => "burst",
            Self::InFlight => "in-flight",
            Self::ProbeRate => "probe-rate",
            Self::ConnectRate => "connect-rate",
            Self::Takes => "takes",
            Self::ReceiveBuffer => "receive-buffer",
            Self::IdleBeside => "idle-beside",
            Self::Outstanding => "outstanding",
            Self::Diallers => "diallers",
            Self::Duration => "duration",
            Self::WarmUp => "warm-up",
            Self::Threads => "threads",
            Self::Seed => "seed",
        }
    }
}
