//! Live runs: what a reader starts from the page, on the machine that serves the book.
//!
//! A request begins a thread, and its answer is a stream of what that thread tells. Who
//! lets go of the stream, by *Stop* or by closing the page, ends the run: there is no
//! other way to stop one, and so none to forget. One run is made at a time, and one more
//! may wait for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::book::listing::{Book, Program, RunRef, Size};
use crate::judge::agreement::places;
use crate::judge::figures::Measured;
use crate::page;
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::run::cargo::{self, Priority};
use crate::run::runner::Stop;
use crate::run::session::Session;

/// One that is made, and one that waits.
const MOST_RUNS: usize = 2;

/// How often a run that waits for its turn looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// How much more than its record's peak must be free for the recorded size.
const ROOM: f64 = 1.15;

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The full name of a run.
    pub run: String,
    /// At which size.
    pub size: RequestedSize,
}

/// The size in a [`RunRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestedSize {
    /// The one that takes seconds.
    Quick,
    /// That of the record.
    Recorded,
}

/// What the page is told, in this order: each at most once but `line` and `status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum RunEvent {
    /// What is waited for or made now, in words.
    Status {
        /// A sentence.
        words: String,
    },
    /// The program has been started.
    Started {
        /// What it is called, at this size.
        command: String,
    },
    /// A line that the program has printed.
    Line {
        /// The line, as the page shows it.
        html: String,
    },
    /// The program has ended.
    Ended {
        /// How, in words.
        words: String,
        /// Whether it ended as it must.
        well: bool,
    },
    /// What became of the claims, by their places in `runs.toml`.
    Verdicts {
        /// The claims' verdicts, as the page shows them.
        claims: BTreeMap<usize, String>,
    },
    /// How the run compares with its record.
    Agreement {
        /// In words.
        words: String,
        /// Whether it agrees.
        agrees: bool,
        /// The lines that only the live run has, counted from 0.
        live: Vec<usize>,
        /// The lines that only the record has, counted from 0.
        recorded: Vec<usize>,
    },
    /// The timeline of the run.
    Picture {
        /// As the page shows it.
        html: String,
    },
    /// There is no run: why.
    Failed {
        /// In words.
        words: String,
    },
}

/// Why a wish is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// No run has that name.
    NotListed,
    /// One run is made and another waits.
    QueueFull,
    /// The server is about to end.
    Ending,
}

/// The live runs of one server.
#[derive(Debug)]
pub struct RunQueue {
    root: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    /// Ends builds that nobody waits for.
    closing: Stop,
    /// In place of the listings' own programs.
    #[cfg(test)]
    program: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    /// The runs that are made or wait, each with what ends it.
    admitted: BTreeMap<u64, Stop>,
    next: u64,
    /// Whether one of them is being made.
    busy: bool,
    closed: bool,
}

impl RunQueue {
    /// For the book in `root`.
    pub fn new(root: &Path) -> Arc<RunQueue> {
        Arc::new(RunQueue {
            root: root.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
            closing: Stop::default(),
            #[cfg(test)]
            program: None,
        })
    }

