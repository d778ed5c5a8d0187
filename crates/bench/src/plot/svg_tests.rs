use super::*;
use crate::plot::{Axis, Measure};
use proptest::prelude::*;

fn plot(x: Axis, y: Axis, points: &[(f64, f64)]) -> Plot {
    let series = vec![Series::new("only", Mark::LineAndDots, points.to_vec())];
    Plot { title: "Rate".to_owned(), description: "What comes of a rate.".to_owned(), x, y, series }
}

fn rates(points: &[(f64, f64)]) -> Plot {
    plot(Axis::linear("offered", Measure::Count), Axis::linear("loss", Measure::Share), points)
}

/// Each number of the attributes that place something.
fn coordinates(svg: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for attribute in [" d=\"", " cx=\"", " cy=\"", " x=\"", " y=\""] {
        for part in svg.split(attribute).skip(1) {
            let value = part.split('"').next().unwrap();
            let numbers = value.split(|c: char| c.is_whitespace() || c.is_ascii_alphabetic());
            found.extend(
                numbers.filter(|number| !number.is_empty()).map(|number| number.parse::<f64>().unwrap()),
            );
        }
    }
    found
}

#[test]
fn points_lie_where_their_axes_say() {
    let svg = rates(&[(0.0, 0.0), (5000.0, 0.5), (10_000.0, 1.0)]).inline();
    // 100 % is five letters, so the field begins at 48 and ends at 456, 32 from the top and 200 high.
    assert!(svg.contains("<path class=\"line look-0\" d=\"M48.0 232.0L252.0 132.0L456.0 32.0\"/>"), "{svg}");
    assert!(svg.contains("<circle class=\"dot look-0\" cx=\"252.0\" cy=\"132.0\" r=\"3\"/>"), "{svg}");
    assert!(svg.contains("<path class=\"grid\" d=\"M48.0 192.0H456.0\"/>"), "{svg}");
    assert!(svg.contains("<text x=\"42.0\" y=\"196.5\" text-anchor=\"end\">20 %</text>"), "{svg}");
    assert!(svg.contains("<text x=\"129.6\" y=\"251.0\" text-anchor=\"middle\">2k</text>"), "{svg}");
    assert!(svg.starts_with("<svg class=\"plot\" role=\"img\" viewBox=\"0 0 480 278\">"), "{svg}");
}

#[test]
fn a_logarithm_and_percentiles_are_spread_as_they_say() {
    let axes = (Axis::percentiles("percentile"), Axis::log("latency", Measure::Micros));
    let svg = plot(axes.0, axes.1, &[(0.0, 10.0), (0.9, 100.0), (0.99, 1000.0)]).inline();
    // A tenth of the distance to 100 % is half of the way here, as is a tenth of the latency; 50 µs is the widest tick.
    assert!(svg.contains("M55.2 232.0L255.6 132.0L456.0 32.0"), "{svg}");
    assert!(svg.contains(">99</text>") && svg.contains(">1 ms</text>"), "{svg}");
}

#[test]
fn a_legend_is_there_with_the_second_series() {
    let mut plot = rates(&[(1.0, 0.1)]);
    assert!(!plot.inline().contains(">only</text>"));
    plot.series.push(Series::new("other", Mark::Guide, vec![(0.0, 0.0), (1.0, 1.0)]));
    let svg = plot.inline();
    assert!(svg.contains(">only</text>") && svg.contains(">other</text>"), "{svg}");
}

#[test]
fn names_and_labels_are_escaped() {
    let hostile = "</title><script>alert(1)</script>";
    let mut plot =
        plot(Axis::linear(hostile, Measure::Bytes), Axis::log(hostile, Measure::Count), &[(1.0, 1.0)]);
    plot.series = vec![Series::new(hostile, Mark::Line, vec![(1.0, 1.0)]); 2];
    plot.title = hostile.to_owned();
    plot.description = hostile.to_owned();
    let svg = plot.file();
    assert!(!svg.contains("<script"), "{svg}");
    assert_eq!(svg.matches("&lt;script&gt;").count(), 6, "{svg}");
}

#[test]
fn nothing_and_a_single_point_are_plots_too() {
    for points in [&[][..], &[(0.0, 0.0)], &[(7.0, 7.0)], &[(-3.0, -3.0)], &[(f64::NAN, f64::INFINITY)]] {
        let svg = rates(points).inline();
        let is_shown = points.iter().all(|(x, _)| x.is_finite()) && !points.is_empty();
        assert_eq!(svg.contains("<circle"), is_shown, "{points:?}: {svg}");
        assert!(svg.matches("class=\"grid\"").count() >= 2, "{points:?}: {svg}");
    }
}

fn any_axis() -> impl Strategy<Value = Axis> {
    let measure = prop::sample::select(vec![Measure::Count, Measure::Micros, Measure::Bytes, Measure::Share]);
    (measure, 0..3).prop_map(|(measure, scale)| match scale {
        0 => Axis::linear("linear", measure),
        1 => Axis::log("log", measure),
        _ => Axis::percentiles("percentile"),
    })
}

proptest! {
    #[test]
    fn whatever_the_values_each_coordinate_is_a_number_inside_the_picture(
        x in any_axis(), y in any_axis(),
        points in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..5),
        tame in prop::collection::vec((0_f64..2.0, 0_f64..1e6), 0..5),
    ) {
        let svg = plot(x, y, &[points, tame].concat()).inline();
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let coordinates = coordinates(&svg);
        prop_assert!(coordinates.iter().all(|at| (0.0..=480.0).contains(at)), "{svg}");
    }
}
