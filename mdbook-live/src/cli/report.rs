//! `mdbook-live report`.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::exit_status::{ExitStatus, UsageError};
use super::selection::{chosen, name_width};
use super::terminal::Terminal;
use crate::book::listing::Size;
use crate::judge::machines::{self, Outcome};
use crate::record::report::{Machine, MachineReport, ReportedRun};
use crate::run::prebuilt::Prebuilt;
use crate::run::session::Session;
use crate::text::words::counted;
use crate::verbs::report::{self, Reporter};

/// What is reported, and where to.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ReportOptions {
    /// LISTING/RUN, LISTING, or a folder of listings; none is all. Other runs of this machine in
    /// the file stay
    #[arg(value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// Make them at the size of their records, as well as those that their claims compare
    #[arg(long)]
    pub(super) recorded_size: bool,
    /// End a run that has more memory than this, such as 4G or 512M; it is skipped
    ///
    /// The memory of all processes of the run counts, every page once, and so does shared memory
    /// that nobody maps; the page cache of files does not. It is looked at every 20 ms, so that
    /// a run may pass the limit for so long.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) limit: Option<u64>,
    /// Take the programs in this folder, as cargo's target/debug, and build none
    ///
    /// Cargo is not needed then. Whether they are of the sources at hand is not known: build
    /// them first.
    #[arg(long, value_name = "DIR")]
    pub(super) programs: Option<PathBuf>,
    /// Where to write it [default: reports/NAME.json, named by the machine]
    #[arg(long, value_name = "FILE")]
    pub(super) dest: Option<PathBuf>,
    /// Write it without asking
    #[arg(long)]
    pub(super) yes: bool,
}

impl ReportOptions {
    /// A session whose runs are made as these options say.
    pub(super) fn applied_to<'b>(&self, session: Session<'b>) -> Result<Session<'b>> {
        let mut session = session.by_itself();
        if let Some(bytes) = self.limit {
            session = session.with_most_memory(bytes);
        }
        if let Some(folder) = &self.programs {
            session = session.with_programs(Prebuilt::of(folder)?);
        }
        Ok(session)
    }
}

/// Bytes of memory: `4G`, `512M`, `1.5GiB`.
fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 4G or 512M".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let mib = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "M" => 1.0,
        "G" => 1024.0,
        "T" => 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    let mib = number.parse::<f64>().map_err(|_| expected())? * mib;
    // What is below a MiB holds no program, what is above a PiB no machine has.
    if (1.0..=f64::from(1 << 30)).contains(&mib) {
        Ok((mib as u64) << 20)
    } else {
        Err(expected())
    }
}

pub(super) fn report(
    session: &Session<'_>,
    options: &ReportOptions,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    if !options.yes && !std::io::stdin().is_terminal() {
        let message = "expected --yes, or a terminal where to ask before the report is written";
        return Err(UsageError(message.to_owned()).into());
    }
    let runs = chosen(session.book, &options.runs)?;
    let size = if options.recorded_size {
        Size::Recorded
    } else {
        Size::Quick
    };
    let mut reporter = Reporter::new(session);
    let machine = reporter.machine(*runs.first().context("the book has no run")?)?;
    let mut report = report::of(machine, Vec::new())?;
    let path = match &options.dest {
        Some(dest) => std::path::absolute(dest).with_context(|| dest.display().to_string())?,
        None => report.path(session.book),
    };
    // Before the runs, which take minutes: what could not be written need not be made.
    report::join_earlier(session.book, &mut report.clone(), &path)?;
    card(&report.machine, terminal, out)?;
    let width = name_width(&runs);
    for run in runs {
        let reported = reporter.report(run, size)?;
        line(session, &reported, width, terminal, out)?;
        report.runs.push(reported);
    }
    let made = report.runs.len();
    report::join_earlier(session.book, &mut report, &path)?;
    summary(session, &report, made, out)?;
    let shown = session.book.relative(&path).display().to_string();
    if !options.yes && !agreed(&report, &shown, &mut std::io::stdin().lock(), out)? {
        writeln!(out, "not written")?;
        return Ok(ExitStatus::Success);
    }
    report.save(&path)?;
    writeln!(out, "{}", terminal.good(&format!("✔ written to {shown}")))?;
    Ok(ExitStatus::Success)
}

/// All that the report says of the machine.
fn card(machine: &Machine, terminal: Terminal, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{}",
        terminal.strong("The report says of this machine:")
    )?;
    let text = serde_json::to_value(machine)?;
    for part in ["host", "limits"] {
        for (key, value) in text[part].as_object().into_iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            writeln!(out, "    {key}: {value}")?;
        }
    }
    Ok(writeln!(out)?)
}

/// A run, in a line, and what came out otherwise than the book says.
fn line(
    session: &Session<'_>,
    reported: &ReportedRun,
    width: usize,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<()> {
    let claims = machines::outcomes(session.book.run(&reported.run)?, reported);
    let otherwise = |outcome: &Outcome| matches!(outcome, Outcome::Otherwise(_));
    let held = claims
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::AsSaid(_)));
    let mut words = Vec::new();
    words.extend(reported.seconds.map(|seconds| format!("{seconds:.2} s")));
    let mark = if let Some(why) = &reported.skipped {
        words.push(format!("skipped: {why}"));
        terminal.warning("-")
    } else {
        words.push(format!(
            "{} as the book says",
            counted(held.count(), "claim")
        ));
        match &reported.differs {
            Some(lines) if lines.is_empty() => words.push("agrees with its record".to_owned()),
            Some(_) => words.push("differs from its record".to_owned()),
            None => {}
        }
        if reported.faults.is_empty() && !claims.iter().any(|(_, outcome)| otherwise(outcome)) {
            terminal.good("✔")
        } else {
            terminal.bad("✘")
        }
    };
    writeln!(out, "{mark} {:width$}  {}", reported.run, words.join(", "))?;
    for fault in &reported.faults {
        writeln!(out, "    {}", terminal.bad(fault))?;
    }
    for (claim, outcome) in &claims {
        if let Outcome::Otherwise(seen) = outcome {
            writeln!(
                out,
                "    {}",
                terminal.bad(&format!("{}: {seen}", claim.says))
            )?;
        }
    }
    for difference in reported.differs.iter().flatten() {
        writeln!(out, "    {difference}")?;
    }
    Ok(out.flush()?)
}

