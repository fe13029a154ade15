//! A run: its command, a block of lines for each of its outputs, its memory, its claims.

use super::words::{anchor, code, fenced, marked, table, with_code};
use crate::book::program::Program;
use crate::judge::checks::Judgement;
use crate::page::claims::{ClaimView, Tally, verdict_mark};
use crate::page::inline::mib;
use crate::page::memory::{KINDS, by_kind};
use crate::page::output::{Repeats, compiler, machine};
use crate::page::run::{RecordView, RunView, ShownRun};
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::text::words::counted;

/// A run.
pub(super) fn run(view: &RunView<'_>) -> ShownRun {
    let mut parts = vec![head(view), fenced(view.command, "sh")];
    match &view.record {
        None => parts.push(format!(
            "This run has not been recorded yet: `mdbook-live record {}` records it.\n",
            view.name
        )),
        Some(RecordView { record, stale, .. }) => {
            parts.push(format!("**Recorded** {}:\n", about(view, record)));
            parts.push(output(&record.lines));
            if let Some(what) = stale {
                parts.push(format!(
                    "**Stale**: this record is older than its program: {}; `mdbook-live record {}` \
                     makes a new one.\n",
                    marked(what),
                    view.name
                ));
            }
            let client = view.client.as_ref();
            parts.extend(
                client.map(|client| format!("While it runs, {} calls it.\n", code(client))),
            );
            parts.extend(view.ending(record).map(|how| format!("{how}\n")));
        }
    }
    if let Some((reference, lines)) = &view.reference {
        parts.push(format!(
            "**{}** {}:\n",
            marked(&reference.name),
            marked(&reference.about)
        ));
        parts.push(output(lines));
    }
    parts.extend(memory(view));
    if !view.claims.is_empty() {
        parts.push(claims(&view.claims, view.reference_says));
    }
    ShownRun {
        name: view.name.to_owned(),
        text: parts.join("\n"),
        tally: Tally::of(&view.claims),
    }
}

/// Runs like one that is shown elsewhere: the author's words for them, what became of their
/// claims, and then each.
pub(super) fn runs(caption: &str, shown: &[ShownRun], reference_says: &str) -> String {
    let names: Vec<String> = shown.iter().map(|run| code(&run.name)).collect();
    let tally = shown.iter().map(|run| run.tally);
    let tally = tally
        .fold(Tally::default(), Tally::and)
        .parts(reference_says);
    let tally: Vec<String> = tally
        .iter()
        .map(|part| format!("{} {}", part.mark, marked(&part.words)))
        .collect();
    let mut text = format!("**{}** {}", with_code(caption), names.join(", "));
    if !tally.is_empty() {
        text += &format!(" ({})", tally.join(", "));
    }
    text += "\n";
    for run in shown {
        text.push('\n');
        text += &run.text;
    }
    text
}

fn head(view: &RunView<'_>) -> String {
    let caption = if view.caption.is_empty() {
        String::new()
    } else {
        format!(" {}", with_code(view.caption))
    };
    format!(
        "{}**{}**{caption} (in {})\n",
        anchor(view.id),
        marked(view.name),
        code(view.folder)
    )
}

fn output(lines: &[Line]) -> String {
    let lines = lines.iter().map(|line| format!("{}\n", line.text()));
    fenced(&lines.collect::<String>(), "text")
}

/// When a record was made, where, and of how many runs it is one.
fn about(view: &RunView<'_>, record: &Record) -> String {
    if let Some(file) = &record.header.live.imported {
        return format!("imported from {}", code(file));
    }
    let date = record.header.date();
    let host = &record.header.live.host;
    let by = match view.program {
        Program::Cargo(_) => compiler(host).to_owned(),
        _ => machine(host),
    };
    let mut about = format!("{date}, {}", marked(&by));
    if let Some(repeats) = Repeats::of(record) {
        about += &format!("; median of {} runs by {}", repeats.count, code(repeats.by));
        if let Some((least, most)) = repeats.between {
            about += &format!(", {least} to {most}");
        }
        if repeats.warmed_up {
            about += ", after a warm-up";
        }
    }
    about
}

fn memory(view: &RunView<'_>) -> Vec<String> {
    let Some(peak) = view.peak() else {
        return Vec::new();
    };
    let kinds = KINDS.iter().zip(by_kind(&peak));
    let amounts: Vec<String> = kinds
        .map(|((kind, _), kib)| format!("{} {}", kind.to_lowercase(), mib(kib)))
        .collect();
    let mut parts = vec![format!(
        "Memory at the peak, {:.1} s after the start, in {}, in MiB: {}.\n",
        peak.seconds,
        counted(peak.processes, "process"),
        amounts.join(", ")
    )];
    if view.explains_memory {
        let kinds = KINDS
            .iter()
            .map(|(kind, counts)| format!("- *{kind}*: {counts}\n"));
        parts.push(kinds.collect());
    }
    parts
}

fn claims(views: &[ClaimView<'_>], reference_says: &str) -> String {
    let rows = views.iter().map(|view| {
        let (_, mark, word) = verdict_mark(&view.judgement);
        let claim = view.claim;
        let mut says = with_code(&claim.says);
        if claim.is_of_reference() {
            says = format!("{}: {says}", marked(reference_says));
        }
        if let Some(condition) = claim.condition() {
            says += &format!(" *when* {}", with_code(condition));
        }
        if let Some(note) = &claim.note {
            says += &format!(" ({})", with_code(note));
        }
        let seen = match &view.judgement {
            Judgement::Decided(verdict) => with_code(&verdict.seen),
            other => marked(other.why_not().unwrap_or_default()),
        };
        vec![format!("{mark}\u{a0}{word}"), says, seen]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let head = ["Verdict", "Claim", "Seen"].map(str::to_owned);
    table(&head, 0, &rows)
}
