//! What a relay prints for pasting into a map.

use std::net::SocketAddr;

use wherry_server::config::Host;
use wherry_wire::derp_map::{Entry, MapError};

/// The entry of a relay that speaks TLS at `tls`: clients speak nothing else.
pub(crate) fn entry(host: &Host, tls: SocketAddr, stun_port: Option<u16>, pin: Option<String>) -> Entry {
    let cert_name = pin.unwrap_or_default();
    Entry { stun_port, cert_name, ..Entry::at(&host.to_string(), tls.port()) }
}

/// What to paste, in both forms, with a word on where.
pub(crate) fn text(entry: &Entry) -> Result<String, MapError> {
    let map = entry.map();
    let pin = match entry.cert_name.as_str() {
        "" => String::new(),
        pin => format!("Certificate pin: {pin}\n\n"),
    };
    Ok(format!(
        "{pin}For Tailscale, as \"derpMap\" in the policy file (region numbers 900 to 999 are yours):\n\n{}\n\n\
         For Headscale, in a file named under derp.paths:\n\n{}\n",
        map.to_json()?.trim_end(),
        map.to_yaml()?.trim_end(),
    ))
}
