//! Counts words while the program is built.

use std::{error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=words.txt");
    let words = fs::read_to_string("words.txt")?.lines().count();

    println!("cargo::warning=words.txt has {words} words");
    println!("cargo::warning=their number goes into the program");
    println!("cargo::rustc-env=WORDS={words}");
    Ok(())
}
