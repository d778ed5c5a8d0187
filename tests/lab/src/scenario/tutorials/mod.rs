//! The tutorials, followed word for word by somebody who has Headscale and two machines behind hard NATs.
//!
//! Lives here: what a reader has before the first step, and what comes after the last.

mod cases;
mod reader;
mod servers;

pub(super) use cases::{bare_ip, caddy, domain, home_line, nginx};
