//! What a relay prints when it starts: its map, and in comments what to do with it.

use wherry_wire::derp_map::{Entry, MapError};

/// The map of this relay alone, in YAML: saved as it is, it is a map for Headscale and for every tool.
pub(crate) fn text(entry: &Entry) -> Result<String, MapError> {
    let pin = match entry.cert_name.as_str() {
        "" => String::new(),
        pin => format!("# Certificate pin: {pin}\n"),
    };
    Ok(format!(
        "{pin}# For Headscale: save this as a file, and name it under derp.paths.\n\
         # For Tailscale's policy file: wherry map convert FILE --to acl (region numbers 900 to 999 are yours)\n{}\n",
        entry.map().to_yaml()?.trim_end(),
    ))
}
