//! `wherry derper`: the flags of the relay it replaces.
//!
//! What lives here: Go's way to write flags, the list of `derper`'s flags with what each came to, and the settings made
//! of them. What must stay true: a flag that cannot be honoured is an error that names it, unless it says what is so
//! anyway; nothing is quietly weaker than what was asked for.
//!
//! Source: tailscale: cmd/derper/derper.go.

mod flags;
mod go;
mod settings;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use go::parse_duration;

use wherry_server::config::{Admit, Environment};

use crate::{failure::Failure, log, output, serve};

/// Runs the relay as `derper` would.
pub(crate) fn run(argv: &[String], env: &Environment) -> Result<(), Failure> {
    let flags = flags::parse(argv)?;
    if flags.help {
        return Ok(output::print(&flags::help())?);
    }
    if flags.version {
        return Ok(output::print(concat!("wherry ", env!("CARGO_PKG_VERSION"), "\n"))?);
    }
    let settings = settings::settings(&flags, env)?;
    log::start(&settings.log)?;
    if settings.admit == Admit::Open && settings.derp {
        tracing::warn!(
            "anybody who finds this relay may use it, as with derper; to admit only the node keys in a file, set WHERRY_ADMIT=list:FILE"
        );
    }
    if settings.cert.is_none() {
        tracing::warn!(
            "no TLS, as with derper: -certmode letsencrypt and gcp count on port 443 only; give -certmode manual for TLS"
        );
    }
    serve::run_settings(&settings).map_err(words::translated)
}
