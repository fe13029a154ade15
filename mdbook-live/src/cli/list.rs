//! `mdbook-live list`.

use std::io::Write;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::selection::name_width;
use super::terminal::Terminal;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::Record;
use crate::text::words::counted;

pub(super) fn list(book: &Book, terminal: Terminal, out: &mut dyn Write) -> Result<ExitStatus> {
    let runs: Vec<RunRef<'_>> = book.runs().collect();
    let width = name_width(&runs);
    let mut fingerprints = Fingerprints::default();
    for run in runs {
        let recorded = match Record::load(run, Size::Recorded) {
            Ok(None) => terminal.warning("not recorded"),
            Ok(Some(record)) => {
                match record.staleness_by(run, Size::Recorded, &fingerprints.of_run(run)?) {
                    None => format!("recorded {}", record.header.date()),
                    Some(why) => terminal.warning(&format!("stale: {why}")),
                }
            }
            Err(error) => terminal.bad(&format!("{error:#}")),
        };
        writeln!(
            out,
            "{:width$}  {}\n{:width$}  {}; {recorded}",
            run.full_name(),
            run.run.caption,
            "",
            counted(run.run.claims.len(), "claim"),
        )?;
    }
    Ok(ExitStatus::Success)
}
