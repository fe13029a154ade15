//! The service: a connection is a task, a line is a question.

use std::io;
use std::sync::Arc;

use nix::sys::signal::{SigHandler, Signal, signal};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal as signals};
use tokio::sync::watch;
use tokio::task::JoinSet;
use under_tokio::matchers::Matchers;

/// Serves until SIGTERM; then answers what was asked, ends the workers and comes back.
///
/// # Errors
///
/// Where the system gives no connections, or does not end a worker.
pub async fn serve(listener: TcpListener, matchers: Arc<Matchers>) -> io::Result<()> {
    let mut asked_to_end = sigterm()?;
    let (ends, ending) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted?;
                connections.spawn(answer(client, Arc::clone(&matchers), ending.clone()));
            }
            // A task that has ended is kept until somebody asks for it.
            Some(_) = connections.join_next() => {}
            _ = asked_to_end.recv() => break,
        }
    }
    drop(listener);
    ends.send_replace(true);
    while connections.join_next().await.is_some() {}
    matchers.close().await
}

/// One connection. Its next question is read when it has the answer to the one before, so a
/// client that asks faster than it is answered waits in its own write(2).
async fn answer(
    client: TcpStream,
    matchers: Arc<Matchers>,
    mut ending: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let mut question = String::new();
        tokio::select! {
            read = client.read_line(&mut question) => if read? == 0 { return Ok(()) },
            _ = ending.wait_for(|&ends| ends) => return Ok(()),
        }
        let (pattern, text) = question.trim_end().split_once('\t').unwrap_or_default();
        let line = match matchers.ask(pattern, text).await {
            Ok(answer) => format!("{answer}\n"),
            Err(no_answer) => format!("{no_answer}\n"),
        };
        client.write_all(line.as_bytes()).await?;
    }
}
/// SIGTERM, as something to wait for.
fn sigterm() -> io::Result<tokio::signal::unix::Signal> {
    // tokio's handler calls the one that it finds, and this program's has ended it so far.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGTERM, SigHandler::SigDfl) }?;
    signals(SignalKind::terminate())
}
