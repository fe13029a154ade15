//! Figures of several runs side by side: a table, and the same with a bar in each cell.

use maud::html;

use super::inline::{with_code, without_directives};
use crate::judge::figures::Figure;

/// A chart as the page shows it.
#[derive(Debug, Clone)]
pub struct ChartView<'a> {
    /// Unique on its page.
    pub id: &'a str,
    /// What `runs.toml` says of it.
    pub caption: &'a str,
    /// What the book calls its reference.
    pub reference: &'a str,
    /// Its figures, each a table of its own.
    pub figures: Vec<ChartFigure>,
    /// Whether its cells have bars.
    pub bars: bool,
}

/// One figure of each run.
#[derive(Debug, Clone)]
pub struct ChartFigure {
    /// What it is, ours.
    pub heading: String,
    /// What the reference's is, where it is another.
    pub reference_heading: Option<String>,
    /// The runs.
    pub rows: Vec<ChartRow>,
}

impl ChartFigure {
    /// The largest value that is shown, of which bars are shares.
    pub fn most(&self) -> f64 {
        let all = self.rows.iter();
        let all = all.flat_map(|row| [&row.reference, &row.recorded]);
        let spreads = self.rows.iter().filter_map(|row| row.spread);
        let most = all.flatten().map(|figure| figure.value);
        let most = most.chain(spreads.map(|(_, most)| most));
        most.fold(f64::MIN_POSITIVE, f64::max)
    }
}

/// A run's figure, the reference's and ours.
#[derive(Debug, Clone)]
pub struct ChartRow {
    /// The run, by its name in its listing.
    pub run: String,
    /// In the reference, where it has it.
    pub reference: Option<Figure>,
    /// In the record, where there is one.
    pub recorded: Option<Figure>,
    /// The least and the most of it in the runs of which the record is the median, where it
    /// is the figure by which they were ranked.
    pub spread: Option<(f64, f64)>,
}

/// The chart, or the table.
pub fn chart(view: &ChartView<'_>) -> String {
    let page = html! {
        figure.chart id=(view.id) {
            figcaption { (with_code(view.caption)) }
            @for figure in &view.figures {
                @let most = figure.most();
                @let have_spread = figure.rows.iter().any(|row| row.spread.is_some());
                @let have_reference = figure.rows.iter().any(|row| row.reference.is_some());
                div.scroll tabindex="0" role="group" aria-label=(figure.heading) {
                    table {
                        caption { (with_code(&figure.heading)) @if view.bars { ", from zero" } }
                        thead { tr {
                            th scope="col" { "Run" }
                            @if have_reference { th scope="col" {
                                (view.reference) @if let Some(heading) = &figure.reference_heading { " (" (heading) ")" }
                            } }
                            th scope="col" { "Recorded" @if have_spread { ", least to most" } }
                        } }
                        tbody {
                            @for row in &figure.rows {
                                tr {
                                    th scope="row" { code { (row.run) } }
                                    @if have_reference { (cell("reference", row.reference.as_ref(), None, most, view.bars)) }
                                    (cell("recorded", row.recorded.as_ref(), row.spread, most, view.bars))
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

fn cell(
    class: &str,
    figure: Option<&Figure>,
    spread: Option<(f64, f64)>,
    most: f64,
    bars: bool,
) -> maud::Markup {
    let share = |value: f64| value / most;
    html! {
        td class=(class) {
            @match figure {
                Some(figure) => {
                    @let words = html! {
                        span.value { (figure.to_string().replace(' ', "\u{a0}")) }
                        @if let Some((least, most)) = spread {
                            " " span.between { (least) "–" (most) }
                        }
                    };
                    @if bars {
                        div.drawn {
                            span.room aria-hidden="true" {
                                span.bar style=(format!("--share: {:.3}", share(figure.value))) {}
                                @if let Some((least, most)) = spread {
                                    span.spread style=(format!("--from: {:.3}; --to: {:.3}", share(least), share(most))) {}
                                }
                            }
                            span.words { (words) }
                        }
                    } @else {
                        (words)
                    }
                }
                None => span.value { "–" },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_largest_and_values_stand_beside_them() {
        let figure = |value: f64| Figure {
            value,
            text: value.to_string(),
            unit: "s".into(),
        };
        let mut view = ChartView {
            id: "chart-demo-workers",
            caption: "Time",
            reference: "Reference",
            figures: vec![ChartFigure {
                heading: "Total time".into(),
                reference_heading: None,
                rows: vec![
                    ChartRow {
                        run: "a".into(),
                        reference: Some(figure(8.0)),
                        recorded: Some(figure(2.0)),
                        spread: Some((1.5, 16.0)),
                    },
                    ChartRow {
                        run: "b".into(),
                        reference: None,
                        recorded: Some(figure(1.0)),
                        spread: None,
                    },
                ],
            }],
            bars: true,
        };
        let page = chart(&view);
        for part in [
            // Of the largest that is shown, which is the most of a spread here.
            "--share: 0.500",
            "--share: 0.125",
            "--from: 0.094; --to: 1.000",
            "<span class=\"between\">1.5–16</span>",
            "2\u{a0}s",
            "<span class=\"value\">–</span>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        view.bars = false;
        assert!(!chart(&view).contains("--share"));
        view.figures[0].rows.remove(0);
        assert!(!chart(&view).contains("Reference"), "no row has one");
    }
}
