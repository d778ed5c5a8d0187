//! Plots as SVG: lines over two axes, with units, round ticks, and a legend if there is more than one series.
//!
//! Uses `markup`. Must stay true: a value that an axis cannot show (not finite, zero on a logarithmic one) is left out, so
//! that no coordinate is ever anything but a number inside the frame; names and labels are escaped; nothing is loaded.

mod axis;
mod chart;
mod measure;
mod svg;
mod ticks;

pub use axis::{Axis, Scale};
pub use chart::{Mark, Plot, Series};
pub use measure::Measure;
pub use svg::STYLE;
