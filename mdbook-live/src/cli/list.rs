//! `mdbook-live list`.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::selection::name_width;
use super::terminal::Terminal;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::Record;
use crate::run::host;
use crate::text::words::counted;

pub(super) fn list(book: &Book, terminal: Terminal, out: &mut dyn Write) -> Result<ExitStatus> {
    let runs: Vec<RunRef<'_>> = book.runs().collect();
    let width = name_width(&runs);
    let mut fingerprints = Fingerprints::default();
    // A toolchain file in a listing's folder may choose another one than elsewhere.
    let mut compilers: HashMap<PathBuf, String> = HashMap::new();
    let mut rustc = |dir: &Path| {
        let known = compilers.entry(dir.to_owned());
        // Where there is none, nothing is said of it.
        known
            .or_insert_with(|| host::rustc(dir).unwrap_or_default())
            .clone()
    };
    for run in runs {
        let recorded = match Record::load(run, Size::Recorded) {
            Ok(None) => terminal.warning("not recorded"),
            Ok(Some(record)) => {
                let now = fingerprints.of_run(run)?;
                let quick = if run.has_one_size() {
                    Ok(None)
                } else {
                    Record::load(run, Size::Quick)
                };
                let stale = record.staleness_by(run, Size::Recorded, &now);
                match (stale, quick) {
                    (Some(why), _) => terminal.warning(&format!("stale: {why}")),
                    (None, Err(error)) => terminal.bad(&format!("{error:#}")),
                    (None, Ok(None)) if !run.has_one_size() => {
                        terminal.warning("not recorded at its quick size")
                    }
                    (None, Ok(quick)) => {
                        let stale =
                            quick.and_then(|quick| quick.staleness_by(run, Size::Quick, &now));
                        match stale {
                            Some(why) => {
                                terminal.warning(&format!("stale at its quick size: {why}"))
                            }
                            None => recorded(&record, &rustc(&run.listing.dir)),
                        }
                    }
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

/// When a record was made; and by which compiler, where `rustc` is another.
fn recorded(record: &Record, rustc: &str) -> String {
    let then = &record.header.live.host.rustc;
    let by = if then == rustc || rustc.is_empty() {
        String::new()
    } else {
        format!(" by {then}; here is {rustc}")
    };
    format!("recorded {}{by}", record.header.date())
}
