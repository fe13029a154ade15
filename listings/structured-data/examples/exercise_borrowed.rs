//! Your version: records whose strings are to be borrowed from the file.

use std::process::ExitCode;

use clap::Parser;
use mem_trace::MemoryUsage;
use serde::Deserialize;
use structured_data::request::{Request, requests};
use structured_data::sealed::{map, sealed};
use structured_data::{Result, Size, mib};

/// Decodes the same file into owned and into borrowed records
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(compare)
}

/// A request whose strings are to be the file's.
#[derive(Deserialize)]
struct Borrowed {
    path: String,
    user: Option<String>,
    #[expect(dead_code, reason = "it is decoded, and has no string")]
    milliseconds: Option<f64>,
    tags: Vec<String>,
}

impl Borrowed {
    fn strings(&self) -> impl Iterator<Item = &str> {
        let path = std::iter::once(&self.path);
        path.chain(&self.user).chain(&self.tags).map(String::as_str)
    }
}

fn compare(Arguments { size }: Arguments) -> Result<()> {
    let encoded = postcard::to_stdvec(&requests(size.requests))?;
    let file = map(&sealed(&encoded)?)?;
    let bytes = encoded.len();
    drop(encoded);
    println!("The file has {:.1} MiB.", mib(bytes));

    let before = MemoryUsage::now().allocated;
    let owned: Vec<Request> = postcard::from_bytes(&file)?;
    println!(
        "Owned: {:.1} MiB of heap",
        mib(MemoryUsage::now().allocated - before)
    );
    drop(owned);

    let borrowed: Vec<Borrowed> = postcard::from_bytes(&file)?;
    println!(
        "Borrowed: {:.1} MiB of heap",
        mib(MemoryUsage::now().allocated - before)
    );
    let here = file.as_ptr_range();
    let strings = || borrowed.iter().flat_map(Borrowed::strings);
    let inside = strings().filter(|string| here.contains(&string.as_ptr()));
    println!(
        "{} of {} strings lie in the file.",
        inside.count(),
        strings().count()
    );
    Ok(())
}