    /// For tests: every listing's program is this one.
    #[cfg(test)]
    pub(crate) fn with_program(root: &Path, program: &str) -> Arc<RunQueue> {
        Arc::new(RunQueue {
            root: root.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
            closing: Stop::default(),
            program: Some(program.into()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run, or has it wait for its turn. It goes on for as long as its stream is
    /// held.
    ///
    /// # Errors
    ///
    /// See [`Rejected`].
    pub fn begin(self: &Arc<RunQueue>, wish: RunRequest) -> Result<Stream, Rejected> {
        let book = Book::open(&self.root).map_err(|_| Rejected::NotListed)?;
        if book.run(&wish.run).is_err() {
            return Err(Rejected::NotListed);
        }
        let stop = Stop::default();
        let number = {
            let mut state = self.lock();
            if state.closed {
                return Err(Rejected::Ending);
            }
            if state.admitted.len() >= MOST_RUNS {
                return Err(Rejected::QueueFull);
            }
            state.next += 1;
            let number = state.next;
            state.admitted.insert(number, stop.clone());
            number
        };
        let (sender, receiver) = unbounded_channel();
        let admitted = Permit {
            live: Arc::clone(self),
            number,
        };
        let told = EventSender {
            sender,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("live run {number}"));
        let spawned = thread.spawn(move || {
            let outcome = admitted.make(&book, &wish, &told);
            if let Err(error) = outcome
                && !told.stop.is_requested()
            {
                told.tell(RunEvent::Failed {
                    words: format!("{error:#}"),
                });
            }
        });
        // Where there is no thread, its admission went with what it was to do.
        match spawned {
            Ok(_) => Ok(Stream { receiver, stop }),
            Err(_) => Err(Rejected::QueueFull),
        }
    }

    /// Which runs there are, and why the recorded size is not offered where it is not.
    pub fn offers(&self) -> Result<BTreeMap<String, Option<String>>> {
        let book = Book::open(&self.root)?;
        let free_mib = free_memory_mib();
        book.runs()
            .map(|run| {
                let why_not = match run.run.args == run.run.quick {
                    true => Some("the same".to_owned()),
                    false => why_not_at_recorded_size(run, free_mib)?,
                };
                Ok((run.full_name(), why_not))
            })
            .collect()
    }

    /// Builds every listing, one after another, when nothing else wants the machine, so
    /// that whoever presses *Run* seldom waits. A listing that does not build is told when
    /// it is run.
    pub fn build_all(&self) {
        let Ok(book) = Book::open(&self.root) else {
            return;
        };
        for listing in &book.listings {
            let mut built: Vec<&Program> = Vec::new();
            for program in listing.runs.iter().map(|run| &run.program) {
                if built.contains(&program) {
                    continue;
                }
                built.push(program);
                if self.closing.is_requested() {
                    return;
                }
                let _ = cargo::build(listing, program, Priority::Low, &self.closing);
            }
        }
    }

    /// Ends every run and build, and waits until their processes are gone.
    pub fn close(&self) {
        self.closing.request();
        let mut state = self.lock();
        state.closed = true;
        for stop in state.admitted.values() {
            stop.request();
        }
        while !state.admitted.is_empty() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        cargo::wait_for_builds();
    }
}

/// What the page is told, as it happens. Dropping it ends the run.
#[derive(Debug)]
pub struct Stream {
    receiver: UnboundedReceiver<RunEvent>,
    stop: Stop,
}

impl tokio_stream::Stream for Stream {
    type Item = RunEvent;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.request();
    }
}

/// The thread's end of a stream.
#[derive(Clone)]
struct EventSender {
    sender: UnboundedSender<RunEvent>,
    stop: Stop,
}

impl EventSender {
    fn tell(&self, told: RunEvent) {
        // Nobody listens any more: the stream's end has asked the run to stop.
        let _ = self.sender.send(told);
    }

    fn status(&self, words: impl Into<String>) {
        self.tell(RunEvent::Status {
            words: words.into(),
        });
    }
}

/// A place among the runs that are made or wait. Dropping it gives it up.
struct Permit {
    live: Arc<RunQueue>,
    number: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.live.lock().admitted.remove(&self.number);
        self.live.changed.notify_all();
    }
}

/// The turn of the one run that is made.
struct Turn<'a>(&'a RunQueue);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.changed.notify_all();
    }
}

impl Permit {
    fn turn(&self, told: &EventSender) -> Result<Turn<'_>> {
        let mut state = self.live.lock();
        if state.busy {
            told.status("Waiting for another run to end.");
        }
        while state.busy {
            if told.stop.is_requested() {
                bail!("stopped");
            }
            let waited = self.live.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.busy = true;
        Ok(Turn(&self.live))
    }

    fn make(&self, book: &Book, wish: &RunRequest, told: &EventSender) -> Result<()> {
        let _turn = self.turn(told)?;
        let run = book.run(&wish.run)?;
        let size = match wish.size {
            RequestedSize::Quick => Size::Quick,
            RequestedSize::Recorded => Size::Recorded,
        };
        if size == Size::Recorded
            && run.run.args != run.run.quick
            && let Some(why) = why_not_at_recorded_size(run, free_memory_mib())?
        {
            bail!("the recorded size {why}");
        }
        let beside = told.clone();
        let session = Session::new(book, told.stop.clone())
            .telling(move |name| beside.status(format!("Running {name}, which a claim needs.")));
        #[cfg(test)]
        if let Some(program) = &self.live.program {
            for listing in &book.listings {
                session.use_program(&listing.name, &program.to_string_lossy());
            }
        }
        told.status(format!("Building {}.", run.listing.name));
        session.program(run)?;
        told.tell(RunEvent::Started {
            command: run.command(size),
        });
        let result = session.run(run, size, run.run.memory, &mut |line: &Line| {
            told.tell(RunEvent::Line {
                html: page::output::line(line, &run.listing.varies),
            });
        })?;
        let faults = result.faults(run.run.exit);
        let skipped = result.skipped();
        told.tell(RunEvent::Ended {
            words: match (&skipped, &faults[..]) {
                (Some(why), _) => format!("The program says that it cannot run here: {why}"),
                (None, []) => format!("Ended after {:.2} s.", result.seconds),
                (None, faults) => format!("The run {}.", faults.join("; ")),
            },
            well: skipped.is_none() && faults.is_empty(),
        });
        if skipped.is_some() || told.stop.is_requested() {
            return Ok(());
        }
        if let Some(html) = page::timeline::picture(&run.full_name(), &result) {
            told.tell(RunEvent::Picture { html });
        }
        let record = Record::load(run)?;
        let judged = session.judge(run, size, &result, record.as_ref());
        if told.stop.is_requested() {
            bail!("stopped");
        }
        if let Some(found) = &judged.agreement {
            told.tell(RunEvent::Agreement {
                words: format!("This run {}.", found.words()),
                agrees: found.agrees(),
                live: places(&found.only_live),
                recorded: places(&found.only_recorded),
            });
        }
        let claims = judged.claims.iter();
        let claims = claims.map(|(at, judgement)| {
            let html = page::claims::live_verdict(&run.run.claims[*at], judgement);
            (*at, html)
        });
        let claims = claims.collect();
        told.tell(RunEvent::Verdicts { claims });
        Ok(())
    }
}

