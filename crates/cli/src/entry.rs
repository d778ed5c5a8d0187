//! What a relay prints when it starts: its map, and in comments what to do with it.

use wherry_client::Pin;
use wherry_wire::derp_map::{DerpMap, Entry, MapError};

/// The map of this relay alone, in YAML: saved as it is, it is a map for Headscale and for every tool.
pub(crate) fn text(entry: &Entry) -> Result<String, MapError> {
    of_map(&entry.map())
}

/// The same of a map of one relay.
pub(crate) fn of_map(map: &DerpMap) -> Result<String, MapError> {
    let mut nodes = map.live_regions().flat_map(|(_, region)| &region.nodes);
    // The name of a certificate stands there as well.
    let pin = nodes.find_map(|node| node.cert_name.starts_with(Pin::PREFIX).then_some(&node.cert_name));
    let pin = pin.map(|pin| format!("# Certificate pin: {pin}\n")).unwrap_or_default();
    Ok(format!(
        "{pin}# For Headscale: save this as a file, and name it under derp.paths.\n\
         # For Tailscale's policy file: wherry map convert FILE --to acl (region numbers 900 to 999 are yours)\n{}\n",
        map.to_yaml()?.trim_end(),
    ))
}
