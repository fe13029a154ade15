//! Your version: one offset of a file, which is to lead to the end of the users.

use std::ops::Range;
use std::process::ExitCode;

use clap::Parser;
use structured_data::Result;
use structured_data::columns::{self, Care, batches, parts, rows};
use structured_data::request::requests;
use structured_data::sealed::{map, sealed};

/// Changes one offset of an Arrow file, and reads it with and without looking at the offsets
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(change)
}

fn change(Arguments {}: Arguments) -> Result<()> {
    let mut file = columns::file(&requests(4), None)?;
    let [offsets, users] = [0, 4].map(|part| range(&file, part));
    let [offsets, users] = [offsets?, users?];
    // The last path is to end where the users end.
    let end = i32::try_from(users.end)?;
    file[offsets.end - 4..offsets.end].copy_from_slice(&end.to_le_bytes());

    let file = columns::buffer(map(&sealed(&file)?)?);
    // SAFETY: nothing is believed.
    match unsafe { batches(&file, Care::default()) } {
        Ok(_) => println!("With care: read"),
        Err(error) => println!("With care: {error}"),
    }
    let care = Care {
        trusting: true,
        ..Care::default()
    };
    // SAFETY: none, since one offset leads beyond its array. What it leads to lies in the same
    // mapping and is ASCII, so that the experiment ends with a wrong string and no signal.
    for batch in unsafe { batches(&file, care) }? {
        let path = rows(&batch)?.last().map_or("", |row| row.path).as_bytes();
        let [begin, end] = [&path[..13], &path[path.len() - 23..]].map(<[u8]>::escape_ascii);
        println!("Trusting: a path that begins with {begin} and ends with {end}");
    }
    Ok(())
}

/// Where in a file one of the arrays of its first batch lies.
fn range(file: &[u8], part: usize) -> Result<Range<usize>> {
    let file = columns::buffer(map(&sealed(file)?)?);
    // SAFETY: nothing is believed.
    let batches = unsafe { batches(&file, Care::default()) }?;
    let part = batches
        .first()
        .and_then(|batch| parts(batch).into_iter().nth(part));
    let bytes = part.ok_or("no such array")?.bytes;
    let begin = bytes.as_ptr().addr() - file.as_ptr().addr();
    Ok(begin..begin + bytes.len())
}