/// What this machine has free, in MiB, as the system estimates it.
fn free_memory_mib() -> f64 {
    let memory = MemoryRefreshKind::nothing().with_ram();
    match System::new_with_specifics(RefreshKind::nothing().with_memory(memory)) {
        Ok(system) => (system.available_memory() >> 20) as f64,
        Err(_) => 0.0,
    }
}

/// Why a run is not offered at the size of its record; `None` where it is.
fn why_not_at_recorded_size(run: RunRef<'_>, free_mib: f64) -> Result<Option<String>> {
    let Some(record) = Record::load(run)? else {
        return Ok(Some("has no record that tells what it needs".to_owned()));
    };
    let measured = Measured {
        lines: &[],
        seconds: record.header.duration,
        memory: &record.memory,
    };
    let Ok(peak) = measured.figure(run.listing, "tree_peak") else {
        // A run whose memory is not sampled: the program itself asks for what it needs.
        return Ok(None);
    };
    let needed = peak.value * ROOM;
    Ok((needed > free_mib).then(|| {
        format!(
            "needs {:.1} GiB of memory, {:.1} GiB are free",
            needed / 1024.0,
            free_mib / 1024.0
        )
    }))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;
    use std::time::Instant;

    use super::*;
    use crate::fixture_book::{book, write};

    /// The fixture's book with runs that are scripts of `sh`, each a name and a script.
    fn scripts(runs: &[(&str, &str)]) -> (tempfile::TempDir, Arc<RunQueue>) {
        let dir = book();
        let mut text = String::new();
        for (name, script) in runs {
            text += &format!(
                "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '''{script}''']\nlimit_s = 60\n\
                 [[run.claim]]\nsays = 'One line'\ncount = {{ of = '.', is = 1 }}\n"
            );
        }
        write(dir.path(), "listings/demo/runs.toml", &text);
        let live = RunQueue::with_program(dir.path(), "/bin/sh");
        (dir, live)
    }

    fn wish(run: &str) -> RunRequest {
        RunRequest {
            run: run.to_owned(),
            size: RequestedSize::Quick,
        }
    }

    fn all(mut stream: Stream) -> Vec<RunEvent> {
        std::iter::from_fn(|| stream.receiver.blocking_recv()).collect()
    }

    /// What the first line of a run says.
    fn first_line(stream: &mut Stream) -> String {
        loop {
            match stream.receiver.blocking_recv() {
                Some(RunEvent::Line { html }) => {
                    let text = html
                        .replace("<span class=\"line\">", "")
                        .replace("</span>", "");
                    return text.trim().to_owned();
                }
                Some(RunEvent::Ended { .. }) | None => panic!("no line came before the end"),
                Some(_) => {}
            }
        }
    }

    #[track_caller]
    fn assert_gone(pid: &str) {
        let pid = Pid::from_raw(pid.parse().expect("a process id"));
        let deadline = Instant::now() + Duration::from_secs(10);
        while kill(pid, None) != Err(Errno::ESRCH) {
            assert!(Instant::now() < deadline, "{pid} is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_run_is_told_from_its_start_to_its_verdicts() {
        let (_dir, live) = scripts(&[("a", "echo only")]);
        let told = all(live.begin(wish("demo/a")).expect("it is listed"));
        let kinds: Vec<String> = told
            .iter()
            .map(|told| {
                let json = serde_json::to_value(told).expect("JSON");
                json["event"].as_str().expect("a name").to_owned()
            })
            .collect();
        assert_eq!(kinds, ["status", "started", "line", "ended", "verdicts"]);
        let Some(RunEvent::Verdicts { claims }) = told.last() else {
            panic!("{told:?}");
        };
        assert!(claims[&0].contains("Live: holds"), "{claims:?}");
    }

    #[test]
    fn a_line_comes_while_the_program_runs_and_letting_go_ends_the_whole_group() {
        let script = "sh -c 'trap \"\" TERM; exec sleep 1000' & echo $!; sleep 1000";
        let (_dir, live) = scripts(&[("a", script)]);
        let mut stream = live.begin(wish("demo/a")).expect("it is listed");
        let pid = first_line(&mut stream);
        assert!(kill(Pid::from_raw(pid.parse().expect("a pid")), None).is_ok());
        drop(stream);
        assert_gone(&pid);
    }

    #[test]
    fn one_run_waits_and_the_next_is_refused_until_one_lets_go() {
        let (_dir, live) = scripts(&[("long", "echo $$; sleep 1000"), ("short", "echo done")]);
        let mut first = live.begin(wish("demo/long")).expect("the queue is empty");
        let pid = first_line(&mut first);
        let waiting = live.begin(wish("demo/short")).expect("one may wait");
        assert_eq!(
            live.begin(wish("demo/short")).err(),
            Some(Rejected::QueueFull)
        );
        drop(waiting);
        let deadline = Instant::now() + Duration::from_secs(10);
        let next = loop {
            match live.begin(wish("demo/short")) {
                Ok(stream) => break stream,
                Err(refusal) => assert_eq!(refusal, Rejected::QueueFull),
            }
            assert!(Instant::now() < deadline, "the place is not given up");
            std::thread::sleep(Duration::from_millis(5));
        };
        drop(first);
        assert_gone(&pid);
        let told = all(next);
        assert!(
            told.iter()
                .any(|told| matches!(told, RunEvent::Ended { well: true, .. })),
            "{told:?}"
        );
    }

    #[test]
    fn only_the_exact_name_of_a_listed_run_is_made() {
        let (_dir, live) = scripts(&[("a", "echo only")]);
        for name in [
            "",
            "a",
            "demo",
            "demo/b",
            "demo/a ",
            "demo/a --records 9",
            "demo/a;id",
            "../demo/a",
            "demo/../demo/a",
            "demo%2fa",
        ] {
            let refused = live.begin(wish(name)).err();
            assert_eq!(refused, Some(Rejected::NotListed), "{name}");
        }
    }

    #[test]
    fn a_listing_that_prints_something_else_now_shows_where() {
        let (dir, live) = scripts(&[("a", "echo old")]);
        let text = std::fs::read_to_string(dir.path().join("listings/demo/runs.toml"));
        let text = text.expect("a file");
        let book = Book::open(dir.path()).expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let how = crate::verbs::record::RecordOptions {
            of: 1,
            keep_broken: false,
        };
        let run = book.run("demo/a").expect("it is there");
        crate::verbs::record::record(&session, run, how, &mut |_| {}).expect("it is recorded");

        write(
            dir.path(),
            "listings/demo/runs.toml",
            &text.replace("echo old", "echo new; echo newer"),
        );
        let told = all(live.begin(wish("demo/a")).expect("it is listed"));
        let differences = told.iter().find_map(|told| match told {
            RunEvent::Agreement {
                agrees,
                live,
                recorded,
                ..
            } => Some((*agrees, live.clone(), recorded.clone())),
            _ => None,
        });
        assert_eq!(differences, Some((false, vec![0, 1], vec![0])));
        let Some(RunEvent::Verdicts { claims }) = told.last() else {
            panic!("{told:?}");
        };
        assert!(claims[&0].contains("Live: does not hold"), "{claims:?}");
    }

    #[test]
    fn the_servers_end_ends_the_runs_and_admits_no_more() {
        let (_dir, live) = scripts(&[("a", "echo $$; sleep 1000")]);
        let mut stream = live.begin(wish("demo/a")).expect("it is listed");
        let pid = first_line(&mut stream);
        live.close();
        let pid = Pid::from_raw(pid.parse().expect("a process id"));
        assert_eq!(
            kill(pid, None),
            Err(Errno::ESRCH),
            "gone when close returns"
        );
        assert_eq!(live.begin(wish("demo/a")).err(), Some(Rejected::Ending));
    }
}
