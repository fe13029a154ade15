//! What several machines make of the book's claims: a column for each machine.

use std::collections::HashMap;

use maud::{Markup, html};

use super::inline::{with_code, without_directives};
use crate::book::listing::Size;
use crate::judge::machines::{Cell, Comparison, Outcome, Row, Tally};
use crate::record::report::{Machine, MachineReport};
use crate::text::words::{counted, memory};

/// A text of more characters than this is folded below its verdict.
const LONGEST_IN_SIGHT: usize = 90;

/// The table.
#[derive(Debug, Clone)]
pub struct MachinesView<'a> {
    /// A column for each report.
    pub reports: &'a [MachineReport],
    /// A part for each chapter.
    pub parts: &'a [PartView<'a>],
    /// The runs that reports name and the book has no more.
    pub gone: &'a [String],
}

/// The runs of a chapter.
#[derive(Debug, Clone)]
pub struct PartView<'a> {
    /// The chapter's title.
    pub title: String,
    /// The chapter's page; empty for the page that the table is on.
    pub link: String,
    /// What the machines make of its claims.
    pub comparison: Comparison<'a>,
    /// Where a reader finds each run, by its full name.
    pub hrefs: HashMap<String, String>,
}

/// The table of what differs, and the folded one of what does not.
pub fn machines(view: &MachinesView<'_>) -> String {
    let told = |part: &&PartView<'_>| !part.comparison.rows.is_empty();
    let differing: Vec<&PartView<'_>> = view.parts.iter().filter(told).collect();
    let same: Vec<&PartView<'_>> = view.parts.iter().filter(|part| !told(part)).collect();
    let differs = |part: &&PartView<'_>| !part.comparison.differing.is_empty();
    let differing_runs: Vec<&PartView<'_>> = view.parts.iter().filter(differs).collect();
    let agreed: usize = view.parts.iter().map(|part| part.comparison.agreed).sum();
    let unreported: usize = view
        .parts
        .iter()
        .map(|part| part.comparison.unreported)
        .sum();
    let earlier = view.parts.iter().flat_map(|part| &part.comparison.tallies);
    let earlier: usize = earlier.map(|tally| tally.earlier).sum();
    let page = html! {
        p.machines-tally {
            (counted(agreed, "claim")) " came out as the book says on every machine that reports "
            @if agreed == 1 { "it" } @else { "them" } ". "
            @if unreported > 0 {
                "No machine reports on " (counted(unreported, "claim")) ". "
            }
            @if earlier > 0 {
                (counted(earlier, "verdict")) " marked " span.earlier { "of an earlier program" }
                @if earlier == 1 { " is" } @else { " are" }
                " of a program that has changed since. "
            }
            @if !view.gone.is_empty() {
                "The book has no more: "
                @for (at, run) in view.gone.iter().enumerate() {
                    @if at > 0 { ", " } code { (run) }
                }
                ". "
            }
        }
        @if !differing.is_empty() {
            (table("What differs among the machines", view.reports, &differing, true))
        }
        @if !same.is_empty() {
            details.machines-same {
                summary { "The same on every machine: " (counted(same.len(), "chapter")) }
                (table("Chapters whose claims come out the same on every machine", view.reports, &same, true))
            }
        }
        @if !differing_runs.is_empty() {
            @let number = differing_runs.iter().map(|part| part.comparison.differing.len()).sum();
            details.machines-same {
                summary { (counted(number, "run")) " that differ from their records on a machine" }
                (table("Runs that differ from their records", view.reports, &differing_runs, false))
            }
        }
    };
    without_directives(&page.into_string())
}

/// A table of claims, or of the runs that differ from their records.
fn table(
    label: &str,
    reports: &[MachineReport],
    parts: &[&PartView<'_>],
    of_claims: bool,
) -> Markup {
    html! {
        div.verdicts.machines tabindex="0" role="group" aria-label=(label) {
            table {
                thead { tr {
                    th scope="col" { "Claim" }
                    @for report in reports { th scope="col" { (card(report)) } }
                } }
                @for part in parts {
                    tbody {
                        tr.chapter {
                            th scope="rowgroup" {
                                @if part.link.is_empty() { (part.title) }
                                @else { a href=(part.link) { (part.title) } }
                            }
                            @if of_claims {
                                @for (report, tally) in reports.iter().zip(&part.comparison.tallies) {
                                    td data-machine=(short(&report.machine)) { (tally_of(*tally)) }
                                }
                            } @else {
                                td colspan=(reports.len()) {}
                            }
                        }
                        @for row in rows(part, of_claims) { (claim(row, reports, &part.hrefs, of_claims)) }
                    }
                }
            }
        }
    }
}

fn rows<'p, 'a>(part: &'p PartView<'a>, of_claims: bool) -> &'p [Row<'a>] {
    if of_claims {
        &part.comparison.rows
    } else {
        &part.comparison.differing
    }
}