fn summary(
    session: &Session<'_>,
    report: &MachineReport,
    made: usize,
    out: &mut dyn Write,
) -> Result<()> {
    let (mut as_said, mut otherwise, mut open) = (0, 0, 0);
    for run in &report.runs {
        for (_, outcome) in machines::outcomes(session.book.run(&run.run)?, run) {
            match outcome {
                Outcome::AsSaid(_) => as_said += 1,
                Outcome::Otherwise(_) => otherwise += 1,
                _ => open += 1,
            }
        }
    }
    let skipped = report
        .runs
        .iter()
        .filter(|run| run.skipped.is_some())
        .count();
    let failed = report
        .runs
        .iter()
        .filter(|run| !run.faults.is_empty())
        .count();
    let earlier = report.runs.len() - made;
    writeln!(
        out,
        "\n{}, {skipped} skipped, {failed} failed; of their claims {as_said} came out as the book says, \
         {otherwise} otherwise, {open} not judged",
        counted(report.runs.len(), "run"),
    )?;
    if earlier > 0 {
        writeln!(
            out,
            "{} of them made earlier, on this machine",
            counted(earlier, "run")
        )?;
    }
    Ok(())
}

/// Asks whether to write it; shows all of it to a person who asks for that.
fn agreed(
    report: &MachineReport,
    path: &str,
    answers: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<bool> {
    let text = report.to_text()?;
    loop {
        write!(
            out,
            "Write it to {path} ({} KiB)? It has what stands above, and the figures of each run. \
             [y]es, [N]o, [s]how all of it: ",
            text.len().div_ceil(1024)
        )?;
        out.flush()?;
        let mut answer = String::new();
        answers
            .read_line(&mut answer)
            .context("cannot read the answer")?;
        match answer.trim() {
            "y" | "yes" => return Ok(true),
            "s" | "show" => writeln!(out, "{text}")?,
            _ => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::book_with;
    use crate::record::report::tests::{report_of, reported};
    use crate::run::stop::Stop;

    #[test]
    fn a_size_is_read_and_what_is_none_is_told() {
        assert_eq!(size("4G"), Ok(4 << 30));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("1.5GB"), Ok(1536 << 20));
        for wrong in ["4", "G", "4K", "0M", "4Gx", "-1G", "1e9T", "2000000T"] {
            assert_eq!(
                size(wrong),
                Err("expected a size such as 4G or 512M".to_owned()),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_report_is_shown_and_written_and_a_run_made_again_takes_its_place() {
        let runs = "[[run]]\nname = 'one'\nargs = ['-c', 'echo Main']\n\
                    [[run.claim]]\nsays = 'Twice'\ncount = { lines = 'Main', is = 2 }\n\
                    [[run]]\nname = 'two'\nargs = ['-c', 'echo needs root; exit 77']\n";
        let (_dir, book) = book_with(runs);
        let book = book.expect("it is right");
        let terminal = Terminal {
            width: 100,
            colour: false,
        };
        let reported = |runs: &[&str]| {
            let session = Session::new(&book, Stop::default());
            session.use_program("demo", "/bin/sh");
            let options = ReportOptions {
                runs: runs.iter().map(|run| (*run).to_owned()).collect(),
                yes: true,
                ..ReportOptions::default()
            };
            let mut out = Vec::new();
            report(&session, &options, terminal, &mut out).expect("it does its work");
            String::from_utf8(out).expect("text")
        };
        let text = reported(&[]);
        for words in [
            "The report says of this machine:\n    cores: ",
            "\n✘ demo/one",
            ", 0 claims as the book says\n    Twice: 1 line (Main), not 2\n",
            "\n- demo/two",
            "skipped: needs root\n",
            "\n2 runs, 1 skipped, 0 failed; of their claims 0 came out as the book says, \
             1 otherwise, 0 not judged\n✔ written to reports/",
        ] {
            assert!(text.contains(words), "{words} is not in {text}");
        }
        let text = reported(&["demo/one"]);
        assert!(
            text.contains("1 run of them made earlier, on this machine"),
            "{text}"
        );
        let reports = MachineReport::load_all(&book).expect("they can be read");
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].1.runs.len(), 2);
    }

    #[test]
    fn nothing_is_written_unless_somebody_says_yes_and_all_of_it_is_shown_on_request() {
        let report = report_of(vec![reported("demo/one", Vec::new())]);
        let answer = |answers: &str| {
            let mut out = Vec::new();
            let agreed = agreed(&report, "reports/x.json", &mut answers.as_bytes(), &mut out);
            (
                agreed.expect("an answer"),
                String::from_utf8(out).expect("text"),
            )
        };
        for (answers, agreed) in [
            ("y\n", true),
            ("\n", false),
            ("", false),
            ("s\nyes\n", true),
        ] {
            assert_eq!(answer(answers).0, agreed, "{answers}");
        }
        assert!(!answer("y\n").1.contains("AMD EPYC"));
        assert!(answer("s\nn\n").1.contains("\"cpu\": \"AMD EPYC\""));
    }
}
