//! A drawing as a picture of its own: with its legend, its style and its colours, on white.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, PreEscaped, html};
use regex::{Captures, Regex};

use super::words::marked;
use crate::book::config::TimelineConfig;
use crate::page::diagram::Diagram;
use crate::page::drawing::{CSS, Drawing};
use crate::page::plot::{self, PlotView};
use crate::page::timeline::{self, Sample};
use crate::record::timeline::Timeline;

/// A picture.
#[derive(Debug)]
pub(super) struct Picture {
    svg: String,
}

/// The style of what only pictures have.
const OWN_CSS: &str = "\
.bars text { fill: var(--fg); }
.bars .paper { fill: var(--bg); }
.bars .ink { fill: var(--live-magenta); }
.bars .bar.reference { stroke: var(--live-magenta); }
.bars .bar.recorded { fill: var(--live-blue); }
.bars .between { stroke: var(--live-red); stroke-width: 2; }
.legend { fill: var(--fg); }
";

impl Picture {
    /// `class` is what the rules of style know it by; `legend` has a sample, an `svg` element,
    /// and words.
    pub(super) fn new(class: &str, drawing: Drawing, legend: Vec<(Markup, String)>) -> Picture {
        let (width, height) = drawing.size;
        // Columns as wide as the longest words of the legend.
        let longest = legend.iter().map(|(_, words)| words.chars().count()).max();
        let column = 40.0 + 7.0 * longest.unwrap_or(0) as f64;
        let columns = ((width / column) as usize).max(1);
        let lines = legend.len().div_ceil(columns);
        let whole = height + 6.0 + 20.0 * lines as f64;
        let place = |nth: usize| {
            let (line, column_nth) = (nth / columns, nth % columns);
            (
                column * column_nth as f64,
                height + 6.0 + 20.0 * line as f64,
            )
        };
        // One element in another has a place and a size.
        let placed = |svg: &Markup, x: f64, y: f64, width: f64, height: f64| {
            let place = format!(
                "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
                unit(x),
                unit(y),
                unit(width),
                unit(height)
            );
            PreEscaped(svg.0.replacen("<svg", &place, 1))
        };
        let css = [CSS, OWN_CSS].concat();
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" class=(class) viewBox={ "0 0 " (unit(width)) " " (unit(whole)) } width=(unit(width)) height=(unit(whole)) font-family="monospace" font-size="11" {
                style { (PreEscaped(css)) }
                rect width=(unit(width)) height=(unit(whole)) fill="#fff" {}
                (placed(&drawing.svg, 0.0, 0.0, width, height))
                @for (nth, (sample, words)) in legend.iter().enumerate() {
                    @let (x, y) = place(nth);
                    (placed(sample, x, y, 34.0, 16.0))
                    text.legend x=(unit(x + 38.0)) y=(unit(y + 12.0)) { (words) }
                }
            }
        };
        Picture {
            svg: in_colours(&svg.into_string()),
        }
    }

    pub(super) fn of_timeline(
        config: &TimelineConfig,
        timeline: &Timeline,
        name: &str,
        id: &str,
    ) -> Picture {
        let drawing = timeline::drawing(config, timeline, name, id);
        let legend = timeline::legend(config, timeline, id).into_iter();
        let legend = legend.map(|(sample, words)| match sample {
            Sample::Svg(svg) => (svg, words),
            Sample::Fill(kind) => {
                let area = html! { svg viewBox="0 0 22 16" { rect class={ "swatch " (kind) } x="1" y="2" width="20" height="12" {} } };
                (area, words)
            }
        });
        Picture::new("timeline", drawing, legend.collect())
    }

    pub(super) fn of_plot(view: &PlotView<'_>) -> Picture {
        let series = view.series.iter().enumerate();
        let legend = series.map(|(nth, line)| (plot::sample(nth), line.name.replace('`', "")));
        Picture::new("chart lines", plot::drawing(view), legend.collect())
    }

    pub(super) fn of_diagram(diagram: &Diagram) -> Picture {
        let (width, height) = (diagram.width, diagram.height);
        let opening =
            format!("<svg width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\"");
        let svg = diagram.svg.replacen("<svg", &opening, 1);
        let paper = html! { rect width="100%" height="100%" fill="#fff" {} }.into_string();
        let svg = svg.replacen('>', &format!(">{paper}"), 1);
        Picture {
            svg: in_colours(&svg),
        }
    }

    /// An image of it, with what it shows in words. The address holds the picture itself.
    pub(super) fn image(&self, alt: &str) -> String {
        let data = BASE64_STANDARD.encode(&self.svg);
        format!("![{}](data:image/svg+xml;base64,{data})", marked(alt))
    }
}

/// A coordinate, to a tenth of a unit.
pub(super) fn unit(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The colours of paper: readers of books know no variables.
const COLOURS: [(&str, [u8; 3]); 11] = [
    ("fg", [0x00, 0x00, 0x00]),
    ("bg", [0xff, 0xff, 0xff]),
    ("live-red", [0xa8, 0x20, 0x1a]),
    ("live-green", [0x1a, 0x65, 0x1d]),
    ("live-yellow", [0x6b, 0x4e, 0x00]),
    ("live-blue", [0x1c, 0x4f, 0xa8]),
    ("live-magenta", [0x80, 0x27, 0x8f]),
    ("live-cyan", [0x0a, 0x5c, 0x6b]),
    ("live-quiet", [0x44, 0x44, 0x44]),
    ("live-paper", [0xff, 0xff, 0xff]),
    ("live-rule", [0xbb, 0xbb, 0xbb]),
];

/// How much of its colour an area has, the rest being white.
const AREAS: [(&str, &str, f64); 3] = [
    ("anon", "live-blue", 0.55),
    ("shmem", "live-green", 0.55),
    ("file", "live-yellow", 0.4),
];

fn in_colours(svg: &str) -> String {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"var\(--([a-z-]+)\)").expect("the pattern is a constant and valid")
    });
    static DEFINITION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^\.\w+ \{ --.*\n").expect("the pattern is a constant and valid")
    });
    let svg = DEFINITION.replace_all(svg, "");
    let svg = VARIABLE.replace_all(&svg, |found: &Captures<'_>| colour(&found[1]));
    svg.into_owned()
}

fn colour(variable: &str) -> String {
    let plain = |name: &str| {
        let known = COLOURS.iter().find(|(known, _)| *known == name);
        known.map_or([0; 3], |(_, colour)| *colour)
    };
    let area = AREAS.iter().find(|(name, ..)| *name == variable);
    let (base, share) = match (area, variable.strip_prefix("diagram-")) {
        (Some((_, base, share)), _) => ((*base).to_owned(), *share),
        (None, Some(colour)) => (format!("live-{colour}"), 0.22),
        (None, None) => (variable.to_owned(), 1.0),
    };
    let [red, green, blue] = plain(&base).map(|part| {
        let mixed = f64::from(part) * share + 255.0 * (1.0 - share);
        mixed.round() as u8
    });
    format!("#{red:02x}{green:02x}{blue:02x}")
}
