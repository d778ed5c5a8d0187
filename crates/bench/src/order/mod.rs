//! What is asked for: which scenario, against which relay, with which settings.
//!
//! Uses nothing. Must stay true: every setting says which scenarios it has an effect on, and has a default in each.

pub mod amount;
mod knob;
mod scenario;
mod settings;

pub use knob::Knob;
pub use scenario::{Pattern, Scenario};
pub use settings::{BadSetting, Settings};
