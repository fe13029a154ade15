//! A record: what a run printed and when, as asciicast v2, with where it was made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::book::listing::{RunRef, Size};
use crate::record::account::Account;
use crate::record::built_from::BuiltFrom;
use crate::record::files::{Replacement, read_if_there, remove_if_there};
use crate::record::line::{Line, LineCutter, Stream};
use crate::record::marks::Mark;
use crate::record::memory::{self, MemorySample};

/// A recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The first line of the `.cast` file.
    pub header: Header,
    /// What was printed, in order.
    pub lines: Vec<Line>,
    /// What its processes were doing when, in order of time.
    pub marks: Vec<Mark>,
    /// The memory of the process tree; empty where it was not sampled.
    pub memory: Vec<MemorySample>,
}

/// The header of an asciicast, with one key of our own, `live`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Of the format: 2.
    pub version: u32,
    /// Columns of the terminal.
    pub width: u32,
    /// Rows of the terminal.
    pub height: u32,
    /// When the run began, in seconds since 1970.
    pub timestamp: u64,
    /// Seconds from the start to the exit.
    pub duration: f64,
    /// The run's full name.
    pub title: String,
    /// What a reader types to run the same.
    pub command: String,
    /// The variables that the author gives the run.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What this tool adds.
    pub live: Provenance,
}

/// What the header says beyond asciicast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The machine.
    pub host: HostCard,
    /// The listing's arguments.
    pub args: Vec<String>,
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub exit: i32,
    /// What the program was built from.
    #[serde(default)]
    pub built_from: BuiltFrom,
    /// Which of the lines, counted from 0, were printed on standard error. The events do not
    /// tell, so that a player shows them all.
    #[serde(default)]
    pub stderr: Vec<usize>,
    /// Which of them the run's client printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<usize>,
    /// The text file that it was imported from: who made it, where and when is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
    /// What was around the run that its command does not say: its client, and what ended it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub around: String,
    /// The figure by which this run was chosen among several.
    pub by: String,
    /// That figure of each of them, ascending; this one has the median.
    pub of: Vec<f64>,
    /// How many runs were made before, and not counted.
    #[serde(default)]
    pub warm_ups: usize,
    /// How many bytes of private memory each of its processes was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_limit: Option<u64>,
    /// What its processes did, where they were observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Provenance {
    /// The least and the most of a figure in the runs of which this one is the median; `None`
    /// where they were ranked by another, or there was one.
    pub fn spread_of(&self, figure: &str) -> Option<(f64, f64)> {
        match self.of[..] {
            [least, .., most] if self.by == figure => Some((least, most)),
            _ => None,
        }
    }
}

/// The machine that made a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HostCard {
    /// The processor's model.
    pub cpu: String,
    /// Logical processors online.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's name and release.
    pub kernel: String,
    /// `rustc --version`.
    pub rustc: String,
    /// Transparent huge pages: `always`, `madvise`, `never` or `unknown`.
    pub thp: String,
    /// Whether it is a virtual machine, as far as the processor tells.
    #[serde(default)]
    pub virtual_machine: bool,
}

impl HostCard {
    /// A machine of which nothing is known: that of a record that was imported.
    pub fn unknown() -> HostCard {
        HostCard {
            cpu: "unknown".to_owned(),
            cores: 0,
            memory_mib: 0,
            kernel: "unknown".to_owned(),
            rustc: String::new(),
            thp: "unknown".to_owned(),
            virtual_machine: false,
        }
    }
}

/// The day, in UTC, of a time in seconds since 1970: `2026-03-14`.
pub fn date_of(timestamp: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(timestamp);
    let mut date = humantime::format_rfc3339_seconds(time).to_string();
    date.truncate("2026-03-14".len());
    date
}

impl Header {
    /// The day of the record, `2026-03-14`, in UTC.
    pub fn date(&self) -> String {
        date_of(self.timestamp)
    }
}

impl Record {
    /// The run's record of that size; `None` where it has not been recorded yet.
    pub fn load(run: RunRef<'_>, size: Size) -> Result<Option<Record>> {
        let path = run.record_path(size);
        let Some(text) = read_if_there(&path)? else {
            return Ok(None);
        };
        let (header, lines, marks) = parse_cast(&path, &text)?;
        let path = run.memory_path();
        let memory = match size {
            Size::Quick if !run.has_one_size() => None,
            _ => read_if_there(&path)?,
        };
        let memory = match memory {
            Some(text) => memory::from_csv(&path, &text)?,
            None => Vec::new(),
        };
        Ok(Some(Record {
            header,
            lines,
            marks,
            memory,
        }))
    }

    /// Writes the record of that size. The memory is that of the recorded size.
    pub fn save(&self, run: RunRef<'_>, size: Size) -> Result<()> {
        self.written(run, size)?.take_its_place()
    }

