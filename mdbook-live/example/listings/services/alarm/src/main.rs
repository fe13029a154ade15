//! Sleeps for eight hours.

use std::{thread, time::Duration};

fn main() {
    println!("the alarm is set: eight hours");
    thread::sleep(Duration::from_secs(8 * 60 * 60));
    println!("good morning");
}
