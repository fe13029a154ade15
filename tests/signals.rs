//! When the server ends, so does the run that it is making.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

mod server;

use server::{Ended, Outcome, PATIENCE, no_process_is_left, processes_of_runs, serve, small_book};

/// Two workers that end when their parent does, one of them in a session of its own and deaf
/// to SIGTERM; all go on until there is a file `go`.
const PROGRAM: &str = r#"
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    let workers = [
        vec!["cat"],
        vec!["setsid", "sh", "-c", "trap '' TERM; exec cat"],
    ];
    let workers = workers.map(|worker| {
        let mut command = Command::new(worker[0]);
        let command = command.args(&worker[1..]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).spawn().unwrap()
    });
    println!("under way");
    while !Path::new("go").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for mut worker in workers {
        drop(worker.stdin.take());
        worker.wait().unwrap();
    }
}
"#;

/// What the server at `url` answers to a request, its head first.
fn ask(url: &str, request: &str, body: &str) -> Result<BufReader<TcpStream>, Failed> {
    let host = url.strip_prefix("http://").ok_or("no address")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    )?;
    // The token is in every page: the page's own script sends it.
    if request.starts_with("POST") {
        let mut page = String::new();
        ask(url, "GET /one.html", "")?.read_to_string(&mut page)?;
        let token = page
            .split_once("\"x-live-token\": \"")
            .and_then(|(_, rest)| rest.split('"').next())
            .ok_or("no token in the page")?;
        write!(stream, "X-Live-Token: {token}\r\n")?;
    }
    write!(stream, "\r\n{body}")?;
    Ok(BufReader::new(stream))
}

/// A run that has printed its first line and is under way with both its workers.
fn run_under_way(url: &str) -> Result<BufReader<TcpStream>, Failed> {
    let request = r#"{"run": "demo/long", "size": "quick"}"#;
    let mut told = ask(url, "POST /live/runs", request)?;
    for line in told.by_ref().lines() {
        if line?.contains(r#""event":"lines""#) {
            // A process that is about to execute its program shows no environment.
            let deadline = Instant::now() + PATIENCE;
            while processes_of_runs().len() < 3 {
                if Instant::now() > deadline {
                    let processes = processes_of_runs();
                    return Err(format!("of its processes only {processes:?}").into());
                }
                thread::sleep(Duration::from_millis(5));
            }
            return Ok(told);
        }
    }
    Err("the run printed nothing".into())
}

fn send(server: &Ended, signal: Signal) -> Outcome {
    Ok(kill(Pid::from_raw(server.0.id().cast_signed()), signal)?)
}

fn ends_well(server: &mut Ended) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match server.0.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("the server ended with {status}").into()),
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
    Err("the server goes on".into())
}

/// One test at a time: each looks at all runs of this program.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_signal_ends_the_server_and_its_run() -> Outcome {
    let _alone = alone();
    let book = small_book(PROGRAM, &[("long", "")])?;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (mut server, url) = serve(book.path(), None)?;
        let _told = run_under_way(&url)?;
        send(&server, signal)?;
        ends_well(&mut server)?;
        no_process_is_left()?;
    }
    Ok(())
}

/// As nohup(1) starts it: the terminal goes, the server and its run go on.
#[test]
fn an_ignored_signal_leaves_the_server_and_its_run() -> Outcome {
    let _alone = alone();
    let book = small_book(PROGRAM, &[("long", "")])?;
    let (mut server, url) = serve(book.path(), Some("HUP"))?;
    let mut told = run_under_way(&url)?;
    send(&server, Signal::SIGHUP)?;
    fs::write(book.path().join("listings/demo/go"), "")?;
    let mut rest = String::new();
    told.read_to_string(&mut rest)?;
    if !(rest.contains(r#""event":"verdicts""#) && rest.contains(r#""well":true"#)) {
        return Err(format!("the run did not come to its end: {rest}").into());
    }
    send(&server, Signal::SIGTERM)?;
    ends_well(&mut server)
}

#[test]
fn a_killed_server_leaves_no_process_of_its_run() -> Outcome {
    let _alone = alone();
    // A shell that starts this test in the background has it ignored.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGQUIT, SigHandler::SigDfl) }?;
    for fatal in [Signal::SIGKILL, Signal::SIGQUIT] {
        let book = small_book(PROGRAM, &[("long", "")])?;
        let (server, url) = serve(book.path(), None)?;
        let _told = run_under_way(&url)?;
        send(&server, fatal)?;
        let left = no_process_is_left();
        // Whatever is left ends with this test.
        fs::write(book.path().join("listings/demo/go"), "")?;
        if let Err(error) = left {
            no_process_is_left()?;
            return Err(format!("after {fatal}: {error:?}").into());
        }
    }
    Ok(())
}
