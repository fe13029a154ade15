//! What the programs of this listing share: a text, a compressor, two threads, and a clock.

use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use flate2::Compression;
use flate2::bufread::GzEncoder;
use process_pool::Slice;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// How many threads, and how many workers.
pub const TWO: usize = 2;

/// Pieces of `len` bytes each, the same at every call: a text without a sense, which compresses
/// about as well as one with it.
pub fn text_in_pieces(pieces: usize, len: usize) -> Vec<Slice<u8>> {
    let words = words();
    let seeds = 1..=pieces as u64;
    seeds.map(|seed| text(&words, seed, len).into()).collect()
}

/// How many words there are, as a power of two.
const OCTAVES: u32 = 14;

const SYLLABLE: [&[&str]; 3] = [
    &[
        "t", "n", "s", "h", "r", "d", "l", "c", "m", "w", "f", "g", "y", "p", "b", "v",
    ],
    &["e", "a", "o", "i", "u"],
    &["", "", "n", "s", "r", "t", "l"],
];

/// Words by their rank, the short ones first.
fn words() -> Vec<String> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut word = |rank: u32| {
        let sounds = (0..=rank.ilog2() / 4).flat_map(|_| SYLLABLE);
        sounds
            .map(|sounds| sounds[random.random_range(0..sounds.len())])
            .collect()
    };
    (1..1 << OCTAVES).map(&mut word).collect()
}

fn text(words: &[String], seed: u64, len: usize) -> Vec<u8> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut text = Vec::with_capacity(len + 32);
    while text.len() < len {
        // Twice the rank, half as often: Zipf's law.
        let octave = random.random_range(0..OCTAVES);
        let rank: u32 = random.random_range(1 << octave..2 << octave);
        text.extend_from_slice(words[rank as usize - 1].as_bytes());
        text.push(b' ');
    }
    text.truncate(len);
    text
}

/// A piece as a member of a gzip file; several members, one behind the other, are a file too.
pub fn gzip(piece: &[u8], level: u32) -> Vec<u8> {
    let mut member = Vec::new();
    GzEncoder::new(piece, Compression::new(level))
        .read_to_end(&mut member)
        .expect("bytes in memory can be read to their end");
    member
}

// ANCHOR: by_threads
/// The results of `task`, in the arguments' order. Each of two threads takes the next argument
/// when it is free.
pub fn by_threads<A: Clone + Sync, R: Send>(arguments: &[A], task: fn(A) -> R) -> Vec<R> {
    let mut results: Vec<Option<R>> = arguments.iter().map(|_| None).collect();
    let queue = Mutex::new(arguments.iter().zip(&mut results));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..TWO {
            scope.spawn(|| {
                while let Some((argument, result)) = next() {
                    *result = Some(task(argument.clone()));
                }
            });
        }
    });
    results.into_iter().flatten().collect()
}
// ANCHOR_END: by_threads

/// What `work` returns, and the seconds that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// The least of several times: the one that other work on the machine has disturbed least.
pub fn least(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// How many times as fast.
pub struct Gain {
    /// By the least time of each.
    pub best: f64,
    /// The least and the most of the rounds.
    pub rounds: (f64, f64),
}

impl Gain {
    /// Of what took `seconds` in each round, over what took `alone` in the same.
    pub fn over(alone: &[f64], seconds: &[f64]) -> Self {
        let rounds = alone.iter().zip(seconds).map(|(alone, took)| alone / took);
        Self {
            best: least(alone) / least(seconds),
            rounds: rounds.fold((f64::INFINITY, 0.0), |(low, high), gain| {
                (low.min(gain), high.max(gain))
            }),
        }
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.rounds;
        write!(f, "{:.2} ({low:.2} to {high:.2})", self.best)
    }
}

/// How many cores this program may use. With one there is nothing to be gained, and it ends
/// with the code for "cannot run here".
pub fn two_cores_or_more() -> usize {
    match thread::available_parallelism().map_or(1, Into::into) {
        1 => {
            println!("a gain needs two cores; this program may use one");
            std::process::exit(77)
        }
        cores => cores,
    }
}
