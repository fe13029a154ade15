//! Four threads add up a quarter of the numbers from 1 to 1000 each.

use std::thread;

const SHARE: u64 = 250;

fn main() {
    let workers: Vec<_> = (0..4)
        .map(|worker| thread::spawn(move || add_up(worker)))
        .collect();
    let total: u64 = workers
        .into_iter()
        .map(|worker| worker.join().unwrap())
        .sum();

    println!("total: {total}");
}

fn add_up(worker: u64) -> u64 {
    let first = worker * SHARE + 1;
    let last = first + SHARE - 1;
    let sum = (first..=last).sum();
    println!("worker {worker}: {first} to {last} make {sum}");
    sum
}
