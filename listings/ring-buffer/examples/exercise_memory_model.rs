//! Your version: every message that the memory model lets a consumer read, and not only those
//! that this machine happens to show.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::hint;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};
use std::thread;

use clap::Parser;

/// Sends a message of two words again and again, by each order of its count
#[derive(Parser)]
struct Arguments {}

const TRIES: usize = 2_000;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        for publish in [Release, Relaxed] {
            for look in [Acquire, Relaxed] {
                let read = messages(publish, look);
                println!("published {publish:?}, seen {look:?}: {read:?}");
            }
        }
        Ok::<_, Infallible>(())
    })
}

/// The messages that a consumer has read once it had seen the count. The one that was sent is
/// `[2, 2]`.
fn messages(publish: Ordering, look: Ordering) -> BTreeSet<[u64; 2]> {
    let mut read = BTreeSet::new();
    for _ in 0..TRIES {
        let count = Arc::new(AtomicU32::new(0));
        let slot = Arc::new([AtomicU64::new(1), AtomicU64::new(1)]);
        let (of_producer, words) = (count.clone(), slot.clone());
        let producer = thread::spawn(move || {
            words.iter().for_each(|word| word.store(2, Relaxed));
            of_producer.store(1, publish);
        });
        while count.load(look) == 0 {
            hint::spin_loop();
        }
        read.insert([slot[0].load(Relaxed), slot[1].load(Relaxed)]);
        producer.join().expect("no panic");
    }
    read
}
