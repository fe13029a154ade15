//! What the processes of a run were doing, as they reported it themselves.
//!
//! A run finds in `MDBOOK_LIVE_MARKS` the path of a file. A process that has something to
//! tell appends a line: nanoseconds of `CLOCK_MONOTONIC`, its process id, its name, and a
//! word for what it does from then on. In a record the marks are marker events of
//! asciicast version 2: `[1.25, "m", "ForkProcess-3 receiving"]`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// A process says what it does from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Seconds since the run's start.
    pub seconds: f64,
    /// The process's name, as its lines have it.
    pub process: String,
    /// `waiting`, `receiving`, `computing`, …
    pub state: String,
}

/// A run that marks more than this, in bytes, marks too much: no picture can show it.
const MOST: u64 = 16 << 20;

/// The marks in the file at `path`, in order of time; `began` is the clock at the start.
///
/// # Errors
///
/// When the file holds something else, or more than a picture can show.
pub(crate) fn read(path: &Path, began: Duration) -> Result<Vec<Mark>> {
    let mut text = String::new();
    let file = File::open(path).context("cannot open the run's marks")?;
    file.take(MOST + 1)
        .read_to_string(&mut text)
        .context("cannot read the run's marks")?;
    ensure!(
        text.len() as u64 <= MOST,
        "the run made more than {} MiB of marks",
        MOST >> 20
    );
    let mut marks = text
        .lines()
        .map(|line| {
            parse(line, began).with_context(|| {
                format!("the run's marks: `{line}`: expected NANOSECONDS PID NAME STATE")
            })
        })
        .collect::<Result<Vec<Mark>>>()?;
    // Each process appends in order; two that do so at one time may come either way.
    marks.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    Ok(marks)
}

fn parse(line: &str, began: Duration) -> Option<Mark> {
    let (nanoseconds, rest) = line.split_once(' ')?;
    let (pid, rest) = rest.split_once(' ')?;
    let (process, state) = rest.rsplit_once(' ')?;
    pid.parse::<u32>().ok()?;
    let at = Duration::from_nanos(nanoseconds.parse().ok()?).saturating_sub(began);
    Some(Mark {
        // To the microsecond, as the times of lines are.
        seconds: at.as_micros() as f64 / 1e6,
        process: process.to_owned(),
        state: state.to_owned(),
    })
}

impl Mark {
    /// The mark as a marker event's text.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.process, self.state)
    }

    /// The mark that such a text is; `None` for markers of somebody else.
    pub(crate) fn of_label(seconds: f64, label: &str) -> Option<Mark> {
        let (process, state) = label.rsplit_once(' ')?;
        Some(Mark {
            seconds,
            process: process.to_owned(),
            state: state.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Mark>> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("a file");
        read(file.path(), Duration::from_secs(5))
    }

    #[test]
    fn marks_count_from_the_start_and_are_in_order_of_time() {
        let marks = read_text("7000000000 12 A computing\n5250000000 11 Main Process loading\n")
            .expect("they are right");
        assert_eq!(
            marks.iter().map(Mark::label).collect::<Vec<_>>(),
            ["Main Process loading", "A computing"]
        );
        assert_eq!((marks[0].seconds, marks[1].seconds), (0.25, 2.0));
        assert_eq!(
            Mark::of_label(0.25, "Main Process loading").as_ref(),
            marks.first()
        );
    }

    #[test]
    fn a_line_that_is_no_mark_is_told() {
        let error = format!("{:#}", read_text("soon 12 A computing\n").unwrap_err());
        assert!(error.contains("`soon 12 A computing`: expected"), "{error}");
    }
}
