//! Ends with status 3 where there are no settings.

use std::{fs, process};

fn main() {
    println!("reading settings.toml");
    match fs::read_to_string("settings.toml") {
        Ok(settings) => println!("{} bytes", settings.len()),
        Err(error) => {
            eprintln!("settings.toml: {error}");
            process::exit(3);
        }
    }
}
