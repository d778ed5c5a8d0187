//! What a run gave, as data: for JSON, tables and plots.
//!
//! Uses nothing. Must stay true: a figure that could not be had is there without a value and with the reason; a run that
//! is no result says so, whatever its figures.

mod figure;
mod model;

pub use figure::{Figure, Unit, grouped};
pub use model::{
    Far, Generator, Latency, LatencyPoint, Machine, MemoryPoint, RatePoint, Reason, ReasonCode, Report,
    Server, Setting, Stream,
};