    /// Writes the record's files beside those of an earlier one, which stays as it is.
    pub fn written(&self, run: RunRef<'_>, size: Size) -> Result<WrittenRecord> {
        let mut cast = serde_json::to_string(&self.header)? + "\n";
        let mut events: Vec<(f64, &str, String)> = Vec::new();
        for line in &self.lines {
            events.push((line.seconds, "o", format!("{}\r\n", line.raw)));
        }
        for mark in &self.marks {
            events.push((mark.seconds, "m", mark.label()));
        }
        // Stable: of what came at one time the output stays first.
        events.sort_by(|one, other| one.0.total_cmp(&other.0));
        for event in events {
            cast += &serde_json::to_string(&event)?;
            cast.push('\n');
        }
        let has_memory = size == Size::Recorded || run.has_one_size();
        let memory_path = run.memory_path();
        let memory = if has_memory && !self.memory.is_empty() {
            let memory = memory::to_csv(&self.memory)?;
            Some(Replacement::of(&memory_path, &memory)?)
        } else {
            None
        };
        Ok(WrittenRecord {
            cast: Replacement::of(&run.record_path(size), &cast)?,
            no_memory: (has_memory && memory.is_none()).then_some(memory_path),
            memory,
        })
    }
}

/// A record that is written, and does not count yet. Dropping it leaves the earlier one.
#[derive(Debug)]
pub struct WrittenRecord {
    cast: Replacement,
    memory: Option<Replacement>,
    /// Where the memory of an earlier record may be that this one does not have.
    no_memory: Option<PathBuf>,
}

impl WrittenRecord {
    /// Puts it in the place of the earlier one; nothing has to be written any more.
    pub fn take_its_place(self) -> Result<()> {
        // The memory first: a record that is there is never without it.
        if let Some(path) = self.no_memory {
            remove_if_there(&path)?;
        }
        if let Some(memory) = self.memory {
            memory.take_its_place()?;
        }
        self.cast.take_its_place()
    }
}

