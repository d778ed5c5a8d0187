//! What a relay prints for pasting into a map.

use wherry_client::Pin;
use wherry_wire::derp_map::{DerpMap, Entry, MapError};

/// What to paste, in both forms, with a word on where.
pub(crate) fn text(entry: &Entry) -> Result<String, MapError> {
    of_map(&entry.map())
}

/// The same of a map of one relay.
pub(crate) fn of_map(map: &DerpMap) -> Result<String, MapError> {
    let mut nodes = map.live_regions().flat_map(|(_, region)| &region.nodes);
    // The name of a certificate stands there as well.
    let pin = nodes.find_map(|node| node.cert_name.starts_with(Pin::PREFIX).then_some(&node.cert_name));
    let pin = pin.map(|pin| format!("Certificate pin: {pin}\n\n")).unwrap_or_default();
    Ok(format!(
        "{pin}For Tailscale, as \"derpMap\" in the policy file (region numbers 900 to 999 are yours):\n\n{}\n\n\
         For Headscale, in a file named under derp.paths:\n\n{}\n",
        map.to_json()?.trim_end(),
        map.to_yaml()?.trim_end(),
    ))
}
