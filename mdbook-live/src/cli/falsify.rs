//! `mdbook-live falsify`.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::exit_status::ExitStatus;
use super::selection::chosen;
use super::terminal::Terminal;
use crate::judge::counter_run::{Outcome, faults};
use crate::judge::fingerprint::Fingerprints;
use crate::run::session::Session;
use crate::text::words::counted;
use crate::verbs::falsify::{self, Falsifier, counter_runs};

/// Applies every patch that claims of these runs name, and says which claims broke; then
/// whether each claim has been seen to fail.
pub(super) fn falsify(
    session: &Session<'_>,
    names: &[String],
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let begun = Instant::now();
    let runs = chosen(session.book, names)?;
    let all = counter_runs(&runs);
    let bar = ProgressBar::new(all.len() as u64).with_style(
        ProgressStyle::with_template(
            "{bar:30} {pos}/{len} changes, {elapsed}, about {eta} left  {msg}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(500));
    let mut falsifier = Falsifier::new(session);
    let mut wrong = 0;
    for what in &all {
        let name = format!("{}/broken/{}", what.listing, what.patch);
        bar.set_message(name.clone());
        let found = falsifier.falsify(what);
        let lines = match found {
            Err(error) if session.stop.is_requested() => return Err(error),
            Err(error) => {
                wrong += 1;
                vec![terminal.bad(&format!("✘ {name}: {error:#}"))]
            }
            Ok(falsified) => {
                let when = &what.claims[0].0.listing.patches[what.patch].when;
                let mut lines = vec![format!("{name}: {when}")];
                for (run, at, outcome) in &falsified.claims {
                    let says = format!("{}: {}", run.run.name, run.run.claims[*at].says);
                    let (mark, seen) = match outcome {
                        Outcome::Broke(seen) => (terminal.good("✔ breaks"), seen.as_str()),
                        Outcome::Spared(seen) => {
                            wrong += 1;
                            (terminal.bad("✘ does not break"), seen.as_str())
                        }
                        Outcome::Nothing(why) => {
                            wrong += 1;
                            (terminal.bad("✘ is not judged"), why.as_str())
                        }
                        Outcome::NotMade => continue,
                    };
                    lines.push(format!("  {mark} {says}"));
                    lines.push(format!("      {}", terminal.faint(seen)));
                }
                lines
            }
        };
        bar.suspend(|| -> Result<()> {
            for line in lines {
                writeln!(out, "{line}")?;
            }
            Ok(out.flush()?)
        })?;
        bar.inc(1);
    }
    bar.finish_and_clear();

    let mut fingerprints = Fingerprints::default();
    let (mut claims, mut seen_to_fail) = (0, 0);
    for run in &runs {
        let counters = falsify::kept(session.book, *run, &mut fingerprints)?;
        for (claim, counters) in run.run.claims.iter().zip(&counters) {
            claims += 1;
            let faults = faults(claim, counters);
            seen_to_fail += usize::from(faults.is_empty());
            for fault in faults {
                writeln!(
                    out,
                    "{}",
                    terminal.bad(&format!("✘ {}: {fault}", run.full_name()))
                )?;
            }
        }
    }
    writeln!(
        out,
        "{}, {} of {} seen to fail, {}",
        counted(all.len(), "change"),
        seen_to_fail,
        counted(claims, "claim"),
        humantime::format_duration(Duration::from_secs(begun.elapsed().as_secs()))
    )?;
    Ok(ExitStatus::of(wrong == 0 && seen_to_fail == claims))
}
