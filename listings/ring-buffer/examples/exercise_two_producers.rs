//! Your version: two producers of one ring, of which a lock is to refuse the second.

use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ring_buffer::child::Child;
use ring_buffer::ring::{Consumer, Producer, Ring, Waiting};
use ring_buffer::robust::RobustMutex;
use ring_buffer::shared::Shared;
use ring_buffer::{WORDS, message};

const WAITING: Waiting = Waiting {
    spins: 0,
    patience: Duration::from_millis(200),
};

/// Lets two processes send through one ring
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        without_a_lock()?;
        with_a_lock()
    })
}

fn without_a_lock() -> io::Result<()> {
    let memory = Shared::<Ring>::memory()?;
    // Opened by this process, then by a child.
    let mut first = Producer::open(&memory, WAITING)?;
    let second = Child::fork(|| {
        let mut second = Producer::open(&memory, WAITING)?;
        second.send(&message(2))?;
        Ok([])
    })?;
    second.report()?;
    first.send(&message(1))?;
    println!("no lock: both have sent; {}", received(&memory)?);
    Ok(())
}

fn with_a_lock() -> io::Result<()> {
    let memory = Shared::<Ring>::memory()?;
    let producing = RobustMutex::new()?;
    let mut first = open_alone(&memory, &producing)?;
    let second = Child::fork(|| {
        let refused = open_alone(&memory, &producing).err();
        Ok([u64::from(refused.is_some())])
    })?;
    let [refused] = second.report()?;
    first.send(&message(1))?;
    println!("a lock: refused {refused}; {}", received(&memory)?);
    Ok(())
}

/// A producer that is to be the only one, for as long as this process lives.
fn open_alone(memory: &File, producing: &RobustMutex) -> io::Result<Producer> {
    producing.lock()?;
    let producer = Producer::open(memory, WAITING);
    producing.unlock()?;
    producer
}

/// The messages that a consumer finds.
fn received(memory: &File) -> io::Result<String> {
    let mut ring = Consumer::open(memory, WAITING)?;
    let mut numbers = Vec::new();
    loop {
        match ring.receive() {
            Ok(message) => numbers.push(message[0] / WORDS as u64),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
            Err(error) => return Err(error),
        }
    }
    Ok(format!("received {}: {numbers:?}", numbers.len()))
}
