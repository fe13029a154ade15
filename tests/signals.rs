//! Whoever ends the server ends the run that it is making.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use fork_spawn_share::root;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

mod server;

use server::{Ended, Outcome, PATIENCE, no_process_is_left, processes_of_runs, serve};

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
        ask(url, "GET /module-state.html", "")?.read_to_string(&mut page)?;
        let token = page
            .split_once("\"x-live-token\": \"")
            .and_then(|(_, rest)| rest.split('"').next())
            .ok_or("no token in the page")?;
        write!(stream, "X-Live-Token: {token}\r\n")?;
    }
    write!(stream, "\r\n{body}")?;
    Ok(BufReader::new(stream))
}

/// A run that has printed its first line and is under way.
fn run_under_way(url: &str) -> Result<BufReader<TcpStream>, Failed> {
    let wish = r#"{"run": "time-and-memory/time", "size": "quick"}"#;
    let mut told = ask(url, "POST /live/runs", wish)?;
    for line in told.by_ref().lines() {
        if line?.contains(r#""event":"line""#) {
            return match processes_of_runs().len() {
                0 => Err("a line came, and no process is there".into()),
                _ => Ok(told),
            };
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

#[test]
fn a_signal_ends_the_server_and_its_run_unless_it_was_ignored() -> Outcome {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (mut server, url) = serve(root(), None)?;
        let _told = run_under_way(&url)?;
        send(&server, signal)?;
        ends_well(&mut server)?;
        no_process_is_left()?;
    }

    // As nohup(1) starts it: the terminal goes, the server and its run go on.
    let (mut server, url) = serve(root(), Some("HUP"))?;
    let mut told = run_under_way(&url)?;
    send(&server, Signal::SIGHUP)?;
    let mut rest = String::new();
    told.read_to_string(&mut rest)?;
    if !rest.contains(r#""event":"verdicts""#) {
        return Err(format!("the run did not come to its end: {rest}").into());
    }
    send(&server, Signal::SIGTERM)?;
    ends_well(&mut server)
}
