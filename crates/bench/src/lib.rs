//! A load generator for DERP relays.
//!
//! Rooms, each using only those below it:
//!
//! | room | what lives there |
//! |---|---|
//! | `run` | the door: an order in, a report out |
//! | `page` | a report as one HTML page |
//! | `scenario` | each scenario's load, and its figures |
//! | `order` | which scenario, which settings |
//! | `engine` | threads that send what is due, read what comes, and count |
//! | `verdict` | was it the relay that was measured? |
//! | `link` | one DERP client: dial, TLS, frames |
//! | `probe` | CPU time, memory and limits, as the kernel tells them |
//! | `histogram` | ages by their distribution |
//! | `pace` | when something is due |
//! | `report` | what a run gave, as data |
//! | `plot` | lines over two axes, as SVG |
//! | `markup` | text inside HTML and SVG |
//! | `clock` | the only reader of time and entropy |
//!
//! Must stay true: an open loop never slows with the relay, and the age of a packet counts from the time it was due, so
//! that a relay that stalls cannot hide it; a run in which the generator or another program was the limit is no result
//! and says so; nothing but a loopback or private address is loaded without leave. It knows a relay by the network alone
//! and shares no code with the server.
#![forbid(unsafe_code)]

mod clock;
mod engine;
mod histogram;
mod link;
mod markup;
mod order;
mod pace;
mod page;
pub mod plot;
mod probe;
mod report;
mod run;
mod scenario;
mod verdict;

pub use order::{BadSetting, Knob, Pattern, Scenario, Settings, amount};
pub use page::html;
pub use probe::{FewFiles, NotTheRelay};
pub use report::{
    Far, Figure, Generator, Latency, LatencyPoint, Machine, MemoryPoint, RatePoint, Reason, ReasonCode,
    Report, Server, Setting, Stream, Unit, grouped,
};
pub use run::{BenchError, Order, run};
pub use scenario::Watch;
