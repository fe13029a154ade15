//! Solution of an exercise: one offset of a file that leads too far.

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

// ANCHOR: solution
fn change(Arguments {}: Arguments) -> Result<()> {
    let mut file = columns::file(&requests(4), None)?;
    let [offsets, paths, users] = [0, 1, 4].map(|part| range(&file, part));
    let [offsets, paths, users] = [offsets?, paths?, users?];
    // The last path is to end where the users end.
    let end = i32::try_from(users.end - paths.start)?;
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
        let path = rows(&batch)?.last().map_or("", |row| row.path);
        let (begin, end) = (&path[..13], &path[path.len() - 23..]);
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
// ANCHOR_END: solution
