//! Four requests in Arrow's layout, and where each array lies in the file.

use std::process::ExitCode;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use clap::Parser;
use structured_data::Result;
use structured_data::columns::{self, Care, Part, batches, parts};
use structured_data::request::Request;
use structured_data::sealed::{map, sealed};

/// Shows four requests in an Arrow file, array by array
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(show)
}

fn four() -> [Request; 4] {
    let request = |path: &str, user: Option<&str>, milliseconds, tags: &[&str]| Request {
        path: path.to_owned(),
        user: user.map(str::to_owned),
        milliseconds,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    [
        request("/orders/1", Some("ada"), Some(2.5), &["cached"]),
        request("/search", None, Some(40.0), &["slow", "retried"]),
        request("/orders/2", Some("grace"), None, &[]),
        request("/people/7", Some(""), Some(1.25), &["cached"]),
    ]
}

fn show(Arguments {}: Arguments) -> Result<()> {
    let file = sealed(&columns::file(&four(), None)?)?;
    let [first, second] = [columns::buffer(map(&file)?), columns::buffer(map(&file)?)];
    // SAFETY: nothing is believed.
    let [here, there] = [&first, &second].map(|file| unsafe { batches(file, Care::default()) });
    let [here, there] = [all(&here?), all(&there?)];

    println!("column        array      at byte  bytes  holds");
    for part in &here {
        println!(
            "{:<13} {:<9} {:>8} {:>6}  {}",
            part.column,
            part.role,
            at(part, &first),
            part.bytes.len(),
            content(part)
        );
    }
    let lines = here
        .iter()
        .filter(|part| at(part, &first).is_multiple_of(64));
    println!(
        "{} of {} begin at a multiple of 64.",
        lines.count(),
        here.len()
    );

    let distance = first.as_ptr().addr().abs_diff(second.as_ptr().addr());
    let same = here.iter().zip(&there).filter(|(here, there)| {
        at(here, &first) == at(there, &second) && here.bytes == there.bytes
    });
    println!(
        "Mapped again, {distance} bytes away: {} are the same.",
        same.count()
    );
    Ok(())
}

fn all(batches: &[RecordBatch]) -> Vec<Part> {
    batches.iter().flat_map(parts).collect()
}

fn at(part: &Part, file: &Buffer) -> usize {
    part.bytes.as_ptr().addr() - file.as_ptr().addr()
}

fn content(part: &Part) -> String {
    let bytes = part.bytes.as_slice();
    match part.role {
        "validity" => format!("{:#06b}", bytes[0]),
        "offsets" => format!("{:?}", part.bytes.typed_data::<i32>()),
        _ if part.column == "milliseconds" => format!("{:?}", part.bytes.typed_data::<f64>()),
        _ => format!("{:?}", bytes.escape_ascii().to_string()),
    }
}
