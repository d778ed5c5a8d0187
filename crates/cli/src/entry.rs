//! What a relay prints for pasting into a map.

use wherry_wire::derp_map::{Entry, MapError};

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
