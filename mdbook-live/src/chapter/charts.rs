//! Charts of several runs, or of the lines of one.

use anyhow::{Context, Result, bail};

use super::expand::Expander;
use crate::book::chart::{Chart, Shows};
use crate::book::listing::RunRef;
use crate::judge::figures;
use crate::page::chart::{ChartFigure, ChartRow, ChartView};
use crate::page::plot::{PlotView, Point, Series};

impl<'a> Expander<'a> {
    pub(super) fn expand_chart(&mut self, name: &str, bars: bool, id: &str) -> Result<String> {
        let (listing, chart) = self.data.book.chart(name)?;
        let (runs, charted_figures) = match &chart.shows {
            Shows::Figures { runs, figures } => (runs, figures),
            Shows::Plot { run, .. } => {
                let run = self.data.book.run(&format!("{}/{run}", listing.name))?;
                return self.expand_plot(chart, run, bars, id);
            }
        };
        let mut figures = Vec::new();
        for charted in charted_figures {
            let mut rows = Vec::new();
            for run in runs {
                let full_name = format!("{}/{run}", listing.name);
                let of_run = self.data.book.run(&full_name)?;
                let reference = match &charted.reference {
                    Some((figure, _)) if of_run.reference()?.is_some() => {
                        Some(figures::of_reference(of_run, figure)?)
                    }
                    _ => None,
                };
                let record = self.data.record(of_run)?;
                let (recorded, spread) = match &record {
                    Some(judged) => {
                        let record = &judged.record;
                        let figure = figures::of_record(of_run, record, &charted.figure)?;
                        (Some(figure), record.header.live.spread_of(&charted.figure))
                    }
                    None => (None, None),
                };
                rows.push(ChartRow {
                    run: run.clone(),
                    reference,
                    recorded,
                    spread,
                });
            }
            let reference = charted.reference.as_ref();
            figures.push(ChartFigure {
                heading: charted.heading.clone(),
                reference_heading: reference.and_then(|(_, heading)| heading.clone()),
                rows,
            });
        }
        Ok(self.form.chart(&ChartView {
            id,
            caption: &chart.caption,
            reference: self
                .data
                .book
                .config
                .reference
                .as_ref()
                .map_or("Reference", |reference| &reference.name),
            figures,
            bars,
        }))
    }

    fn expand_plot(
        &mut self,
        chart: &Chart,
        run: RunRef<'a>,
        drawn: bool,
        id: &str,
    ) -> Result<String> {
        let Shows::Plot {
            x_unit,
            y_unit,
            spread,
            series,
            ..
        } = &chart.shows
        else {
            bail!("{} shows no lines", chart.name);
        };
        let Some(record) = self.data.record(run)? else {
            return Ok(self.form.figure_not_recorded(&run.full_name()));
        };
        let mut lines = Vec::new();
        for (name, pattern) in series {
            let mut points = Vec::new();
            for line in &record.record.lines {
                let Some(found) = pattern.captures(line.text()) else {
                    continue;
                };
                let number = |at: usize| -> Result<f64> {
                    let text = found.get(at).map_or("", |part| part.as_str());
                    text.replace('_', "")
                        .parse()
                        .with_context(|| format!("{name}: `{text}` is no number"))
                };
                points.push(Point {
                    x: number(1)?,
                    y: number(2)?,
                    spread: (number(3)?, number(4)?),
                });
            }
            if points.is_empty() {
                bail!("series {name}: `{}` matches no line", pattern.as_str());
            }
            lines.push(Series {
                name: name.clone(),
                points,
            });
        }
        Ok(self.form.plot(&PlotView {
            id,
            caption: &chart.caption,
            x_unit,
            y_unit,
            spread: spread.as_deref(),
            series: lines,
            drawn,
        }))
    }
}
