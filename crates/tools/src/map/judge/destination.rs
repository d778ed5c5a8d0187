//! Who is going to read the map.

/// Who is going to read the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// Headscale, as a file under `derp.paths`: YAML.
    HeadscalePaths,
    /// Headscale, as a URL under `derp.urls`: JSON.
    HeadscaleUrls,
    /// Tailscale, as `derpMap` in the policy file.
    Policy,
}
