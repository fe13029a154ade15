//! What several machines make of the claims, and figures of each: a list of the machines, and
//! tables with a column for each.

use super::words::{code, marked, table, with_code};
use crate::book::listing::Size;
use crate::judge::machines::Row;
use crate::page::machines::{FigureRow, MachinesView, PartView, short, verdict_words};
use crate::record::report::MachineReport;
use crate::text::words::counted;

/// A table of what differs for each chapter in which something does.
pub(super) fn machines(view: &MachinesView<'_>) -> String {
    let agreed: usize = view.parts.iter().map(|part| part.comparison.agreed).sum();
    let agreed = counted(agreed, "claim");
    let mut text = format!(
        "{agreed} came out as the book says on every machine that reports on them.\n\n{}",
        list(view.reports)
    );
    let head = head("Claim", view.reports);
    for part in view.parts {
        let rows: Vec<Vec<String>> = part
            .comparison
            .rows
            .iter()
            .map(|row| cells(row, part))
            .collect();
        if !rows.is_empty() {
            let title = marked(&part.title);
            let title = if part.link.is_empty() {
                title
            } else {
                format!("[{title}]({})", part.link)
            };
            text += &format!("\n**{title}**\n\n{}", table(&head, 0, &rows));
        }
    }
    text
}

fn cells(row: &Row<'_>, part: &PartView<'_>) -> Vec<String> {
    let says = match row.claim {
        Some(claim) => with_code(&claim.says),
        None => with_code(&row.run.run.caption),
    };
    let run = of_run(
        &row.run.full_name(),
        part.hrefs.get(&row.run.full_name()),
        row.size,
    );
    let verdicts = row.cells.iter().map(|cell| {
        let Some(found) = verdict_words(row, cell, true) else {
            return "·".to_owned();
        };
        let mut text = format!("{}\u{a0}{}", found.mark, found.words);
        if !found.seen.is_empty() {
            text += &format!(": {}", marked(found.seen));
        }
        text
    });
    let mut cells = vec![format!("{says} {run}")];
    cells.extend(verdicts);
    cells
}

/// A table of figures.
pub(super) fn figures(reports: &[MachineReport], rows: &[FigureRow]) -> String {
    let rows = rows.iter().map(|row| {
        let name = of_run(&row.run, row.href.as_ref(), row.size);
        let mut cells = vec![format!("{name} {}", marked(&row.figure))];
        cells.extend(row.values.iter().map(|value| match value {
            Some(value) => marked(&value.replace(' ', "\u{a0}")),
            None => "·".to_owned(),
        }));
        cells
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let table = table(&head("Figure", reports), reports.len(), &rows);
    format!("{}\n{table}", list(reports))
}

/// The machines, numbered as the columns are.
fn list(reports: &[MachineReport]) -> String {
    let machines = (1..).zip(reports).map(|(number, report)| {
        let machine = &report.machine;
        format!(
            "{number}. {}: {}\n",
            marked(&short(machine)),
            marked(&machine.host.cpu)
        )
    });
    machines.collect()
}

fn head(first: &str, reports: &[MachineReport]) -> Vec<String> {
    let numbers = (1..=reports.len()).map(|number| number.to_string());
    std::iter::once(first.to_owned()).chain(numbers).collect()
}

fn of_run(name: &str, href: Option<&String>, size: Size) -> String {
    let name = match href {
        Some(href) => format!("[{}]({href})", code(name)),
        None => code(name),
    };
    match size {
        Size::Recorded => format!("{name}, at the size of its record,"),
        Size::Quick => name,
    }
}