fn parse_cast(path: &Path, text: &str) -> Result<(Header, Vec<Line>, Vec<Mark>)> {
    let at = |line: usize| format!("{}:{line}", path.display());
    let mut rows = text.lines().zip(1..);
    let (first, _) = rows
        .next()
        .with_context(|| format!("{}: empty; expected asciicast version 2", path.display()))?;
    let header: Header = serde_json::from_str(first)
        .with_context(|| format!("{}: expected the header of a record", at(1)))?;
    if header.version != 2 {
        bail!(
            "{}: version {}; expected asciicast version 2",
            at(1),
            header.version
        );
    }
    let (mut lines, mut marks) = (Vec::new(), Vec::new());
    let mut cutter = LineCutter::default();
    let mut last = 0.0;
    for (line, number) in rows {
        if line.trim().is_empty() {
            continue;
        }
        let (seconds, kind, text): (f64, String, String) = serde_json::from_str(line)
            .with_context(|| {
                format!(
                    "{}: expected an event, [seconds, \"o\", \"text\"]",
                    at(number)
                )
            })?;
        // The format has input and resizes too.
        match kind.as_str() {
            "o" => {
                last = seconds;
                cutter.push(seconds, text.as_bytes(), &mut |line| lines.push(line));
            }
            "m" => marks.extend(Mark::of_label(seconds, &text)),
            _ => {}
        }
    }
    cutter.finish(last, &mut |line| lines.push(line));
    for at in &header.live.stderr {
        if let Some(line) = lines.get_mut(*at) {
            line.stream = Stream::Error;
        }
    }
    for at in &header.live.client {
        if let Some(line) = lines.get_mut(*at) {
            line.stream = Stream::Client;
        }
    }
    Ok((header, lines, marks))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::account::tests::account;
    use crate::record::line::lines_of;

    pub(crate) fn record_of(text: &str) -> Record {
        Record {
            header: Header {
                version: 2,
                width: 100,
                height: 24,
                timestamp: 1_773_446_400,
                duration: 0.25,
                title: "demo/one".into(),
                command: "cargo run -- 'a b' --n 1".into(),
                env: BTreeMap::new(),
                live: Provenance {
                    host: HostCard {
                        cpu: "A processor".into(),
                        cores: 2,
                        memory_mib: 4096,
                        kernel: "Linux 6.1".into(),
                        rustc: "rustc 1.95.0".into(),
                        thp: "madvise".into(),
                        virtual_machine: false,
                    },
                    args: vec!["a b".into(), "--n".into(), "1".into()],
                    exit: 0,
                    built_from: BuiltFrom::default(),
                    stderr: Vec::new(),
                    client: Vec::new(),
                    imported: None,
                    around: String::new(),
                    by: "wall_s".into(),
                    of: vec![0.25],
                    warm_ups: 0,
                    data_limit: None,
                    account: None,
                },
            },
            lines: lines_of(text)
                .into_iter()
                .enumerate()
                .map(|(nth, line)| Line {
                    seconds: nth as f64 / 8.0,
                    ..line
                })
                .collect(),
            marks: Vec::new(),
            memory: Vec::new(),
        }
    }

    fn sample(seconds: f64) -> MemorySample {
        MemorySample {
            seconds,
            process: "demo".into(),
            ordinal: 0,
            pss_kib: 300,
            anon_kib: 100,
            file_kib: 150,
            shmem_kib: 50,
            private_dirty_kib: 90,
            unmapped_kib: 20,
        }
    }

    #[test]
    fn a_record_survives_the_round_trip_through_its_files() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there");
        assert_eq!(
            Record::load(run, Size::Recorded).expect("nothing is wrong"),
            None
        );

        let mut record =
            record_of("\x1b[1mMain\x1b[0m \"quoted\" \\ \u{1F980}\ntwo\r\n\r10%\r100%\nno end");
        record.memory = vec![sample(0.0), sample(0.020_001)];
        record.marks = vec![Mark {
            seconds: 0.2,
            process: "demo".into(),
            state: "waiting".into(),
        }];
        record.save(run, Size::Recorded).expect("it can be written");
        assert_eq!(
            Record::load(run, Size::Recorded).expect("it is right"),
            Some(record.clone())
        );

        let cast = std::fs::read_to_string(run.record_path(Size::Recorded)).expect("it is there");
        assert!(
            cast.lines()
                .nth(1)
                .is_some_and(|line| line.ends_with(r#"\r\n"]"#)),
            "{cast}"
        );

        assert!(!cast.contains("account"), "it was not observed: {cast}");
        record.header.live.account = Some(account(&[(None, 0.0, 0.25), (Some(0), 0.1, 0.2)]));
        record.header.live.data_limit = Some(64 << 20);
        record.save(run, Size::Recorded).expect("it can be written");
        assert_eq!(
            Record::load(run, Size::Recorded).expect("it is right"),
            Some(record.clone())
        );

        record.memory.clear();
        record.save(run, Size::Recorded).expect("it can be written");
        assert!(
            !run.memory_path().exists(),
            "no memory of an earlier record stays"
        );
        let left = std::fs::read_dir(run.listing.dir.join("recorded")).expect("a folder");
        assert_eq!(left.count(), 1, "no temporary file stays");
    }

    #[test]
    fn lines_are_cut_anew_from_a_record_whatever_its_events_hold() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there");
        record_of("one\n")
            .save(run, Size::Recorded)
            .expect("it can be written");
        let cast = std::fs::read_to_string(run.record_path(Size::Recorded)).expect("it is there");
        let header = cast.lines().next().expect("a header");
        let events = r#"[0.5, "o", "\u001b[1;32mMa"]
[0.75, "o", "in\u001b[0m one\r\n\r\n10%\r90%\r\nend"]"#;
        std::fs::write(
            run.record_path(Size::Recorded),
            format!("{header}\n{events}\n"),
        )
        .expect("a file");
        let record = Record::load(run, Size::Recorded)
            .expect("it is right")
            .expect("it is there");
        let texts: Vec<&str> = record.lines.iter().map(Line::text).collect();
        assert_eq!(texts, ["Main one", "", "90%", "end"]);
        assert_eq!(record.lines[0].raw, "\x1b[1;32mMain\x1b[0m one");
        assert_eq!(record.lines[0].seconds, 0.75);
    }

    #[test]
    fn a_broken_record_is_told_with_file_and_line() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there");
        record_of("one\n")
            .save(run, Size::Recorded)
            .expect("it can be written");
        let good = std::fs::read_to_string(run.record_path(Size::Recorded)).expect("it is there");
        let broken = |text: String, memory: &str| {
            std::fs::write(run.record_path(Size::Recorded), text).expect("a file");
            std::fs::write(run.memory_path(), memory).expect("a file");
            format!(
                "{:#}",
                Record::load(run, Size::Recorded).expect_err("it is broken")
            )
        };
        let header = "seconds,process,pid_ordinal,pss_kib,anon_kib,file_kib,shmem_kib,private_dirty_kib,unmapped_kib";
        assert!(broken(String::new(), header).contains("one.cast: empty"));
        assert!(
            broken("{}\n".into(), header)
                .contains("one.cast:1: expected the header of a record: missing field")
        );
        assert!(
            broken(good.replace("\"version\":2", "\"version\":3"), header)
                .contains("one.cast:1: version 3")
        );
        assert!(
            broken(format!("{good}\n[1, \"o\"]\n"), header)
                .contains("one.cast:4: expected an event")
        );
        assert!(
            broken(good.clone(), "seconds\n0\n").contains("one.memory.csv:2: expected a sample")
        );
        assert!(
            broken(good.clone(), &format!("{header}\n0,demo,0,1,2,3,4\n"))
                .contains("one.memory.csv:2")
        );
    }

    #[test]
    fn dates_are_of_the_gregorian_calendar() {
        let mut header = record_of("").header;
        for (timestamp, date) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_773_446_400, "2026-03-14"),
            (4_107_542_399, "2100-02-28"),
        ] {
            header.timestamp = timestamp;
            assert_eq!(header.date(), date);
        }
    }
}
