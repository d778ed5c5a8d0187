//! What a plot is made of.

use super::axis::Axis;

/// A plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Its name.
    pub title: String,
    /// What is to be seen, for those who do not see it.
    pub description: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from the bottom up.
    pub y: Axis,
    /// What is plotted; each of the first four looks different from the others.
    pub series: Vec<Series>,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Their name in the legend.
    pub name: String,
    /// What is drawn.
    pub mark: Mark,
    /// Where, as values of the two axes; those that an axis cannot show are left out.
    pub points: Vec<(f64, f64)>,
}

/// What is drawn for a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// A line from point to point.
    Line,
    /// A line, and a dot at each point.
    LineAndDots,
    /// A ring at each point, for those that do not count.
    Rings,
    /// A pale line to compare with.
    Guide,
}

impl Series {
    /// A series from its parts.
    #[must_use]
    pub fn new(name: &str, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), mark, points }
    }
}
