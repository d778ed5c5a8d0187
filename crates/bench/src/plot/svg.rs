//! From a plot to SVG.

use std::fmt::{self, Write as _};

use super::axis::Ruler;
use super::chart::{Mark, Plot, Series};
use crate::markup::Text;

/// Width of a picture in its own units; at that width on a screen a letter has 13 pixels.
const WIDTH: f64 = 480.0;
/// Height of the field between the axes.
const FIELD: f64 = 200.0;
/// Height of a line of text.
const LINE: f64 = 20.0;
/// Width of a letter, about: nothing here can measure one.
const LETTER: f64 = 7.2;
/// Width of a line or dot in the legend.
const SAMPLE: f64 = 24.0;
/// Radius of a dot, and of a ring around one.
const DOT: f64 = 3.0;
const RING: f64 = 5.5;
/// Space at the right edge, for half of the last tick's text.
const EDGE: f64 = 24.0;
/// Looks of series, told apart by colour and by dashes.
const LOOKS: usize = 4;

/// What the classes of [`Plot::inline`] look like, as CSS for the page that holds it.
pub const STYLE: &str = include_str!("plot.css");

impl Plot {
    /// An `svg` element for the inside of an HTML page that has [`STYLE`].
    #[must_use]
    pub fn inline(&self) -> String {
        let sketch = Sketch::of(self);
        format!("<svg class=\"plot\" role=\"img\" viewBox=\"0 0 480 {:.0}\">{sketch}</svg>", sketch.height())
    }

    /// An SVG file, for a light and a dark background.
    #[must_use]
    pub fn file(&self) -> String {
        let sketch = Sketch::of(self);
        let height = sketch.height();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" width=\"480\" height=\"{height:.0}\" \
             viewBox=\"0 0 480 {height:.0}\">\n<style>\n{STYLE}</style>\
             <rect class=\"paper\" width=\"480\" height=\"{height:.0}\"/>{sketch}</svg>\n"
        )
    }
}

/// A plot with its axes fitted and its parts in their places.
struct Sketch<'a> {
    plot: &'a Plot,
    x: Ruler,
    y: Ruler,
    /// Legend: where each series' entry is; empty if there is only one.
    legend: Vec<(f64, f64)>,
    /// Edges of the field.
    left: f64,
    top: f64,
}

impl<'a> Sketch<'a> {
    fn of(plot: &'a Plot) -> Self {
        let shown = || plot.series.iter().flat_map(|series| plot.shown(series));
        let (x, y) = (plot.x.fit(shown().map(|point| point.0)), plot.y.fit(shown().map(|point| point.1)));
        let widest = y.ticks.iter().map(|(_, text)| width(text)).fold(0.0, f64::max);
        let legend = legend(&plot.series);
        let rows = legend.last().map_or(0.0, |(_, y)| *y);
        Self { plot, x, y, legend, left: widest + 12.0, top: LINE + rows + 12.0 }
    }

    /// Of the whole picture.
    fn height(&self) -> f64 {
        self.bottom() + 2.0 * LINE + 6.0
    }

    fn bottom(&self) -> f64 {
        self.top + FIELD
    }

    /// Where a share of an axis is in the picture.
    fn across(&self, share: f64) -> f64 {
        self.left + share * (WIDTH - EDGE - self.left)
    }

