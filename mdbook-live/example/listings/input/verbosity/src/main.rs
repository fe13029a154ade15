//! Says more where the variable `VERBOSE` is 1.

use std::env;

fn main() {
    let verbose = env::var("VERBOSE").is_ok_and(|value| value == "1");
    let words = ["fork", "spawn", "join"];

    if verbose {
        for word in words {
            println!("{word}: {} letters", word.len());
        }
    }
    println!("{} words", words.len());
}
