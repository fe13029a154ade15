//! A producer is killed in the middle of a message; a second one takes over where it has stopped.

use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use ring_buffer::child::Child;
use ring_buffer::ring::{Consumer, Producer, Ring, SLOTS, Waiting};
use ring_buffer::robust::{Locked, RobustMutex};
use ring_buffer::shared::Shared;
use ring_buffer::{WORDS, message, sum_of_first};

/// How long the consumer waits before it asks after the producer.
const WAITING: Waiting = Waiting {
    spins: 100,
    patience: Duration::from_millis(100),
};
/// How often it asks in a row before it gives up.
const QUESTIONS: u64 = 50;
/// How long the producer waits, which asks nobody.
const PRODUCER: Waiting = Waiting {
    patience: Duration::from_secs(10),
    ..WAITING
};

/// Kills a producer in the middle of a message
#[derive(Parser)]
struct Arguments {
    /// How many messages
    #[arg(long, default_value = "100_000", value_parser = command_line::count::<10_000_000>)]
    messages: usize,

    /// After how many of them the first producer is killed
    #[arg(long, default_value = "33_333", value_parser = command_line::count::<10_000_000>)]
    killed_after: usize,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        consume(arguments.messages as u64, arguments.killed_after as u64)
    })
}

fn consume(messages: u64, killed_after: u64) -> io::Result<()> {
    let memory = Shared::<Ring>::memory()?;
    // A producer has this lock for as long as it lives.
    let life = RobustMutex::new()?;
    let mut producer = Child::fork(|| produce(&memory, &life, messages, Some(killed_after)))?;

    let mut ring = Consumer::open(&memory, WAITING)?;
    let [mut received, mut sum, mut questions] = [0, 0, 0];
    while received < messages {
        match ring.receive() {
            Ok(words) if words == message(received) => {
                sum += words.iter().sum::<u64>();
                [received, questions] = [received + 1, 0];
                continue;
            }
            Ok(words) => return Err(io::Error::other(format!("not as sent: {words:?}"))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => questions += 1,
            Err(error) => return Err(error),
        }
        // ANCHOR: asked
        match life.try_lock()? {
            Locked::OwnerDied => {
                println!("{received} messages came whole; the producer's lock: EOWNERDEAD");
                println!(
                    "{} words of the next are in its slot",
                    written(&memory, received)?
                );
                life.mark_consistent()?;
                life.unlock()?;
                producer = Child::fork(|| produce(&memory, &life, messages, None))?;
            }
            // It lives, or has not begun.
            Locked::Busy if questions < QUESTIONS => {}
            Locked::Clean if questions < QUESTIONS => life.unlock()?,
            // ANCHOR_END: asked
            other => {
                let what = format!("{received} messages, then none; the lock: {other:?}");
                return Err(io::Error::other(what));
            }
        }
    }
    let [began] = producer.report()?;
    println!("the second producer began with message {began}");
    println!("{received} messages came, each once; sum {sum}");
    if sum != sum_of_first(messages) {
        return Err(io::Error::other("the sum should be another"));
    }
    Ok(())
}

/// Goes on where the count of the ring stands; with which message that is.
fn produce(
    memory: &File,
    life: &RobustMutex,
    messages: u64,
    killed_after: Option<u64>,
) -> io::Result<[u64; 1]> {
    life.lock()?;
    let mut ring = Producer::open(memory, PRODUCER)?;
    let begin = ring.sent();
    for number in begin..messages {
        if Some(number) == killed_after {
            let slot = ring.free_slot()?;
            for (word, value) in slot.iter().zip(message(number)).take(WORDS / 2) {
                word.store(value, Relaxed);
            }
            raise(Signal::SIGKILL)?;
        }
        ring.send(&message(number))?;
    }
    life.unlock()?;
    Ok([begin])
}

/// How many words of a message are in its slot.
fn written(memory: &File, number: u64) -> io::Result<usize> {
    let ring = Shared::<Ring>::map(memory)?;
    let slot = &ring.slots[number as usize % SLOTS];
    let words = slot.iter().zip(message(number));
    Ok(words
        .filter(|(word, value)| word.load(Relaxed) == *value)
        .count())
}
