//! Greets from one thread after the other.

use std::thread;

fn main() {
    for name in ["Ada", "Grace"] {
        let greeter = thread::spawn(move || println!("{name} says hello"));
        greeter.join().unwrap();
    }
    println!("both have been joined");
}
