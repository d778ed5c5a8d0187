//! The cases.

use super::reader::follow;
use crate::stage::Stage;

/// A case: its page, and what its reader has before the first step.
pub(super) struct Case {
    pub(super) page: &'static str,
    /// The relay is behind a router at home.
    pub(super) at_home: bool,
    /// Who has a certificate for the relay's name.
    pub(super) certificate: Holder,
}

/// What keeps a certificate where.
#[derive(PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    Certbot,
    Caddy,
}

/// A bare address.
pub(in crate::scenario) fn bare_ip(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "bare-ip", at_home: false, certificate: Holder::Nobody }).map(drop)
}

/// A home line: the relay is behind a router, neither 443 nor 3478 can be had, and the address changes.
pub(in crate::scenario) fn home_line(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "home-line", at_home: true, certificate: Holder::Nobody })?.moves()
}

/// A name with a certificate, which is renewed.
pub(in crate::scenario) fn domain(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "domain", at_home: false, certificate: Holder::Certbot })?.renews()
}

/// A name with a certificate, both of a web server that is there already.
pub(in crate::scenario) fn nginx(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "nginx", at_home: false, certificate: Holder::Certbot }).map(drop)
}

/// A name whose certificate the web server gets by itself.
pub(in crate::scenario) fn caddy(stage: &Stage<'_>) -> Result<(), String> {
    follow(stage, &Case { page: "caddy", at_home: false, certificate: Holder::Caddy }).map(drop)
}
