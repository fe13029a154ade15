//! A consumer that is held between its look at the ring and its sleep, while the producer sends.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, SeqCst},
};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use ring_buffer::child::Child;
use ring_buffer::futex::{self, Waited};
use ring_buffer::ring::{ONE, Ring};
use ring_buffer::shared::{Shareable, Shared};

/// How long the consumer sleeps at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has a producer send while the consumer is on its way to sleep
#[derive(Parser)]
struct Arguments {
    /// How the consumer says that it sleeps
    #[arg(value_enum)]
    how: How,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// By a flag beside the count
    Flag,
    /// By a bit of the count, as the ring does
    Bit,
}

/// Where the consumer is held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    AfterItsLook,
    BeforeItsSleep,
}

fn main() -> ExitCode {
    command_line::run(|Arguments { how }| match how {
        How::Flag => meet::<Flagged>(Held::AfterItsLook),
        How::Bit => {
            println!("held after its look:");
            meet::<Ring>(Held::AfterItsLook)?;
            println!("held before its sleep:");
            meet::<Ring>(Held::BeforeItsSleep)
        }
    })
}

/// A count of messages, and three steps of a consumer.
trait Counted: Shareable {
    fn empty(&self) -> bool;
    /// Whether it is up to date.
    fn announce(&self) -> bool;
    fn sleep(&self) -> io::Result<Waited>;
    /// The producer's: one message.
    fn publish(&self) -> io::Result<()>;
}

/// A count, and a flag beside it that says that the consumer sleeps.
#[repr(C)]
struct Flagged {
    count: AtomicU32,
    sleeps: AtomicU32,
}

// SAFETY: two atomics, of which any bytes are a value; there is no address in it.
unsafe impl Shareable for Flagged {}

impl Counted for Flagged {
    fn empty(&self) -> bool {
        self.count.load(Acquire) == 0
    }

    // ANCHOR: flagged
    fn announce(&self) -> bool {
        self.sleeps.store(1, SeqCst);
        true
    }

    fn sleep(&self) -> io::Result<Waited> {
        futex::wait(&self.sleeps, 1, PATIENCE)
    }

    fn publish(&self) -> io::Result<()> {
        self.count.store(1, SeqCst);
        if self.sleeps.swap(0, SeqCst) == 1 {
            futex::wake(&self.sleeps)?;
        }
        Ok(())
    }
    // ANCHOR_END: flagged
}

impl Counted for Ring {
    fn empty(&self) -> bool {
        self.sent.get() == 0
    }

    fn announce(&self) -> bool {
        self.sent.announce(0)
    }

    fn sleep(&self) -> io::Result<Waited> {
        self.sent.sleep(0, PATIENCE)
    }

    fn publish(&self) -> io::Result<()> {
        self.sent.publish(ONE)
    }
}

fn meet<C: Counted>(held: Held) -> io::Result<()> {
    let memory = Shared::<C>::memory()?;
    let (mut here, mut there) = UnixStream::pair()?;
    let consumer = Child::fork(|| {
        let ring = Shared::<C>::map(&memory)?;
        // Held where the parent wants to send.
        let mut hold = |here| {
            if here == held {
                there.write_all(&[1])?;
                there.read_exact(&mut [0])?;
            }
            Ok::<_, io::Error>(())
        };
        let what = if ring.empty() { "no" } else { "a" };
        println!("consumer: there is {what} message");
        hold(Held::AfterItsLook)?;
        let announced = if ring.announce() {
            "has announced its sleep"
        } else {
            "cannot announce its sleep"
        };
        println!("consumer: {announced}");
        hold(Held::BeforeItsSleep)?;
        let waited = ring.sleep()?;
        println!("consumer: {}", in_words(waited));
        Ok([
            u64::from(waited == Waited::TimedOut),
            u64::from(ring.empty()),
        ])
    })?;
    here.read_exact(&mut [0])?;
    let ring = Shared::<C>::map(&memory)?;
    ring.publish()?;
    println!(
        "producer: has sent a message, and called futex(2) {} times",
        futex::calls()
    );
    here.write_all(&[1])?;

    match consumer.report()? {
        [0, 0] => Ok(()),
        [1, 0] => Err(io::Error::other(
            "the consumer slept, and a message was there",
        )),
        other => Err(io::Error::other(format!("no message: {other:?}"))),
    }
}

fn in_words(waited: Waited) -> String {
    match waited {
        Waited::Woken => "was woken".to_string(),
        Waited::Changed => "did not sleep: the word had changed (EAGAIN)".to_string(),
        Waited::TimedOut => format!("slept for {PATIENCE:?}, and nobody woke it (ETIMEDOUT)"),
    }
}
