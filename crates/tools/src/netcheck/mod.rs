//! What this host's network is like towards the relays of a map, in the terms of stock clients.
//!
//! Lives here: the plan of questions, the STUN round, the choice of a home, the reasons for what is missing, all without
//! sockets; around them the sockets, and a test of every node. Uses the client, the wire crate, the rooms `remedy`, `port80`
//! and `http`. Must stay true: the verdict is reached by the same questions at the same times as a stock client's, and nothing
//! that is asked beyond them enters it; every figure that is not there has a reason; nobody is asked but the map's nodes
//! and the router and, where STUN is silent at first, the two hosts of the vendor that show a captive portal, unless
//! they are to be left out.

mod address;
mod check;
mod exchange;
mod fallback;
mod findings;
mod hairpin;
mod home;
mod host;
mod icmp;
mod missing;
mod node;
mod plan;
mod portal;
mod portmap;
mod report;
mod round;
mod sockets;
mod stun;
mod udp;
mod why;

pub use check::{CheckError, Checker, Options};
pub use findings::{ByRegion, Findings, Latencies};
pub use node::{NodeReport, RelayFigure, StunFigure};
pub use portmap::PortMapping;
pub use report::{Figure, Missing, Report};
pub use sockets::Source;
pub use why::{Reason, Why};
