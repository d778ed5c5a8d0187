//! The arguments.

use clap::Args;
use wherry_client::{Family, Pin, Verify};

/// Which relay, and what of its entry not to believe.
#[derive(Debug, Args)]
pub(crate) struct SubjectArgs {
    /// URL, host or host:port, or an entry of a DERP map: a file, `-` for stdin, or the JSON itself. Words around an
    /// entry do not matter: what `wherry serve` prints will do
    #[arg(value_name = "RELAY")]
    pub(super) relay: String,

    #[command(flatten)]
    pub(super) flags: SubjectFlags,
}

/// What of an entry not to believe.
#[derive(Debug, Args)]
pub(crate) struct SubjectFlags {
    /// Pin (sha256-raw:…) of the one certificate to accept, whatever the entry says
    #[arg(long, conflicts_with = "insecure")]
    pub(super) pin: Option<Pin>,

    /// Accept any certificate, whatever the entry says
    #[arg(long)]
    pub(super) insecure: bool,

    /// UDP port of STUN, or `off`, whatever the entry says
    #[arg(long, value_name = "PORT", value_parser = stun_port)]
    pub(super) stun_port: Option<StunPort>,

    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    pub(super) v4: bool,

    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(super) v6: bool,
}

/// What `--stun-port` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StunPort {
    Off,
    At(u16),
}

impl SubjectArgs {
    /// What of its entry not to believe.
    pub(crate) fn flags(&self) -> &SubjectFlags {
        &self.flags
    }

    /// The only family to use, if one was chosen.
    pub(crate) fn family(&self) -> Option<Family> {
        self.flags.family()
    }
}

impl SubjectFlags {
    /// Which certificate they say is good, if they do.
    pub(crate) fn verify(&self) -> Option<Verify> {
        self.pin.map(Verify::Pin).or_else(|| self.insecure.then_some(Verify::Nothing))
    }

    /// Whether they say where STUN is.
    pub(crate) const fn name_stun(&self) -> bool {
        self.stun_port.is_some()
    }

    /// The only family to use, if one was chosen.
    pub(super) fn family(&self) -> Option<Family> {
        match (self.v4, self.v6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }
}

pub(crate) fn stun_port(text: &str) -> Result<StunPort, String> {
    match text {
        "off" => Ok(StunPort::Off),
        _ => match text.parse() {
            Ok(0) | Err(_) => Err("a port from 1 to 65535, or off".to_owned()),
            Ok(port) => Ok(StunPort::At(port)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_is_a_port_or_off() {
        assert_eq!(stun_port("off"), Ok(StunPort::Off));
        assert_eq!(stun_port("3478"), Ok(StunPort::At(3478)));
        for text in ["0", "65536", "-1", "no"] {
            assert!(stun_port(text).is_err(), "{text}");
        }
    }
}
