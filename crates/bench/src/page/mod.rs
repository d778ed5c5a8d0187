//! A report as one HTML page: verdict, figures, plots, conditions.
//!
//! Uses `report`, `plot` and `markup`. Must stay true: whether it is a result stands before any figure; the page loads
//! nothing, neither from the network nor from beside it; every text that is not ours is escaped.

mod date;
mod document;
mod figures;
mod plots;
mod table;

pub use document::html;
