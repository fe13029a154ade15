//! Bars for figures of several runs, drawn.

use maud::html;

use super::picture::{Picture, unit};
use crate::judge::figures::Figure;
use crate::page::chart::ChartFigure;
use crate::page::drawing::Drawing;

const WIDTH: f64 = 760.0;
/// Where the bars begin, and where the longest ends.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 560.0;
const BAR: f64 = 16.0;
const BETWEEN: f64 = 10.0;

/// A bar for each figure, the reference's above ours, each with its words.
pub(super) fn picture(figure: &ChartFigure, reference: &str) -> Picture {
    let most = figure.most();
    let length = |value: f64| (RIGHT - LEFT) * value / most;
    let mut bars = Vec::new();
    let mut at = 4.0;
    for row in &figure.rows {
        let mut of_row = Vec::new();
        if let Some(figure) = &row.reference {
            of_row.push((at, figure, "reference", None));
            at += BAR + 2.0;
        }
        if let Some(figure) = &row.recorded {
            of_row.push((at, figure, "recorded", row.spread));
            at += BAR;
        }
        let middle = match (of_row.first(), of_row.last()) {
            (Some((first, ..)), Some((last, ..))) => (first + last + BAR) / 2.0,
            _ => at + BAR / 2.0,
        };
        bars.push((middle, &row.run, of_row));
        at += BETWEEN;
    }
    let words = |figure: &Figure, spread: Option<(f64, f64)>| {
        let spread = spread.map(|(least, most)| format!(" ({least}–{most})"));
        format!("{figure}{}", spread.unwrap_or_default())
    };
    let svg = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (unit(at)) } {
            defs {
                pattern id="bars-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.paper width="6" height="6" {}
                    rect.ink width="2" height="6" {}
                }
            }
            @for (middle, run, of_row) in &bars {
                text x=(LEFT - 10.0) y=(unit(middle + 4.0)) text-anchor="end" { (run) }
                @for (top, figure, class, spread) in of_row {
                    @let end = LEFT + length(figure.value);
                    @let end_of_all = spread.map_or(end, |(_, most)| end.max(LEFT + length(most)));
                    @let fill = (*class == "reference").then_some("url(#bars-hatch)");
                    rect class={ "bar " (class) } x=(LEFT) y=(unit(*top)) width=(unit((end - LEFT).max(1.0))) height=(BAR) fill=[fill] {}
                    @if let Some((least, most)) = spread {
                        @let (from, to) = (LEFT + length(*least), LEFT + length(*most));
                        line.between x1=(unit(from)) x2=(unit(to)) y1=(unit(top + BAR / 2.0)) y2=(unit(top + BAR / 2.0)) {}
                    }
                    text x=(unit(end_of_all + 8.0)) y=(unit(top + BAR / 2.0 + 4.0)) { (words(figure, *spread)) }
                }
            }
        }
    };
    let legend = [(reference, "reference"), ("Recorded", "recorded")];
    let has = |class: &str| {
        bars.iter()
            .any(|(_, _, of_row)| of_row.iter().any(|(_, _, is, _)| *is == class))
    };
    let legend = legend.into_iter().filter(|(_, class)| has(class));
    let legend = legend.map(|(words, class)| {
        let fill = (class == "reference").then_some("url(#bars-hatch)");
        let sample = html! {
            svg viewBox="0 0 22 16" { rect class={ "bar " (class) } x="1" y="3" width="20" height="10" fill=[fill] {} }
        };
        (sample, words.to_owned())
    });
    Picture::new(
        "bars",
        Drawing {
            svg,
            size: (WIDTH, at),
        },
        legend.collect(),
    )
}
