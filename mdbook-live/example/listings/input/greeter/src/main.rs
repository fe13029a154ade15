//! Greets each name on the command line.

use std::env;

fn main() {
    for name in env::args().skip(1) {
        println!("Hello, {name}!");
    }
}
