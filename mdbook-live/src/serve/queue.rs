//! Live runs: what a reader starts from the page, on the machine that serves the book.
//!
//! A request begins a thread, and its answer is a stream of what that thread tells. A page
//! that lets go of the stream, by *Stop* or because it is closed, ends the run: there is no
//! other way to stop one, and so none to forget. One run is made at a time, and one more
//! may wait for it. While no run is made or waits, the listings are built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::book::listing::{Book, RunRef, Size};
use crate::book::varies::Varies;
use crate::judge::agreement::places;
use crate::judge::figures::Measured;
use crate::page;
use crate::page::output::LineStyle;
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::run::cargo::{self, BuildError};
use crate::run::session::Session;
use crate::run::stop::Stop;
use crate::serve::events::{AvailableSizes, Rejected, RequestedSize, RunEvent, RunRequest};
use crate::serve::stream::{EventSender, Stream, stream};

/// One that is made, and one that waits.
const MOST_RUNS: usize = 2;

/// How often a run that waits for its turn looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// How much more than its record's peak must be free for the recorded size.
const ROOM: f64 = 1.15;

/// The live runs of one server.
#[derive(Debug)]
pub struct RunQueue {
    root: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
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
    /// Ends the build that is under way while there are none.
    build: Option<Stop>,
    closed: bool,
}