fn claim(
    row: &Row<'_>,
    reports: &[MachineReport],
    hrefs: &HashMap<String, String>,
    of_claims: bool,
) -> Markup {
    let name = row.run.full_name();
    html! {
        tr {
            th.statement scope="row" {
                @match row.claim {
                    Some(claim) => (with_code(&claim.says)),
                    None => { span.who { (with_code(&row.run.run.caption)) } }
                }
                " "
                @match hrefs.get(&name) {
                    Some(href) => { a href=(href) { code { (name) } } }
                    None => { code { (name) } }
                }
                @if row.size == Size::Recorded { " " span.who { "at the size of its record" } }
            }
            @for (report, cell) in reports.iter().zip(&row.cells) {
                td data-machine=(short(&report.machine)) { (verdict(row, cell, of_claims)) }
            }
        }
    }
}

/// A verdict in words.
#[derive(Debug, Clone, Copy)]
pub struct VerdictWords<'a> {
    class: &'static str,
    /// Its sign.
    pub mark: &'static str,
    /// What became of the claim, or of the run.
    pub words: &'static str,
    /// What was seen, or why there is no verdict; may be empty.
    pub seen: &'a str,
}

/// The verdict of a cell, of a claim or of a run's agreement with its record; `None` where the
/// machine reports nothing of it.
pub fn verdict_words<'a>(
    row: &Row<'_>,
    cell: &'a Cell,
    of_claims: bool,
) -> Option<VerdictWords<'a>> {
    let is_run = row.claim.is_none();
    let (class, mark, words, seen) = match &cell.outcome {
        Outcome::AsSaid(_) if !of_claims => ("holds", "✔", "agrees", ""),
        Outcome::Otherwise(seen) if !of_claims => ("open", "≠", "differs", seen.as_str()),
        Outcome::AsSaid(_) if is_run => ("holds", "✔", "made", ""),
        Outcome::Otherwise(seen) if is_run => ("fails", "✘", "not as it must", seen.as_str()),
        Outcome::AsSaid(seen) => ("holds", "✔", "as the book says", seen.as_str()),
        Outcome::Otherwise(seen) => ("fails", "✘", "otherwise", seen.as_str()),
        Outcome::Open(why) => ("open", "–", "not judged", why.as_str()),
        Outcome::NotMade(why) => ("open", "–", "not made", why.as_str()),
        Outcome::Changed => ("open", "–", "not judged", "the claim has changed since"),
        Outcome::Absent => return None,
    };
    Some(VerdictWords {
        class,
        mark,
        words,
        seen,
    })
}

fn verdict(row: &Row<'_>, cell: &Cell, of_claims: bool) -> Markup {
    let Some(found) = verdict_words(row, cell, of_claims) else {
        return html! { span.absent title="no report" { "·" } };
    };
    let VerdictWords {
        class,
        mark,
        words,
        seen,
    } = found;
    let head = html! {
        span class=(class) { span aria-hidden="true" { (mark) } " " (words) }
        @if cell.is_earlier { " " span.earlier { "of an earlier program" } }
    };
    html! {
        @if seen.chars().count() > LONGEST_IN_SIGHT {
            details { summary { (head) } span.seen { (seen) } }
        } @else {
            (head)
            @if !seen.is_empty() { " " span.seen { (seen) } }
        }
    }
}

/// "✔ 12, ✘ 1, – 2", each with its word for who does not see the sign.
fn tally_of(tally: Tally) -> Markup {
    let parts = [
        ("holds", "✔", tally.as_said, "as the book says"),
        ("fails", "✘", tally.otherwise, "otherwise"),
        ("open", "–", tally.open, "not judged"),
    ];
    let parts = parts.into_iter().filter(|(_, _, number, _)| *number > 0);
    let parts: Vec<_> = parts.collect();
    html! {
        @if parts.is_empty() { span.absent title="no report" { "·" } }
        @for (at, (class, mark, number, words)) in parts.into_iter().enumerate() {
            @if at > 0 { ", " }
            span class={ "tally " (class) } title=(words) {
                span aria-hidden="true" { (mark) } " " (number) span.for-ears { " " (words) }
            }
        }
    }
}

