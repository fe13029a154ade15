//! The same messages from one process to another by a ring in shared memory, a pipe and a
//! socketpair, and how often each process called the kernel for it.

use std::array;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use command_line::grouped;
use ring_buffer::child::Child;
use ring_buffer::ring::{Consumer, Producer, Ring, SLOTS, Waiting};
use ring_buffer::shared::Shared;
use ring_buffer::{Message, futex, message, sum_of_first};

/// Passes messages from one process to another, and counts system calls
#[derive(Parser)]
struct Arguments {
    /// How many messages
    #[arg(long, default_value = "1_000_000", value_parser = command_line::count::<100_000_000>)]
    messages: usize,

    /// How often to look at the ring before sleeping
    #[arg(long, default_value = "100")]
    spins: u32,

    /// Microseconds between one message and the next
    #[arg(long, default_value = "0", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    every: u32,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        let Arguments { spins, every, .. } = arguments;
        let count = arguments.messages;
        let bytes = size_of::<Message>();
        println!("{} messages of {bytes} bytes", grouped(count));
        println!("a ring of {SLOTS} slots; {spins} looks before a sleep");
        println!(
            "{:<20}{:>11}{:>11}{:>12}{:>12}",
            "system calls", "producer", "consumer", "a message", "ns"
        );
        let pace = Pace {
            messages: count as u64,
            every: Duration::from_micros(every.into()),
        };
        by_ring(pace, spins)?.show("ring", count);
        let pipe = io::pipe()?;
        by_stream(pace, pipe, 1)?.show("pipe", count);
        let socketpair = UnixStream::pair()?;
        by_stream(pace, socketpair, 1)?.show("socketpair", count);
        let pipe = io::pipe()?;
        by_stream(pace, pipe, 64)?.show("pipe, 64 at a time", count);
        println!("each way delivered the sum {}", sum_of_first(count as u64));
        Ok::<_, io::Error>(())
    })
}

#[derive(Clone, Copy)]
struct Pace {
    messages: u64,
    every: Duration,
}

impl Pace {
    /// The messages, each at its time.
    fn messages(self) -> impl Iterator<Item = Message> {
        let begin = Instant::now();
        (0..self.messages).map(move |number| {
            if !self.every.is_zero() {
                let at = begin + self.every.saturating_mul(number as u32);
                thread::sleep(at.saturating_duration_since(Instant::now()));
            }
            message(number)
        })
    }
}

// ANCHOR: by_ring
fn by_ring(pace: Pace, spins: u32) -> io::Result<Passed> {
    let memory = Shared::<Ring>::memory()?;
    let patience = Duration::from_secs(10);
    let waiting = Waiting { spins, patience };
    let producer = Child::fork(|| {
        let mut ring = Producer::open(&memory, waiting)?;
        for message in pace.messages() {
            ring.send(&message)?;
        }
        Ok([futex::calls()])
    })?;
    let consumer = Child::fork(|| {
        let mut ring = Consumer::open(&memory, waiting)?;
        let received = Received::count(pace.messages, || ring.receive())?;
        Ok([futex::calls(), received.sum, received.nanos])
    })?;
    Passed::of(producer, consumer, pace.messages)
}
// ANCHOR_END: by_ring

fn by_stream<R: Read, W: Write>(pace: Pace, ends: (R, W), batch: usize) -> io::Result<Passed> {
    let (mut reads, mut writes) = ends;
    let producer = Child::fork(|| {
        let mut calls = 0;
        let full = batch * size_of::<Message>();
        let mut bytes = Vec::with_capacity(full);
        for (number, message) in (1..).zip(pace.messages()) {
            bytes.extend(message.iter().flat_map(|word| word.to_ne_bytes()));
            if bytes.len() == full || number == pace.messages {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    calls += 1;
                    rest = &rest[writes.write(rest)?..];
                }
                bytes.clear();
            }
        }
        Ok([calls])
    })?;
    drop(writes);
    let consumer = Child::fork(|| {
        let mut calls = 0;
        let mut bytes = vec![0; batch * size_of::<Message>()];
        let mut unread = 0..0;
        let received = Received::count(pace.messages, || {
            while unread.len() < size_of::<Message>() {
                bytes.copy_within(unread.clone(), 0);
                unread = 0..unread.len();
                calls += 1;
                match reads.read(&mut bytes[unread.end..])? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => unread.end += read,
                }
            }
            let words = bytes[unread.start..].as_chunks().0;
            unread.start += size_of::<Message>();
            Ok(array::from_fn(|word| u64::from_ne_bytes(words[word])))
        })?;
        Ok([calls, received.sum, received.nanos])
    })?;
    Passed::of(producer, consumer, pace.messages)
}

/// What the consumer has.
struct Received {
    sum: u64,
    /// From its first message to its last.
    nanos: u64,
}

impl Received {
    /// Takes `count` messages, and sees that each comes in its turn and whole.
    fn count(count: u64, mut receive: impl FnMut() -> io::Result<Message>) -> io::Result<Self> {
        let mut begin = None;
        let mut sum = 0;
        for number in 0..count {
            let received = receive()?;
            begin.get_or_insert_with(Instant::now);
            if received != message(number) {
                let what = format!("message {number} came as {received:?}");
                return Err(io::Error::other(what));
            }
            sum += received.iter().sum::<u64>();
        }
        let nanos = begin.map_or(0, |begin| begin.elapsed().as_nanos() as u64);
        Ok(Self { sum, nanos })
    }
}

/// One way of the messages.
struct Passed {
    /// System calls for the messages, by the producer and by the consumer.
    calls: [u64; 2],
    nanos: u64,
}

impl Passed {
    /// Once both have done their work.
    fn of(producer: Child<1>, consumer: Child<3>, messages: u64) -> io::Result<Self> {
        let [taking, sum, nanos] = consumer.report()?;
        let [sending] = producer.report()?;
        let expected = sum_of_first(messages);
        if sum != expected {
            let what = format!("the sum is {sum}, and should be {expected}");
            return Err(io::Error::other(what));
        }
        let calls = [sending, taking];
        Ok(Self { calls, nanos })
    }

    fn show(&self, way: &str, messages: usize) {
        let [sending, taking] = self.calls.map(|calls| grouped(calls as usize));
        let each = self.calls.iter().sum::<u64>() as f64 / messages as f64;
        let nanos = self.nanos as f64 / messages as f64;
        println!("{way:<20}{sending:>11}{taking:>11}{each:>12.4}{nanos:>12.0}");
    }
}
