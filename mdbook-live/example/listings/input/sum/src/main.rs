//! Adds up the numbers that it reads, one a line.

use std::{error::Error, io};

fn main() -> Result<(), Box<dyn Error>> {
    let mut sum = 0;
    for line in io::stdin().lines() {
        sum += line?.trim().parse::<u64>()?;
        println!("sum={sum}");
    }
    Ok(())
}
