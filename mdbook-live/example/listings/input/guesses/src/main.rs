//! A guessing game: reads guesses until one is right.

use std::{cmp::Ordering, io};

const SECRET: u32 = 42;

fn main() -> io::Result<()> {
    for line in io::stdin().lines() {
        let line = line?;
        let Ok(guess) = line.trim().parse::<u32>() else {
            println!("{line}: not a number");
            continue;
        };
        match guess.cmp(&SECRET) {
            Ordering::Less => println!("{guess}: too small"),
            Ordering::Greater => println!("{guess}: too big"),
            Ordering::Equal => {
                println!("{guess}: you win");
                break;
            }
        }
    }
    Ok(())
}
