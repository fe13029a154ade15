//! `mdbook-live review`: what has changed, old beside new, and whether the new one is kept.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::exit_status::ExitStatus;
use super::run::beside_record;
use super::selection::{chosen, left_out};
use super::terminal::Terminal;
use crate::book::listing::{RunRef, Size};
use crate::run::session::Session;
use crate::run::stop::Stop;
use crate::text::words::counted;
use crate::verbs::review::{Found, Review, keep, look};

/// How often it is looked whether nobody waits for an answer any more.
const LOOK_MS: u8 = 50;

/// What is answered to the question whether a run is kept.
enum Answer {
    Keep,
    Leave,
    Quit,
}

pub(super) fn review(
    session: &Session<'_>,
    names: &[String],
    terminal: Terminal,
    answers: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let runs = chosen(session.book, names)?;
    let (mut same, mut kept, mut left) = (0, 0, 0);
    let mut quit = false;
    for run in &runs {
        if quit {
            left += 1;
            continue;
        }
        let review = match look(session, *run) {
            Ok(review) => review,
            Err(_) if session.stop.is_requested() => bail!("stopped"),
            Err(error) => {
                left += 1;
                let name = terminal.strong(&run.full_name());
                writeln!(out, "{name}\n{} {error:#}\n", terminal.bad("✘"))?;
                continue;
            }
        };
        match &review.found {
            Found::Same => {
                same += 1;
                continue;
            }
            Found::Skipped(why) => {
                left += 1;
                writeln!(out, "- {}  skipped: {why}", run.full_name())?;
                continue;
            }
            Found::Failed(why) => {
                left += 1;
                let name = terminal.strong(&run.full_name());
                writeln!(out, "{name}\n{} {why}\n", terminal.bad("✘"))?;
                continue;
            }
            Found::Changed | Found::New => show(session, *run, &review, terminal, out)?,
            Found::SameButStale(why) => {
                let name = terminal.strong(&run.full_name());
                writeln!(
                    out,
                    "{name}\nprints the same as its record, which is stale: {why}"
                )?;
            }
        }
        match asked(&review, answers, out)? {
            Answer::Keep => {
                let path = match keep(session, *run, &review) {
                    Ok(path) => path,
                    Err(_) if session.stop.is_requested() => bail!("stopped"),
                    Err(error) => {
                        left += 1;
                        writeln!(
                            out,
                            "{}\n",
                            terminal.bad(&format!("✘ not recorded: {error:#}"))
                        )?;
                        continue;
                    }
                };
                let path = session.book.relative(&path).display().to_string();
                writeln!(out, "{}\n", terminal.good(&format!("✔ recorded in {path}")))?;
                kept += 1;
            }
            Answer::Leave => left += 1,
            Answer::Quit => {
                quit = true;
                left += 1;
            }
        }
    }
    let runs = counted(runs.len(), "run");
    writeln!(
        out,
        "{runs}: {same} as recorded, {kept} recorded anew, {left} not recorded"
    )?;
    for left in left_out(session.book, names) {
        writeln!(out, "{left}")?;
    }
    Ok(ExitStatus::of(left == 0))
}

fn show(
    session: &Session<'_>,
    run: RunRef<'_>,
    review: &Review,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out, "{}", terminal.strong(&run.full_name()))?;
    let folder = session.book.relative(&run.listing.dir).display();
    let command = format!("in {folder}: {}", run.command(Size::Recorded));
    writeln!(out, "{}\n", terminal.faint(&command))?;
    let record = review.record.as_ref();
    let agreement = review.agreement.as_ref();
    let table = beside_record(
        run,
        Size::Recorded,
        &review.result,
        record,
        agreement,
        terminal,
    );
    writeln!(out, "{table}")?;
    if let Some(record) = record
        && record.header.live.exit != review.result.exit_code()
    {
        let (then, now) = (record.header.live.exit, review.result.exit_code());
        writeln!(out, "exit status {then} before, {now} now")?;
    }
    for fault in &review.broken {
        writeln!(out, "{}", terminal.bad(&format!("✘ {fault}")))?;
    }
    Ok(())
}

