//! A ring of messages from one process to another.

use std::array;
use std::fs::File;
use std::hint;
use std::io;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use crate::futex::{self, Waited};
use crate::shared::{Shareable, Shared};
use crate::{Message, WORDS};

/// How many messages the ring holds: a power of two, so that counts may wrap around.
pub const SLOTS: usize = 1024;

/// Where a message lies.
pub type Slot = [AtomicU64; WORDS];

// ANCHOR: ring
/// What lies in the shared memory.
#[repr(C)]
pub struct Ring {
    /// Messages that are there to be read; the producer alone raises it.
    pub sent: Count,
    /// Messages that have been read; the consumer alone raises it.
    pub taken: Count,
    /// The message of count `n` lies in slot `n` modulo [`SLOTS`].
    pub slots: [Slot; SLOTS],
}

/// A count that one process raises and another waits for, on cache lines of its own.
///
/// It goes up in steps of [`ONE`]. The bit below says that the other process sleeps, or is
/// about to.
#[repr(C, align(128))]
pub struct Count(AtomicU32);
// ANCHOR_END: ring

// SAFETY: all of it is atomics, of which any bytes are a value; there is no address in it.
unsafe impl Shareable for Ring {}

/// A message more.
pub const ONE: u32 = 2;
const SLEEPS: u32 = 1;
const ALL: u32 = SLOTS as u32 * ONE;

/// How long to look before sleeping, and how long to sleep.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Looks at the count before the kernel is asked.
    pub spins: u32,
    /// How long a wait in the kernel may take.
    pub patience: Duration,
}

impl Count {
    /// Makes everything that this process has written before visible to one that reads the new
    /// count, and wakes the one that sleeps.
    ///
    /// # Errors
    ///
    /// The system's.
    // ANCHOR: publish
    pub fn publish(&self, count: u32) -> io::Result<()> {
        let before = self.0.swap(count, Release);
        if before & SLEEPS != 0 {
            futex::wake(&self.0)?;
        }
        Ok(())
    }

    /// The count, and everything that was written before it was published.
    pub fn get(&self) -> u32 {
        self.0.load(Acquire) & !SLEEPS
    }
    // ANCHOR_END: publish

    /// Waits until the count is no longer `seen`.
    ///
    /// # Errors
    ///
    /// `TimedOut` where the patience is over, and the system's.
    // ANCHOR: wait
    pub fn wait_past(&self, seen: u32, waiting: Waiting) -> io::Result<u32> {
        loop {
            for _ in 0..=waiting.spins {
                let count = self.get();
                if count != seen {
                    return Ok(count);
                }
                hint::spin_loop();
            }
            self.announce(seen);
            if self.sleep(seen, waiting.patience)? == Waited::TimedOut && self.get() == seen {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Says that this process is about to sleep, if the count is `seen`; whether it was.
    pub fn announce(&self, seen: u32) -> bool {
        let announced = seen | SLEEPS;
        let replaced = self.0.compare_exchange(seen, announced, Relaxed, Relaxed);
        replaced.is_ok()
    }
    // ANCHOR_END: wait

    /// Sleeps if the count is `seen`, and the sleep announced.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn sleep(&self, seen: u32, patience: Duration) -> io::Result<Waited> {
        futex::wait(&self.0, seen | SLEEPS, patience)
    }
}

/// The end that sends. There is one at a time.
pub struct Producer {
    ring: Shared<Ring>,
    waiting: Waiting,
    sent: u32,
    /// At least so many have been taken.
    taken: u32,
}

impl Producer {
    /// Opens the ring where the last producer has left it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn open(memory: &File, waiting: Waiting) -> io::Result<Self> {
        let ring = Shared::<Ring>::map(memory)?;
        Ok(Self {
            waiting,
            sent: ring.sent.get(),
            taken: ring.taken.get(),
            ring,
        })
    }

    /// How many messages have been sent through this ring, by this producer and those before it,
    /// modulo 2^31.
    pub fn sent(&self) -> u64 {
        u64::from(self.sent / ONE)
    }

    /// Sends a message; waits while the ring is full.
    ///
    /// # Errors
    ///
    /// `TimedOut` where the consumer takes none for too long, and the system's.
    // ANCHOR: send
    pub fn send(&mut self, message: &Message) -> io::Result<()> {
        let slot = self.free_slot()?;
        for (word, value) in slot.iter().zip(message) {
            word.store(*value, Relaxed);
        }
        self.publish()
    }
    // ANCHOR_END: send

    /// The slot of the next message, once the consumer has done with it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn free_slot(&mut self) -> io::Result<&Slot> {
        if self.sent.wrapping_sub(self.taken) == ALL {
            self.taken = self.ring.taken.wait_past(self.taken, self.waiting)?;
        }
        Ok(&self.ring.slots[index(self.sent)])
    }

    /// Gives what is in the slot to the consumer.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn publish(&mut self) -> io::Result<()> {
        self.sent = self.sent.wrapping_add(ONE);
        self.ring.sent.publish(self.sent)
    }
}

/// The end that receives. There is one at a time.
pub struct Consumer {
    ring: Shared<Ring>,
    waiting: Waiting,
    taken: u32,
    /// At least so many have been sent.
    sent: u32,
}

impl Consumer {
    /// Opens the ring where the last consumer has left it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn open(memory: &File, waiting: Waiting) -> io::Result<Self> {
        let ring = Shared::<Ring>::map(memory)?;
        Ok(Self {
            waiting,
            taken: ring.taken.get(),
            sent: ring.sent.get(),
            ring,
        })
    }

    /// Takes the next message; waits while there is none.
    ///
    /// # Errors
    ///
    /// `TimedOut` where the producer sends none for too long, and the system's.
    // ANCHOR: receive
    pub fn receive(&mut self) -> io::Result<Message> {
        if self.taken == self.sent {
            self.sent = self.ring.sent.wait_past(self.sent, self.waiting)?;
        }
        let slot = &self.ring.slots[index(self.taken)];
        let message = array::from_fn(|word| slot[word].load(Relaxed));
        self.taken = self.taken.wrapping_add(ONE);
        self.ring.taken.publish(self.taken)?;
        Ok(message)
    }
    // ANCHOR_END: receive
}

fn index(count: u32) -> usize {
    (count / ONE) as usize % SLOTS
}
