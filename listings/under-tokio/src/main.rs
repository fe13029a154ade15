//! A service that matches texts against its clients' patterns, by two worker processes. Some
//! of the patterns crash a worker, and some keep it busy for ever.

mod service;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::task::JoinSet;
use under_tokio::heartbeat::Heartbeat;
use under_tokio::matcher::serve_if_matcher;
use under_tokio::matchers::Matchers;
use under_tokio::processes::children;
use under_tokio::{endless, too_deep};

/// A service with workers, and clients that crash them
#[derive(Parser)]
struct Arguments {
    /// How many workers there may be
    #[arg(long, default_value = "2", value_parser = command_line::count::<64>)]
    workers: usize,
}

/// For one answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Of a task that shows whether the runtime is free: more than what a busy machine takes to let
/// a process go on, and much less than an answer that is late.
const TICK: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    // A worker is this program too, and goes no further.
    serve_if_matcher().unwrap_or_else(|| {
        command_line::run(|arguments: Arguments| {
            // One thread: a call that blocks it blocks everything.
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(serve_and_ask(arguments.workers as u32))
        })
    })
}

/// A day in the life of the service, from its start to SIGTERM.
async fn serve_and_ask(workers: u32) -> Result<(), Box<dyn Error>> {
    let matchers = Arc::new(Matchers::new(workers, PATIENCE));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let heartbeat = Heartbeat::start(TICK, || true);
    let service = tokio::spawn(service::serve(listener, Arc::clone(&matchers)));

    let good = || {
        (
            r"^[a-z]+@[a-z]+\.org$".to_string(),
            "ada@ml.org".to_string(),
        )
    };
    let mut clients = JoinSet::new();
    for number in 1..=6 {
        let second = match number {
            2 => too_deep(),
            5 => endless(),
            _ => ("[0-9]+".to_string(), "none".to_string()),
        };
        clients.spawn(async move {
            let mut client = Client::connect(address).await?;
            let mut answers = Vec::new();
            for (pattern, text) in [good(), second, good()] {
                answers.push(client.ask(&pattern, &text).await?);
            }
            io::Result::Ok((number, answers))
        });
    }
    let mut answered = Vec::new();
    while let Some(client) = clients.join_next().await {
        answered.push(client??);
    }
    answered.sort_unstable();
    for (number, answers) in answered {
        println!("client {number}: {}", answers.join(", "));
    }

    // A question is with a worker when the service is asked to end.
    let mut last = Client::connect(address).await?;
    let last = tokio::spawn(async move { last.ask(&endless().0, &endless().1).await });
    while matchers.busy() == 0 {
        tokio::task::yield_now().await;
    }
    raise(Signal::SIGTERM)?;
    service.await??;
    println!("SIGTERM, and the last client: {}", last.await??);

    let (ticks, due) = heartbeat.stop();
    println!(
        "{} workers were started, {} processes are left",
        matchers.started(),
        children()?.len()
    );
    println!("the heartbeat: {ticks} of {due} ticks");
    Ok(())
}

/// A client of the service.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    async fn connect(address: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(address).await?);
        Ok(Self { stream })
    }

    async fn ask(&mut self, pattern: &str, text: &str) -> io::Result<String> {
        let question = format!("{pattern}\t{text}\n");
        self.stream.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).await?;
        Ok(answer.trim_end().to_string())
    }
}
