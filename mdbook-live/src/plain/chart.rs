//! Figures of several runs, and the lines of one: a picture, and the same as a table.

use super::bars;
use super::picture::Picture;
use super::words::{anchor, code, marked, table, with_code};
use crate::judge::figures::Figure;
use crate::page::chart::{ChartFigure, ChartView};
use crate::page::plot::{PlotView, in_words};
use crate::text::words::two_digits;

/// Figures of several runs.
pub(super) fn chart(view: &ChartView<'_>) -> String {
    let mut text = format!("{}{}\n", anchor(view.id), with_code(view.caption));
    for figure in &view.figures {
        text += &format!("\n**{}**\n\n", with_code(&figure.heading));
        if view.bars {
            let picture = bars::picture(figure, view.reference);
            let alt = format!("{}: bars of the figures in the table", figure.heading);
            text += &format!("{}\n\n", picture.image(&alt));
        }
        text += &figures(figure, view.reference);
    }
    text
}

fn figures(figure: &ChartFigure, reference: &str) -> String {
    let have_reference = figure.rows.iter().any(|row| row.reference.is_some());
    let have_spread = figure.rows.iter().any(|row| row.spread.is_some());
    let mut head = vec!["Run".to_owned()];
    if have_reference {
        let heading = figure.reference_heading.as_ref();
        let heading = heading.map_or(String::new(), |heading| format!(" ({heading})"));
        head.push(marked(&format!("{reference}{heading}")));
    }
    let spread = if have_spread { ", least to most" } else { "" };
    head.push(format!("Recorded{spread}"));
    let rows = figure.rows.iter().map(|row| {
        let value = |figure: &Option<Figure>| {
            let value = figure.as_ref().map(Figure::to_string);
            value.map_or("–".to_owned(), |value| marked(&value))
        };
        let mut cells = vec![code(&row.run)];
        if have_reference {
            cells.push(value(&row.reference));
        }
        let spread = row.spread.filter(|_| row.recorded.is_some());
        let spread = spread.map(|(least, most)| format!(", {least}–{most}"));
        cells.push(value(&row.recorded) + &spread.unwrap_or_default());
        cells
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(&head, head.len() - 1, &rows)
}

/// The lines of one run.
pub(super) fn plot(view: &PlotView<'_>) -> String {
    let mut text = format!(
        "{}{} {}\n\n",
        anchor(view.id),
        with_code(view.caption),
        marked(&view.about_axes())
    );
    if view.drawn {
        text += &format!("{}\n\n", Picture::of_plot(view).image(&in_words(view)));
    }
    let mut head = vec![marked(view.x_unit)];
    let series = view.series.iter();
    head.extend(series.map(|line| format!("{}, {}", with_code(&line.name), marked(view.y_unit))));
    let rows = view.stops().into_iter().map(|stop| {
        let values = view.series.iter().map(|line| match line.at(stop) {
            Some(point) => two_digits(point.y),
            None => "–".to_owned(),
        });
        std::iter::once(stop.to_string()).chain(values).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    text + &table(&head, head.len(), &rows)
}
