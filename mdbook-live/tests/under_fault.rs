//! The tool where something goes wrong: outputs without end, processes that will not go, a
//! reader or a server that is gone, a disk that is full.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a test waits for what must come, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell script: what it is to do is its argument.
const PROGRAM: &str = r#"
use std::os::unix::process::CommandExt;

fn main() {
    let script = std::env::args().nth(1).expect("a script");
    panic!("{}", std::process::Command::new("sh").arg("-c").arg(script).exec());
}
"#;

/// Three processes besides its own: one that has left its session, its environment and its
/// group and heeds no signal, one whose parents have ended, one that is an ordinary child.
const STUBBORN: &str = "env -i setsid sh -c 'trap \"\" HUP INT TERM; echo pid $$; sleep 1000 & wait' & \
    (setsid sh -c '(trap \"\" TERM; exec sleep 1000) & echo pid $!' &); \
    trap '' TERM; sleep 1000 & echo pid $!; echo pid $$";

/// A book of one chapter and one listing with these runs, each a name and a script.
fn book(runs: &[(&str, &str)]) -> TempDir {
    let book = tempfile::tempdir().expect("a folder");
    let mut runs_toml = String::new();
    let mut chapter = "# One\n".to_owned();
    for (name, script) in runs {
        runs_toml += &format!(
            "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['''\n{script} ''']\ntimeout = '2min'\n"
        );
        chapter += &format!("\n{{{{#run demo/{name}}}}}\n");
    }
    for (path, text) in [
        (
            "book.toml",
            "[book]\ntitle = 'Small'\n[preprocessor.live]\ncommand = 'mdbook-live preprocess'\n\
             memory = true\nbefore = ['links']\nlistings = ['listings/*']\n",
        ),
        ("src/SUMMARY.md", "# Summary\n\n- [One](one.md)\n"),
        ("src/one.md", &chapter),
        ("listings/demo/runs.toml", &runs_toml),
        (
            "listings/demo/Cargo.toml",
            "[package]\nname = 'demo'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n",
        ),
        ("listings/demo/src/main.rs", PROGRAM),
    ] {
        let path = book.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    book
}

/// The tool, in a book.
fn tool(book: &Path, words: &[&str]) -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_mdbook-live"));
    tool.args(words).current_dir(book);
    tool
}

/// A server with a folder for temporary files of its own; it ends with its value.
struct Server {
    process: Child,
    host: String,
}

impl Server {
    fn of(book: &Path, temporary: &Path) -> Server {
        let mut command = tool(book, &["serve", "--port", "0", "--no-open"]);
        Server::start(command.env("TMPDIR", temporary))
    }

    fn start(command: &mut Command) -> Server {
        // A shell that starts this test in the background has it ignored.
        // SAFETY: no handler is installed.
        unsafe { signal(Signal::SIGQUIT, SigHandler::SigDfl) }.expect("signal");
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let output = process.stdout.take().expect("it has one");
        let mut first = String::new();
        let read = BufReader::new(output).read_line(&mut first);
        read.expect("it prints a line");
        let host = first.strip_prefix("Serving http://");
        let host = host.and_then(|rest| rest.split('/').next());
        let host = host.expect("its address").to_owned();
        Server { process, host }
    }

    /// Sends a request, whose answer is to be read.
    fn request(&self, head: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.host).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(
            stream,
            "{head}\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        )
        .expect("it is sent");
        BufReader::new(stream)
    }

    fn page(&self) -> String {
        whole(self.request("GET /one.html HTTP/1.1", ""))
    }

    /// What a page is told of a run.
    fn run(&self, name: &str) -> BufReader<TcpStream> {
        let page = self.page();
        let token = page.split_once("\"x-live-token\": \"").expect("a token").1;
        let token = token.split('"').next().expect("a token");
        let head = format!("POST /live/runs HTTP/1.1\r\nX-Live-Token: {token}");
        let body = format!(r#"{{"run": "demo/{name}", "size": "quick"}}"#);
        self.request(&head, &body)
    }

    fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), signal).expect("it is there");
    }

    /// The most memory that it has had, in MiB.
    fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("it is there");
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.expect("a peak").parse::<u64>().expect("a number") >> 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            self.send(Signal::SIGTERM);
            let _ = self.process.wait();
        }
    }
}

