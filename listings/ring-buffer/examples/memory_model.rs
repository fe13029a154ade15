//! A solution: every message that the memory model lets a consumer read.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::Parser;
use loom::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{self, Acquire, Relaxed, Release},
};
use loom::thread;

/// Tries every order that the memory model allows for one message
#[derive(Parser)]
struct Arguments {}

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

// ANCHOR: solution
/// The messages that a consumer may read once it has seen the count. The one that was sent is
/// `[2, 2]`.
fn messages(publish: Ordering, look: Ordering) -> BTreeSet<[u64; 2]> {
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let all = read.clone();
    loom::model(move || {
        let count = Arc::new(AtomicU32::new(0));
        let slot = Arc::new([AtomicU64::new(1), AtomicU64::new(1)]);
        let (of_producer, words) = (count.clone(), slot.clone());
        let producer = thread::spawn(move || {
            words.iter().for_each(|word| word.store(2, Relaxed));
            of_producer.store(1, publish);
        });
        if count.load(look) == 1 {
            let message = [slot[0].load(Relaxed), slot[1].load(Relaxed)];
            all.lock().expect("no panic").insert(message);
        }
        producer.join().expect("no panic");
    });
    let read = read.lock().expect("no panic");
    read.clone()
}
// ANCHOR_END: solution
