use std::{io, process};

fn main() {
    println!("How many degrees Celsius?");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .expect("standard input can be read");
    match answer.trim().parse::<f64>() {
        Ok(celsius) => println!("{} degrees Fahrenheit", celsius * 1.8 + 32.0),
        Err(error) => {
            eprintln!("{answer:?}: {error}");
            process::exit(1);
        }
    }
}
