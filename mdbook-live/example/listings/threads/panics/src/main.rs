//! A thread panics, and the program goes on.

use std::thread;

fn main() {
    let reader = thread::spawn(|| -> u32 { "12x".parse().unwrap() });

    match reader.join() {
        Ok(number) => println!("the thread has read {number}"),
        Err(_) => println!("the thread has panicked; main goes on"),
    }
}
