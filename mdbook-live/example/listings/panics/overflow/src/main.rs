//! Counts on from its argument, which has to fit into a byte.

use std::env;

fn main() {
    let number: u8 = env::args().nth(1).unwrap().parse().unwrap();

    println!("{number}, then {}", number + 1);
}