impl RunQueue {
    /// For the book in `root`.
    pub fn new(root: &Path) -> Arc<RunQueue> {
        Arc::new(RunQueue {
            root: root.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
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
        let (told, stream) = stream(stop);
        let admitted = Permit {
            live: Arc::clone(self),
            number,
        };
        let thread = std::thread::Builder::new().name(format!("live run {number}"));
        let spawned = thread.spawn(move || {
            let outcome = admitted.make(&book, &wish, &told);
            if let Err(error) = outcome
                && !told.stop.is_requested()
            {
                tell_failure(&told, &error);
            }
        });
        // Where there is no thread, its admission went with what it was to do.
        match spawned {
            Ok(_) => Ok(stream),
            Err(_) => Err(Rejected::QueueFull),
        }
    }

    /// Which runs there are, and at which sizes each can be made.
    pub fn available_runs(&self) -> Result<BTreeMap<String, AvailableSizes>> {
        let book = Book::open(&self.root)?;
        let free_mib = free_memory_mib();
        book.runs()
            .map(|run| {
                let sizes = if run.run.args == run.run.quick {
                    AvailableSizes::One
                } else {
                    match why_not_at_recorded_size(run, free_mib)? {
                        Some(why) => AvailableSizes::QuickOnly { why },
                        None => AvailableSizes::Both,
                    }
                };
                Ok((run.full_name(), sizes))
            })
            .collect()
    }

    /// Builds the listings, so that a reader who presses *Run* does not wait for it. A run
    /// ends the build, and when no run is made or waits any more, the build goes on: what
    /// was compiled stays.
    pub fn build_listings(&self) {
        let Ok(book) = Book::open(&self.root) else {
            return;
        };
        while let Some(turn) = self.turn_to_build() {
            // A run of what does not build says why.
            let _ = cargo::build_all(&book, &turn.stop);
            if !turn.stop.is_requested() {
                return;
            }
        }
    }

    /// Waits until no run is made or waits; nothing once the server ends.
    fn turn_to_build(&self) -> Option<TurnToBuild<'_>> {
        let mut state = self.lock();
        while !state.closed && !state.admitted.is_empty() {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        let stop = Stop::default();
        state.build = Some(stop.clone());
        Some(TurnToBuild { live: self, stop })
    }

    /// Ends every run and build, and waits until their processes are gone.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for stop in state.admitted.values().chain(&state.build) {
            stop.request();
        }
        while !state.admitted.is_empty() || state.build.is_some() {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Tells why there is no run: of a program that does not compile in the compiler's words.
fn tell_failure(told: &EventSender, error: &anyhow::Error) {
    if let Some(build) = error.downcast_ref::<BuildError>() {
        let varies = Varies::default();
        let plain = LineStyle {
            varies: &varies,
            cells: None,
        };
        for line in build.diagnostics.lines() {
            told.line(line, |line, lacks| {
                page::live::live_line(line, lacks, plain)
            });
        }
        told.end_of_lines(|line, lacks| page::live::live_line(line, lacks, plain));
    }
    told.tell(RunEvent::Failed {
        words: format!("{error:#}"),
    });
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

/// The turn of the build that goes on while there are no runs.
struct TurnToBuild<'a> {
    live: &'a RunQueue,
    /// Ends it.
    stop: Stop,
}

impl Drop for TurnToBuild<'_> {
    fn drop(&mut self) {
        self.live.lock().build = None;
        self.live.changed.notify_all();
    }
}

impl Permit {
    fn turn(&self, told: &EventSender) -> Result<Turn<'_>> {
        let mut state = self.live.lock();
        if state.busy {
            told.status("Waiting for another run to end.");
        }
        if let Some(build) = &state.build {
            build.request();
        }
        while state.busy || state.build.is_some() {
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
        let long = if run.listing.on_request {
            " The first time takes many minutes."
        } else {
            ""
        };
        if run.run.program.is_built_first() {
            told.status(format!("Building {}.{long}", run.listing.name));
        }
        session.program(run)?;
        told.tell(RunEvent::Started {
            command: run.command(size),
            size: (run.run.args != run.run.quick).then_some(match size {
                Size::Quick => "quick size",
                Size::Recorded => "recorded size",
            }),
        });
        let shown = |raw: &str, lacks| page::live::live_line(raw, lacks, LineStyle::of(run));
        let result = session.run(run, size, run.run.memory, &mut |line: &Line| {
            told.line(&line.raw, shown);
        })?;
        told.end_of_lines(shown);
        let faults = result.faults(run.run.status);
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
        if let Some(html) =
            page::timeline::picture(&book.config.timeline, &run.full_name(), &result)
        {
            told.tell(RunEvent::Picture { html });
        }
        let record = Record::load(run, size)?;
        let judged = session.judge(run, size, &result, record.as_ref());
        if told.stop.is_requested() {
            bail!("stopped");
        }
        if let Some(found) = &judged.agreement {
            told.tell(RunEvent::Agreement {
                words: format!("This run {}.", found.words()),
                agrees: found.agrees(),
                live: places(&found.only_live),
                // The page shows the record of the recorded size.
                recorded: if size == Size::Recorded || run.has_one_size() {
                    places(&found.only_recorded)
                } else {
                    Vec::new()
                },
            });
        }
        let claims = judged.claims.iter();
        let claims = claims.map(|(at, judgement)| {
            let html = page::claims::live_verdict(&run.run.claims[*at], judgement);
            (*at, html)
        });
        let claims = claims.collect();
        let verdicts = judged.claims.iter();
        let verdicts = verdicts.map(|(at, judgement)| (&run.run.claims[*at], judgement));
        let (words, surprising) = page::claims::live_tally(verdicts);
        told.tell(RunEvent::Verdicts {
            claims,
            words,
            surprising,
        });
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
    let Some(record) = Record::load(run, Size::Recorded)? else {
        return Ok(Some("has no record that tells what it needs".to_owned()));
    };
    let Ok(peak) = Measured::recorded(&record).figure(run.listing, "tree_peak") else {
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
    use crate::serve::stream::tests::next;

    /// The fixture's book with runs that are scripts of `sh`, each a name and a script.
    fn scripts(runs: &[(&str, &str)]) -> (tempfile::TempDir, Arc<RunQueue>) {
        let dir = book();
        let mut text = String::new();
        for (name, script) in runs {
            text += &format!(
                "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '''{script}''']\ntimeout = '60s'\n\
                 [[run.claim]]\nsays = 'One line'\ncount = {{ lines = '.', is = 1 }}\n"
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
        std::iter::from_fn(|| next(&mut stream)).collect()
    }

    /// What the first line of a run says.
    fn first_line(stream: &mut Stream) -> String {
        loop {
            match next(stream) {
                Some(RunEvent::Lines { html, .. }) => {
                    let text = html[0]
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
        assert_eq!(kinds, ["status", "started", "lines", "ended", "verdicts"]);
        let Some(RunEvent::Verdicts {
            claims,
            words,
            surprising: false,
        }) = told.last()
        else {
            panic!("{told:?}");
        };
        assert!(claims[&0].contains("Live: holds"), "{claims:?}");
        assert_eq!(words, "Live: 1 holds");
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
            of: Some(1),
            keep_broken: false,
        };
        let run = book.run("demo/a").expect("it is there");
        crate::verbs::record::record(&session, &[run], how, &mut |_| {}).expect("it is recorded");

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
        let Some(RunEvent::Verdicts {
            claims,
            words,
            surprising: true,
        }) = told.last()
        else {
            panic!("{told:?}");
        };
        assert!(claims[&0].contains("Live: does not hold"), "{claims:?}");
        assert_eq!(
            words,
            "Live: 0 hold, 1 does not; 1 other than the book says"
        );
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

    #[test]
    fn a_program_that_does_not_compile_shows_the_compilers_words_in_the_page() {
        let dir = book();
        let broken = "fn main() {\n    nothing();\n}\n";
        write(dir.path(), "listings/demo/src/main.rs", broken);
        let live = RunQueue::new(dir.path());
        let told = all(live.begin(wish("demo/fork")).expect("it is listed"));
        let lines: String = told
            .iter()
            .filter_map(|told| match told {
                RunEvent::Lines { html, .. } => Some(html.concat()),
                _ => None,
            })
            .collect();
        assert!(lines.contains("E0425"), "{lines}");
        assert!(lines.contains("listings/demo/src/main.rs:2:5"), "{lines}");
        let Some(RunEvent::Failed { words }) = told.last() else {
            panic!("{told:?}");
        };
        assert!(words.starts_with("cannot build demo: "), "{words}");
    }

    #[test]
    fn a_run_comes_before_the_build_of_the_other_listings_which_goes_on_afterwards() {
        let dir = book();
        let live = RunQueue::new(dir.path());
        let listing = dir.path().join("listings/demo");
        // The first build waits for its end; any later one has nothing to do.
        write(
            &listing,
            "build.rs",
            "fn main() {\n    if std::fs::rename(\"slow\", \"begun\").is_ok() {\n        \
             loop { std::thread::park(); }\n    }\n}\n",
        );
        write(&listing, "slow", "");
        std::thread::scope(|threads| {
            let building = threads.spawn(|| live.build_listings());
            while !listing.join("begun").exists() {
                assert!(!building.is_finished(), "nothing is built");
                std::thread::yield_now();
            }
            let told = all(live.begin(wish("demo/fast")).expect("it is listed"));
            assert!(
                told.iter()
                    .any(|told| matches!(told, RunEvent::Ended { well: true, .. })),
                "{told:?}"
            );
            building.join().expect("it does not panic");
        });
        let built = dir.path().join("target/debug/demo");
        assert!(built.is_file(), "{}", built.display());
    }

    #[test]
    fn the_servers_end_ends_the_build() {
        let dir = book();
        let live = RunQueue::new(dir.path());
        let listing = dir.path().join("listings/demo");
        write(
            &listing,
            "build.rs",
            "fn main() {\n    std::fs::write(\"begun\", \"\").unwrap();\n    \
             loop { std::thread::park(); }\n}\n",
        );
        std::thread::scope(|threads| {
            let building = threads.spawn(|| live.build_listings());
            while !listing.join("begun").exists() {
                assert!(!building.is_finished(), "nothing is built");
                std::thread::yield_now();
            }
            live.close();
            building.join().expect("it does not panic");
        });
    }

    #[test]
    fn each_run_says_at_which_sizes_it_can_be_made() {
        let dir = book();
        let run = |name: &str, rest: &str| {
            format!(
                "[[run]]\nname = '{name}'\ncaption = 'A'\nargs = ['9']\ntimeout = '5s'\n{rest}\n"
            )
        };
        let runs = run("fork", "quick = { args = ['1'] }")
            + &run("new", "quick = { args = ['1'] }")
            + &run("one", "");
        write(dir.path(), "listings/demo/runs.toml", &runs);
        let available = RunQueue::new(dir.path()).available_runs().expect("a book");
        let json = serde_json::to_value(available).expect("JSON");
        assert_eq!(
            json,
            serde_json::json!({
                "demo/fork": { "sizes": "both" },
                "demo/new": {
                    "sizes": "quick-only",
                    "why": "has no record that tells what it needs",
                },
                "demo/one": { "sizes": "one" },
            })
        );
    }
}
