//! Your version: when a client hangs up, the worker that has its question is to end.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::time::sleep;
use under_tokio::endless;
use under_tokio::matcher::serve_if_matcher;
use under_tokio::matchers::Matchers;
use under_tokio::processes::children;

/// Hangs up while a worker is busy with the question
#[derive(Parser)]
struct Arguments {}

/// For an answer: longer than anybody here waits.
const PATIENCE: Duration = Duration::from_secs(600);
/// Beyond this something is stuck.
const STUCK: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    serve_if_matcher().unwrap_or_else(|| {
        command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(hang_up())
        })
    })
}

/// One question of a client.
async fn answer(client: UnixStream, matchers: Arc<Matchers>) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut question = String::new();
    client.read_line(&mut question).await?;
    let (pattern, text) = question.trim_end().split_once('\t').unwrap_or_default();
    let answer = matchers.ask(pattern, text).await;
    let line = answer.unwrap_or_else(|no_answer| no_answer.to_string());
    client.write_all(format!("{line}\n").as_bytes()).await
}

async fn hang_up() -> Result<(), Box<dyn Error>> {
    let matchers = Arc::new(Matchers::new(1, PATIENCE));
    let (mut client, service) = UnixStream::pair()?;
    tokio::spawn(answer(service, Arc::clone(&matchers)));
    let (pattern, text) = endless();
    client
        .write_all(format!("{pattern}\t{text}\n").as_bytes())
        .await?;
    let busy = || matchers.busy() == 1;
    println!("asked: a worker is busy: {}", soon(busy).await);
    drop(client);
    let none = || matchers.busy() == 0 && children().is_ok_and(|children| children.is_empty());
    let gone = soon(none).await;
    println!("hung up: the worker is gone: {gone}");
    if !gone {
        return Err("the only worker goes on for a client that is not there any more".into());
    }
    println!("the next client: {}", matchers.ask("[0-9]", "7").await?);
    matchers.close().await?;
    Ok(())
}

async fn soon(holds: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !holds() && start.elapsed() < STUCK {
        sleep(Duration::from_millis(1)).await;
    }
    holds()
}
