//! A producer that is held in the middle of a message, while the consumer looks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use clap::Parser;
use ring_buffer::WORDS;
use ring_buffer::child::Child;
use ring_buffer::ring::{Consumer, Producer, Ring, SLOTS, Waiting};
use ring_buffer::shared::Shared;

/// Holds a producer in the middle of a message, which it publishes before or after
#[derive(Parser)]
struct Arguments {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Count,
    Slot,
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

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        println!("the count first:");
        pass(First::Count)?;
        println!("the slot first:");
        pass(First::Slot)
    })
}

/// Passes a message of eight 2 in a slot that held eight 1.
fn pass(first: First) -> io::Result<()> {
    let memory = Shared::<Ring>::memory()?;
    let (mut here, mut there) = UnixStream::pair()?;
    let producer = Child::fork(|| produce(&memory, first, &mut there))?;

    let mut ring = Consumer::open(&memory, PATIENT)?;
    for _ in 0..SLOTS {
        ring.receive()?;
    }
    here.write_all(&[1])?;
    here.read_exact(&mut [0])?;
    let looked = Consumer::open(&memory, WAITING)?.receive();
    here.write_all(&[1])?;
    match looked {
        Ok(message) => println!("  in the middle of a message, received {message:?}"),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            println!(
                "  in the middle of a message, nothing for {:?}",
                WAITING.patience
            );
            let message = Consumer::open(&memory, PATIENT)?.receive()?;
            println!("  after it, received {message:?}");
        }
        Err(error) => return Err(error),
    }
    producer.report()?;
    Ok(())
}

fn produce(memory: &File, first: First, parent: &mut UnixStream) -> io::Result<[u64; 0]> {
    let mut ring = Producer::open(memory, PATIENT)?;
    for _ in 0..SLOTS {
        ring.send(&[1; WORDS])?;
    }
    parent.read_exact(&mut [0])?;
    // All have been taken: the next slot is the first, and holds a message of eight 1.
    let shared = Shared::<Ring>::map(memory)?;
    let (half, rest) = shared.slots[0].split_at(WORDS / 2);
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
