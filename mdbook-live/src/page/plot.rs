//! One figure against another, a line for each series: drawn, and as a table.

use maud::{Markup, html};

use super::drawing::Drawing;
use super::inline::{with_code, without_directives};
use crate::text::words::two_digits;

/// A plot as the page shows it.
#[derive(Debug, Clone)]
pub struct PlotView<'a> {
    /// Unique on its page.
    pub id: &'a str,
    /// What `runs.toml` says of it.
    pub caption: &'a str,
    /// The unit of the horizontal axis, which is linear.
    pub x_unit: &'a str,
    /// The unit of the vertical axis, which is logarithmic.
    pub y_unit: &'a str,
    /// What the bars around a point show, where the author says it.
    pub spread: Option<&'a str>,
    /// The series.
    pub series: Vec<Series>,
    /// Whether it is drawn; the table is there in any case.
    pub drawn: bool,
}

/// One series.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, in order.
    pub points: Vec<Point>,
}

/// A measured value, and between which values most of its tries lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where it was measured.
    pub x: f64,
    /// The median.
    pub y: f64,
    /// The least and the most, outliers left out.
    pub spread: (f64, f64),
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 40.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = HEIGHT - 46.0;

/// The plot, its legend and its table.
pub fn plot(view: &PlotView<'_>) -> String {
    let stops = view.stops();
    let page = html! {
        figure.chart.lines id=(view.id) {
            figcaption { (with_code(view.caption)) " " (view.about_axes()) }
            @if view.drawn {
                div.scroll tabindex="0" role="group" aria-label=(view.caption) {
                    (drawing(view).svg)
                }
                ul.legend {
                    @for (nth, line) in view.series.iter().enumerate() {
                        li {
                            (sample(nth))
                            " " (with_code(&line.name))
                        }
                    }
                }
            }
            div.scroll tabindex="0" role="group" aria-label={ (view.caption) ", as a table" } {
                table {
                    thead { tr {
                        th scope="col" { (view.x_unit) }
                        @for line in &view.series { th scope="col" { (with_code(&line.name)) ", " (view.y_unit) } }
                    } }
                    tbody {
                        @for stop in &stops {
                            tr {
                                th scope="row" { (stop) }
                                @for line in &view.series {
                                    td.number {
                                        @match line.at(*stop) {
                                            Some(point) => (two_digits(point.y)),
                                            None => "–",
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    without_directives(&page.into_string())
}

impl PlotView<'_> {
    /// Where something was measured, in order.
    pub fn stops(&self) -> Vec<f64> {
        let points = self.series.iter().flat_map(|line| &line.points);
        let mut stops: Vec<f64> = points.map(|point| point.x).collect();
        stops.sort_by(f64::total_cmp);
        stops.dedup();
        stops
    }

    /// What the axes and bars are, beyond what the caption says.
    pub fn about_axes(&self) -> String {
        let spread = self
            .spread
            .map(|spread| format!("; the bars show {spread}"));
        let spread = spread.unwrap_or_default();
        format!("The vertical axis is logarithmic{spread}.")
    }
}

impl Series {
    /// Its point at a place, where it was measured there.
    pub fn at(&self, stop: f64) -> Option<&Point> {
        self.points.iter().find(|point| point.x == stop)
    }
}

/// The lines and their axes, without the legend.
pub fn drawing(view: &PlotView<'_>) -> Drawing {
    let points = || view.series.iter().flat_map(|line| &line.points);
    let most_x = points().map(|point| point.x).fold(0.0, f64::max).max(1.0);
    let low = points()
        .map(|point| point.spread.0)
        .fold(f64::INFINITY, f64::min);
    let high = points().map(|point| point.spread.1).fold(0.0, f64::max);
    let (low, high) = (low.max(1e-6).log10().floor(), high.max(1e-6).log10().ceil());
    let x = |value: f64| LEFT + (RIGHT - LEFT) * value / most_x;
    let y = |value: f64| {
        BOTTOM - (BOTTOM - TOP) * (value.max(1e-6).log10() - low) / (high - low).max(1.0)
    };
    let stops = view.stops();
    let powers = low as i32..=high as i32;
    let svg = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(in_words(view)) {
            @for power in powers {
                @let value = 10f64.powi(power);
                line.grid x1=(LEFT) x2=(RIGHT) y1=(number(y(value))) y2=(number(y(value))) {}
                text x=(LEFT - 8.0) y=(number(y(value) + 4.0)) text-anchor="end" { (value) }
            }
            // A unit beside each number would need the room of the longest.
            text x="0" y="12" { (view.y_unit) }
            text x=(RIGHT) y=(BOTTOM + 36.0) text-anchor="end" { (view.x_unit) }
            @for stop in &stops {
                line.tick x1=(number(x(*stop))) x2=(number(x(*stop))) y1=(BOTTOM) y2=(BOTTOM + 5.0) {}
            }
            @for stop in stops.iter().filter(|stop| **stop == 0.0 || **stop * 5.0 > most_x) {
                text x=(number(x(*stop))) y=(BOTTOM + 20.0) text-anchor="middle" { (stop) }
            }
            @for (nth, line) in view.series.iter().enumerate() {
                @let path = line.points.iter().map(|point| format!("{} {}", number(x(point.x)), number(y(point.y)))).collect::<Vec<_>>().join("L");
                g class={ "series s" (nth) } {
                    @for point in &line.points {
                        line.spread x1=(number(x(point.x))) x2=(number(x(point.x))) y1=(number(y(point.spread.0))) y2=(number(y(point.spread.1))) {}
                    }
                    path d={ "M" (path) } {}
                    @for point in &line.points {
                        circle cx=(number(x(point.x))) cy=(number(y(point.y))) r="3" {
                            title { (line.name) ", " (point.x) " " (view.x_unit) ": " (point.y) " " (view.y_unit) }
                        }
                    }
                }
            }
        }
    };
    Drawing {
        svg,
        size: (WIDTH, HEIGHT),
    }
}

/// How a legend shows a series: an `svg` element of 34 × 12 units.
pub fn sample(nth: usize) -> Markup {
    html! {
        svg.sample viewBox="0 0 34 12" aria-hidden="true" {
            g class={ "series s" (nth) } { path d="M1 6L33 6" {} circle cx="17" cy="6" r="3" {} }
        }
    }
}

/// What the drawing shows, in sentences.
pub fn in_words(view: &PlotView<'_>) -> String {
    let sentences = view.series.iter().filter_map(|line| {
        let (first, last) = (line.points.first()?, line.points.last()?);
        Some(format!(
            "{}: from {} {unit} at {} {x} to {} {unit} at {} {x}.",
            line.name.replace('`', ""),
            two_digits(first.y),
            first.x,
            two_digits(last.y),
            last.x,
            unit = view.y_unit,
            x = view.x_unit,
        ))
    });
    sentences.collect::<Vec<_>>().join(" ")
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_told_in_words_and_as_a_table() {
        let point = |x, y| Point {
            x,
            y,
            spread: (y * 0.9, y * 1.1),
        };
        let view = PlotView {
            id: "chart-demo-cost",
            caption: "Cost",
            x_unit: "MiB",
            y_unit: "ms",
            spread: None,
            series: vec![Series {
                name: "`fork`".into(),
                points: vec![point(0.0, 0.2), point(4096.0, 131.2)],
            }],
            drawn: true,
        };
        let page = plot(&view);
        for part in [
            "fork: from 0.20 ms at 0 MiB to 130 ms at 4096 MiB.",
            "<td class=\"number\">130</td>",
            ">100</text>",
            ">ms</text>",
            "class=\"series s0\"",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }
}