/// What of the machine its verdicts depend on most: "1 of 2 cores, 24 GiB".
pub fn short(machine: &Machine) -> String {
    let mut words = vec![cores(machine), memory(machine.host.memory_mib)];
    words.extend(restrictions(machine));
    words.join(", ")
}

fn cores(machine: &Machine) -> String {
    let (of, all) = (machine.limits.processors, machine.host.cores);
    if of < all {
        format!("{of} of {}", counted(all, "core"))
    } else {
        counted(all, "core")
    }
}

/// What the runs were not left to use, in words.
fn restrictions(machine: &Machine) -> Vec<String> {
    let limits = &machine.limits;
    let mut words = Vec::new();
    if let Some(quota) = limits.cpu_quota {
        words.push(format!("time of {quota} cores"));
    }
    if let Some(mib) = limits.cgroup_memory_mib {
        words.push(format!("cgroup of {}", memory(mib)));
    }
    if let Some(mib) = limits.run_memory_mib {
        words.push(format!("{} a run", memory(mib)));
    }
    match limits.shm_mib {
        None => words.push("no /dev/shm".to_owned()),
        Some(mib) if limits.has_small_shm(&machine.host) => {
            words.push(format!("/dev/shm of {}", memory(mib)));
        }
        Some(_) => {}
    }
    if limits.seccomp == "filter" || limits.seccomp == "strict" {
        words.push("a seccomp filter".to_owned());
    }
    if limits.overcommit == "never" || limits.overcommit == "always" {
        words.push(format!("overcommit: {}", limits.overcommit));
    }
    words
}

/// The head of a column.
fn card(report: &MachineReport) -> Markup {
    let Machine { host, limits } = &report.machine;
    let rustc = host.rustc.split(" (").next().unwrap_or(&host.rustc);
    html! {
        span.machine { (cores(&report.machine)) ", " (memory(host.memory_mib)) }
        @for words in restrictions(&report.machine) { span.restriction { (words) } }
        details.card {
            summary { (host.cpu) }
            ul {
                @if host.virtual_machine { li { "virtual machine" } }
                li { (host.kernel) }
                li { (rustc) }
                li { "huge pages: " (host.thp) }
                li { "overcommit: " (limits.overcommit) }
                @if let Some(mib) = limits.shm_mib { li { "/dev/shm: " (memory(mib)) } }
                li { (counted(report.runs.len(), "run")) ", " time datetime=(report.made) { (report.made) } }
            }
        }
    }
}

/// A figure on each machine.
#[derive(Debug, Clone)]
pub struct FigureRow {
    /// The run's full name.
    pub run: String,
    /// Where a reader finds it, if a chapter shows it.
    pub href: Option<String>,
    /// The figure's name.
    pub figure: String,
    /// At which size the runs were made.
    pub size: Size,
    /// One for each report, as the run printed it.
    pub values: Vec<Option<String>>,
}

/// A table of figures.
pub fn figures(reports: &[MachineReport], rows: &[FigureRow]) -> String {
    let page = html! {
        div.verdicts.machines.of-figures tabindex="0" role="group" aria-label="Figures by machine" {
            table {
                thead { tr {
                    th scope="col" { "Figure" }
                    @for report in reports { th scope="col" { (card(report)) } }
                } }
                tbody {
                    @for row in rows { tr {
                        th.statement scope="row" {
                            @match &row.href {
                                Some(href) => { a href=(href) { code { (row.run) } } }
                                None => { code { (row.run) } }
                            }
                            " " (row.figure)
                            @if row.size == Size::Recorded { " " span.who { "at the size of its record" } }
                        }
                        @for (report, value) in reports.iter().zip(&row.values) {
                            td data-machine=(short(&report.machine)) {
                                @match value {
                                    Some(value) => (value.replace(' ', "\u{a0}")),
                                    None => { span.absent title="no report" { "·" } }
                                }
                            }
                        }
                    } }
                }
            }
        }
    };
    without_directives(&page.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::report::tests::machine;

    #[test]
    fn a_machine_is_told_by_what_its_runs_were_left_to_use() {
        assert_eq!(short(&machine()), "2 cores, 24 GiB");
        let mut small = machine();
        small.limits.processors = 1;
        small.limits.shm_mib = Some(64);
        small.limits.run_memory_mib = Some(4096);
        small.limits.seccomp = "filter".into();
        assert_eq!(
            short(&small),
            "1 of 2 cores, 24 GiB, 4 GiB a run, /dev/shm of 64 MiB, a seccomp filter"
        );
    }
}