    fn up(&self, share: f64) -> f64 {
        self.bottom() - share * FIELD
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right, bottom) = (self.left, self.across(1.0), self.bottom());
        for (share, text) in &self.y.ticks {
            let y = self.up(*share);
            writeln!(f, "<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>")?;
            write_text(f, left - 6.0, y + 4.5, "end", text)?;
        }
        writeln!(f, "<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}\"/>")?;
        let mut free = 0.0;
        for (share, text) in &self.x.ticks {
            let x = self.across(*share);
            writeln!(f, "<path class=\"axis\" d=\"M{x:.1} {bottom:.1}v5\"/>")?;
            // A text that would run into the one before is left out; its tick stays.
            let half = width(text) / 2.0;
            if x - half >= free {
                write_text(f, x, bottom + LINE - 1.0, "middle", text)?;
                free = x + half + LETTER;
            }
        }
        write_text(f, 2.0, 14.0, "start", &self.plot.y.label)?;
        write_text(f, right, bottom + 2.0 * LINE, "end", &self.plot.x.label)
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((look, series), (x, y)) in self.plot.series.iter().enumerate().zip(&self.legend) {
            let (y, end) = (y + 10.0, x + SAMPLE);
            let ends = [(x + DOT, y), (end - DOT, y)];
            let middle = [(x + SAMPLE / 2.0, y)];
            draw(f, series.mark, look % LOOKS, if series.mark == Mark::Rings { &middle } else { &ends })?;
            write_text(f, end + 6.0, y + 4.5, "start", &series.name)?;
        }
        Ok(())
    }

    fn series(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (look, series) in self.plot.series.iter().enumerate() {
            let place = |(x, y): (f64, f64)| Some((self.across(self.x.place(x)?), self.up(self.y.place(y)?)));
            let points: Vec<_> = self.plot.shown(series).filter_map(place).collect();
            draw(f, series.mark, look % LOOKS, &points)?;
        }
        Ok(())
    }
}

impl fmt::Display for Sketch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n<title>{}</title>", Text(&self.plot.title))?;
        writeln!(f, "<desc>{}</desc>", Text(&self.plot.description))?;
        self.axes(f)?;
        self.legend(f)?;
        self.series(f)
    }
}

impl Plot {
    /// The points of a series that both axes can show.
    fn shown<'a>(&'a self, series: &'a Series) -> impl Iterator<Item = (f64, f64)> + 'a {
        series.points.iter().copied().filter(|(x, y)| self.x.can_show(*x) && self.y.can_show(*y))
    }
}

/// Where the entries of a legend are, row after row below the label of the upright axis.
fn legend(series: &[Series]) -> Vec<(f64, f64)> {
    if series.len() < 2 {
        return Vec::new();
    }
    let (mut x, mut y) = (2.0, LINE);
    let mut place = |series: &Series| {
        let width = SAMPLE + 6.0 + width(&series.name);
        if x > 2.0 && x + width > WIDTH {
            (x, y) = (2.0, y + LINE);
        }
        let at = (x, y);
        x += width + 16.0;
        at
    };
    series.iter().map(&mut place).collect()
}

fn draw(f: &mut fmt::Formatter<'_>, mark: Mark, look: usize, points: &[(f64, f64)]) -> fmt::Result {
    match mark {
        Mark::Line => draw_line(f, &format!("line look-{look}"), points),
        Mark::Guide => draw_line(f, "guide", points),
        Mark::LineAndDots => {
            draw_line(f, &format!("line look-{look}"), points)?;
            draw_circles(f, &format!("dot look-{look}"), DOT, points)
        }
        Mark::Rings => draw_circles(f, "ring", RING, points),
    }
}

fn draw_line(f: &mut fmt::Formatter<'_>, class: &str, points: &[(f64, f64)]) -> fmt::Result {
    // A single point has no line; a dot stands for it.
    if let [only] = points {
        return draw_circles(f, &class.replace("line", "dot"), DOT, &[*only]);
    }
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' })?;
    }
    if path.is_empty() { Ok(()) } else { writeln!(f, "<path class=\"{class}\" d=\"{path}\"/>") }
}

fn draw_circles(f: &mut fmt::Formatter<'_>, class: &str, radius: f64, points: &[(f64, f64)]) -> fmt::Result {
    let mut circle = |(x, y): &(f64, f64)| {
        writeln!(f, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>")
    };
    points.iter().try_for_each(&mut circle)
}

fn write_text(f: &mut fmt::Formatter<'_>, x: f64, y: f64, anchor: &str, text: &str) -> fmt::Result {
    writeln!(f, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", Text(text))
}

#[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2^52 letters")]
fn width(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