fn whole(mut answer: BufReader<TcpStream>) -> String {
    let mut bytes = Vec::new();
    answer.read_to_end(&mut bytes).expect("an answer");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The numbers after "pid " in the next lines of an answer, once there are so many.
fn pids(answer: &mut BufReader<TcpStream>, many: usize) -> Vec<u32> {
    let mut pids = Vec::new();
    while pids.len() < many {
        let mut line = String::new();
        let read = answer.read_line(&mut line).expect("the run goes on");
        assert!(read > 0, "only {pids:?}");
        pids.extend(pids_in(&line));
    }
    pids
}

fn pids_in(text: &str) -> Vec<u32> {
    let rests = text.split("pid ").skip(1);
    let numbers = rests.map(|rest| rest.split(|one: char| !one.is_ascii_digit()).next());
    numbers.filter_map(|number| number?.parse().ok()).collect()
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    state.is_some_and(|state| state != "Z")
}

/// Waits until none of them is alive.
#[track_caller]
fn assert_end(pids: &[u32]) {
    let begun = Instant::now();
    loop {
        let alive: Vec<&u32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
        if alive.is_empty() {
            return;
        }
        if begun.elapsed() > PATIENCE {
            for pid in &alive {
                // They end with this test.
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            panic!("{alive:?} go on");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_output_without_bounds_costs_the_server_and_the_page_little_and_ends_in_words() {
    let runs = [
        ("lines", "exec yes a line", "100000 lines"),
        ("newlines", "exec yes \"\"", "100000 lines"),
        (
            "gigabyte",
            "head -c 1000000000 /dev/zero | tr '\\0' x",
            "8 MiB",
        ),
        ("no-text", "exec cat /dev/urandom", "8 MiB"),
        (
            "colours",
            "yes \"$(printf '\\033[31ma\\033[1;32mb%.0s' $(seq 1000))\" | tr -d '\\n'",
            "8 MiB",
        ),
    ];
    let book = book(&runs.map(|(name, script, _)| (name, script)));
    let temporary = tempfile::tempdir().expect("a folder");
    let server = Server::of(book.path(), temporary.path());
    for (name, _, more_than) in runs {
        let told = whole(server.run(name));
        let ended = format!("The run was ended: it printed more than {more_than}.");
        assert!(
            told.contains(&ended),
            "{name}: {}",
            &told[told.len() - 500..]
        );
        assert!(told.len() < 4 << 20, "{name}: {} bytes", told.len());
    }
    assert!(server.peak_mib() < 256, "{} MiB", server.peak_mib());
}

#[test]
fn processes_that_will_not_go_are_gone_when_the_run_has_ended() {
    let book = book(&[("stubborn", &format!("{STUBBORN}; sleep 1; exit 0"))]);
    let temporary = tempfile::tempdir().expect("a folder");
    let server = Server::of(book.path(), temporary.path());
    let told = whole(server.run("stubborn"));
    let pids = pids_in(&told);
    assert!(pids.len() >= 4, "{told}");
    assert!(told.contains(" behind"), "{told}");
    let alive: Vec<&u32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(alive.is_empty(), "{alive:?}");
}

#[test]
fn a_page_that_is_closed_ends_its_run() {
    let book = book(&[("stubborn", &format!("{STUBBORN}; wait"))]);
    let temporary = tempfile::tempdir().expect("a folder");
    let server = Server::of(book.path(), temporary.path());
    let mut page = server.run("stubborn");
    let pids = pids(&mut page, 4);
    drop(page);
    assert_end(&pids);
}

#[test]
fn a_killed_server_leaves_no_process_and_its_folder_goes_with_the_next_start() {
    let book = book(&[("stubborn", &format!("{STUBBORN}; wait"))]);
    let temporary = tempfile::tempdir().expect("a folder");
    let left = || fs::read_dir(temporary.path()).expect("a folder").count();
    for fatal in [Signal::SIGKILL, Signal::SIGQUIT, Signal::SIGABRT] {
        let mut server = Server::of(book.path(), temporary.path());
        let pids = pids(&mut server.run("stubborn"), 4);
        server.send(fatal);
        let status = server.process.wait().expect("it ends");
        assert_eq!(status.signal(), Some(fatal as i32));
        assert_end(&pids);
        // Its folder; the run's own file goes a moment after the run.
        let begun = Instant::now();
        while left() != 1 {
            assert!(begun.elapsed() < PATIENCE, "{} are left", left());
            thread::sleep(Duration::from_millis(10));
        }
        drop(Server::of(book.path(), temporary.path()));
        assert_eq!(left(), 0, "after {fatal}");
    }
}

#[test]
fn a_killed_server_leaves_no_build() {
    let book = book(&[("never", "exit 0")]);
    let listing = book.path().join("listings/demo");
    let script = "fn main() {\n    let pid = std::process::id().to_string();\n    \
        std::fs::write(\"half\", pid).unwrap();\n    std::fs::rename(\"half\", \"pid\").unwrap();\n    \
        loop { std::thread::park(); }\n}\n";
    fs::write(listing.join("build.rs"), script).expect("a file");
    let temporary = tempfile::tempdir().expect("a folder");
    let mut server = Server::of(book.path(), temporary.path());
    let begun = Instant::now();
    let pid = loop {
        if let Ok(pid) = fs::read_to_string(listing.join("pid")) {
            break pid.parse().expect("a number");
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is built");
        thread::sleep(Duration::from_millis(5));
    };
    server.send(Signal::SIGKILL);
    server.process.wait().expect("it ends");
    assert_end(&[pid]);
}

/// Everything in the listing's records, by name.
fn records(book: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(book.join("listings/demo/recorded")).expect("records");
    let mut records: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").display().to_string();
            (name, fs::read(path).expect("a file"))
        })
        .collect();
    records.sort();
    records
}

fn record(book: &Path, most_bytes: Option<u64>) -> Output {
    let mut tool = tool(book, &["record", "demo/long", "--of", "1"]);
    if let Some(most) = most_bytes {
        // SAFETY: between fork and exec it makes system calls alone, and allocates nothing.
        unsafe {
            tool.pre_exec(move || {
                // A file that grows beyond the limit is an error, as on a full disk, no signal.
                nix::sys::signal::signal(Signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn)?;
                Ok(setrlimit(Resource::RLIMIT_FSIZE, most, most)?)
            })
        };
    }
    tool.output().expect("it starts")
}

#[test]
fn a_full_disk_leaves_the_old_record_whole() {
    const LARGE: usize = 400_000;
    let book = book(&[("long", "cat text; sleep 0.1")]);
    let text = |letter: &str, bytes: usize| {
        let line = letter.repeat(99) + "\n";
        let text = line.repeat(bytes / 100);
        fs::write(book.path().join("listings/demo/text"), text).expect("a file");
    };
    text("a", 1000);
    let recorded = record(book.path(), None);
    assert!(recorded.status.success(), "{recorded:?}");
    let old = records(book.path());
    let names: Vec<&str> = old.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["long.cast", "long.memory.csv"]);

    // Room for the memory, not for the lines.
    text("b", LARGE);
    let recorded = record(book.path(), Some(LARGE as u64 / 2));
    let said = String::from_utf8_lossy(&recorded.stdout).into_owned();
    assert_eq!(recorded.status.code(), Some(1), "{said}");
    // A fault of this run: of others the records are made all the same.
    let fault = said
        .lines()
        .find(|line| line.starts_with("✘ cannot write "));
    assert!(
        fault.is_some_and(|fault| fault.contains("long.cast")),
        "{said}"
    );
    assert!(records(book.path()) == old, "the old record has changed");

    let recorded = record(book.path(), None);
    assert!(recorded.status.success(), "{recorded:?}");
    assert!(records(book.path()) != old, "there is room again");
}

#[test]
fn two_servers_of_one_checkout_make_the_same_run_at_once() {
    let book = book(&[("one", "echo begins; sleep 0.2; echo ends")]);
    let temporary = tempfile::tempdir().expect("a folder");
    let servers = [(); 2].map(|()| Server::of(book.path(), temporary.path()));
    let ready = Barrier::new(servers.len());
    thread::scope(|threads| {
        for server in &servers {
            threads.spawn(|| {
                for _ in 0..3 {
                    ready.wait();
                    let told = whole(server.run("one"));
                    assert!(
                        told.contains("begins") && told.contains("ends\\n"),
                        "{told}"
                    );
                    assert!(told.contains(r#""well":true"#), "{told}");
                }
            });
        }
    });
    let [one, other] = servers;
    drop(one);
    assert!(other.page().contains("demo/one"), "each has its own pages");
}

#[test]
fn two_hundred_connections_leave_descriptors_for_readers_and_runs() {
    let book = book(&[("one", "echo well")]);
    let temporary = tempfile::tempdir().expect("a folder");
    let mut command = tool(book.path(), &["serve", "--port", "0", "--no-open"]);
    command.env("TMPDIR", temporary.path());
    // SAFETY: between fork and exec it makes one system call, and allocates nothing.
    unsafe { command.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NOFILE, 128, 128)?)) };
    let server = Server::start(&mut command);
    let connect = || TcpStream::connect(&server.host).expect("a connection");
    let silent: Vec<TcpStream> = (0..200).map(|_| connect()).collect();
    let dripping: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect();
            // It may have been closed for another.
            let _ = stream.write_all(b"GET /one.html HTTP/1.1\r\n");
            stream
        })
        .collect();
    thread::scope(|threads| {
        for _ in 0..20 {
            threads.spawn(|| {
                for _ in 0..10 {
                    assert!(server.page().contains("demo/one"));
                }
            });
        }
    });
    let told = whole(server.run("one"));
    assert!(told.contains(r#""well":true"#), "{told}");
    drop((silent, dripping));
}

#[test]
fn a_tool_that_was_started_with_sigchld_ignored_makes_runs_all_the_same() {
    let book = book(&[("one", "(sleep 0.1 &); grep SigIgn /proc/self/status")]);
    let mut tool = tool(book.path(), &["run", "demo/one"]);
    // SAFETY: between fork and exec it makes one system call, and allocates nothing.
    unsafe {
        tool.pre_exec(|| {
            nix::sys::signal::signal(Signal::SIGCHLD, nix::sys::signal::SigHandler::SigIgn)?;
            Ok(())
        })
    };
    let made = tool.output().expect("it starts");
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success(), "{made:?}");
    let mask = said.split("SigIgn:\t").nth(1).expect("a mask");
    let mask = mask.split_whitespace().next().expect("a mask");
    let mask = u64::from_str_radix(mask, 16).expect("a number");
    assert_eq!(mask & 1 << (Signal::SIGCHLD as i32 - 1), 0, "{said}");
}