/// Asks until it is answered; no answer leaves the rest as it is.
fn asked(review: &Review, answers: &mut dyn BufRead, out: &mut dyn Write) -> Result<Answer> {
    let question = match (&review.found, review.broken.is_empty()) {
        (Found::New, _) => "Keep it as the record?",
        (_, true) => "Keep the new one?",
        (_, false) => "Keep the new one although it breaks a claim?",
    };
    loop {
        write!(out, "{question} [y]es, [n]o, [q]uit: ")?;
        out.flush()?;
        let mut answer = Vec::new();
        if answers.read_until(b'\n', &mut answer)? == 0 {
            writeln!(out)?;
            return Ok(Answer::Quit);
        }
        let answer = String::from_utf8_lossy(&answer);
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(Answer::Keep),
            "n" | "no" => return Ok(Answer::Leave),
            "q" | "quit" => return Ok(Answer::Quit),
            _ => writeln!(out, "expected y, n or q")?,
        }
    }
}

/// Whether there is somebody to ask.
pub(super) fn require_terminal() -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("review needs a terminal to ask its questions; mdbook-live check shows what differs");
    }
    Ok(())
}

/// What is typed on standard input; at its end when this program is asked to end.
pub(super) struct Typed<'s> {
    input: BufReader<File>,
    stop: &'s Stop,
}

impl Typed<'_> {
    pub(super) fn until(stop: &Stop) -> Result<Typed<'_>> {
        let input = std::io::stdin().as_fd().try_clone_to_owned();
        let input = input.context("cannot read the answers")?;
        Ok(Typed {
            input: BufReader::new(input.into()),
            stop,
        })
    }
}

impl Read for Typed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = self.fill_buf()?;
        let read = filled.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Typed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.input.buffer().is_empty() {
            if self.stop.is_requested() {
                return Ok(&[]);
            }
            let mut fds = [PollFd::new(self.input.get_ref().as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::from(LOOK_MS)) {
                Ok(0) | Err(nix::Error::EINTR) => {}
                Ok(_) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::book_with;
    use crate::record::cast::Record;

    const PLAIN: Terminal = Terminal {
        width: 100,
        colour: false,
    };

    #[test]
    fn what_changed_is_shown_and_only_what_is_accepted_is_kept() {
        let run = |name: &str, script: &str| {
            format!("[[run]]\nname = '{name}'\nargs = ['-c', '{script}']\n")
        };
        let toml = run("a", "echo new")
            + &run("b", "echo other")
            + &run("c", "exit 3")
            + &run("d", "echo same");
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        for (name, text) in [("a", "old\n"), ("b", "old\n"), ("d", "same\n")] {
            let run = book.run(&format!("demo/{name}")).expect("a run");
            let record = crate::record::cast::tests::record_of(text);
            record.save(run, Size::Recorded).expect("it is written");
        }
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let mut out = Vec::new();
        let mut answers = &b"what\ny\nn\nq\n"[..];
        let found = review(&session, &[], PLAIN, &mut answers, &mut out).expect("it is asked");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(found, ExitStatus::Failure, "{text}");
        assert!(text.contains("│ ≠ new"), "{text}");
        assert!(
            text.contains("prints the same as its record, which is stale"),
            "{text}"
        );
        assert!(text.contains("expected y, n or q"), "{text}");
        assert!(text.contains("ended with exit code 3, not 0"), "{text}");
        assert!(
            text.ends_with("4 runs: 0 as recorded, 1 recorded anew, 3 not recorded\n"),
            "{text}"
        );
        let line = |name: &str| {
            let run = book.run(name).expect("a run");
            let record = Record::load(run, Size::Recorded).expect("it can be read");
            record.expect("it is there").lines[0].text().to_owned()
        };
        assert_eq!([line("demo/a"), line("demo/b")], ["new", "old"]);
    }
}
