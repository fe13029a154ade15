//! A producer that is held in the middle of a message, while the consumer looks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use ring_buffer::child::Child;
use ring_buffer::ring::{Consumer, Producer, Ring, SLOTS, Waiting};
use ring_buffer::shared::Shared;
use ring_buffer::{Message, WORDS};

/// Holds a producer in the middle of a message
#[derive(Parser)]
struct Arguments {
    /// What comes first
    #[arg(value_enum)]
    first: First,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum First {
    /// The slot is written, then the count is published
    Slot,
    /// The count is published, then the slot is written
    Count,
}

fn main() -> ExitCode {
    command_line::run(|Arguments { first }| pass(first))
}

fn pass(first: First) -> io::Result<()> {
    let memory = Shared::<Ring>::memory()?;
    let (mut here, mut there) = UnixStream::pair()?;
    let producer = Child::fork(|| produce(&memory, first, &mut there))?;

    let mut ring = Consumer::open(&memory, PATIENT)?;
    for _ in 0..SLOTS {
        ring.receive()?;
    }
    let mut ring = Consumer::open(&memory, WAITING)?;
    here.write_all(&[1])?;
    here.read_exact(&mut [0])?;
    println!("the producer is held in the middle of a message of eight 2");
    let message = receive(&mut ring)?;
    here.write_all(&[1])?;
    let message = match message {
        Some(message) => message,
        None => {
            println!("the producer goes on");
            Consumer::open(&memory, PATIENT)?.receive()?
        }
    };
    producer.report()?;
    println!("received: {message:?}");
    if message != [2; WORDS] {
        return Err(io::Error::other("a message that nobody has sent"));
    }
    Ok(())
}

/// While the producer is held.
const WAITING: Waiting = Waiting {
    spins: 0,
    patience: Duration::from_millis(200),
};
/// While it is not.
const PATIENT: Waiting = Waiting {
    patience: Duration::from_secs(10),
    ..WAITING
};

/// A message, if one is there before the patience is over.
fn receive(ring: &mut Consumer) -> io::Result<Option<Message>> {
    match ring.receive() {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            println!("no message for {:?}", WAITING.patience);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

// ANCHOR: produce
fn produce(memory: &File, first: First, parent: &mut UnixStream) -> io::Result<[u64; 0]> {
    let mut ring = Producer::open(memory, PATIENT)?;
    for _ in 0..SLOTS {
        ring.send(&[1; WORDS])?;
    }
    parent.read_exact(&mut [0])?;
    // All have been taken, so the next slot is the first, and holds a message of eight 1.
    let slots = Shared::<Ring>::map(memory)?;
    let (half, rest) = slots.slots[0].split_at(WORDS / 2);
    if first == First::Count {
        ring.publish()?;
    }
    half.iter().for_each(|word| word.store(2, Relaxed));
    parent.write_all(&[1])?;
    parent.read_exact(&mut [0])?;
    rest.iter().for_each(|word| word.store(2, Relaxed));
    if first == First::Slot {
        ring.publish()?;
    }
    Ok([])
}
// ANCHOR_END: produce
