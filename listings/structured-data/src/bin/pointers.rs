//! A value with a pointer in it, copied byte for byte into shared memory.

use std::fs;
use std::io;
use std::process::ExitCode;
use std::slice;

use clap::Parser;
use mem_trace::trace;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use structured_data::request::{Request, requests};
use structured_data::sealed::{map, sealed};
use structured_data::{Result, Size};

/// Has a forked and a spawned worker look at a request that was copied into shared memory
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    Tasks::new().add(look).serve_if_worker();
    command_line::run(share)
}

// ANCHOR: pointers
fn share(Arguments { size }: Arguments) -> Result<()> {
    let table = requests(size.requests);
    // The last one in which nothing is missing: what a `None` leaves unwritten must not be read.
    let whole = |request: &&Request| request.user.is_some() && request.milliseconds.is_some();
    let last = table.iter().rfind(whole).ok_or("no request")?;
    const { assert!(size_of::<Request>() == 3 * size_of::<String>() + size_of::<Option<f64>>()) };
    // SAFETY: each byte of this request has been written. None is padding, since its size is
    // that of its fields and all of them are made of words; and none is that of a `None`.
    let bytes = unsafe { slice::from_raw_parts((&raw const *last).cast(), size_of_val(last)) };
    let memory = Descriptor::from(sealed(bytes)?);
    trace!("A request: {} of its bytes are shared.", bytes.len());
    trace!(
        "Its path lies at {:p}: {}",
        last.path.as_ptr(),
        place(last.path.as_ptr())?
    );
    for method in [StartMethod::Fork, StartMethod::Spawn] {
        let pool = Pool::builder(method).workers(1).start()?;
        pool.submit(look, memory.clone())?.wait()??;
    }
    Ok(())
}

fn look(memory: Descriptor) -> std::result::Result<(), String> {
    let memory = map(&memory).map_err(|error| error.to_string())?;
    // SAFETY: none in a spawned worker. The mapping has the size, the alignment and the bytes
    // of a request, but what its pointers lead to is not there. That is the experiment, and
    // the end of this process is its result.
    let request = unsafe { &*memory.as_ptr().cast::<Request>() };
    trace!("It took {:?} ms.", request.milliseconds);
    trace!("Its path has {} bytes.", request.path.len());
    let begin = request.path.as_ptr();
    trace!(
        "It lies at {begin:p}: {}",
        place(begin).map_err(|error| error.to_string())?
    );
    trace!("It is {:?}.", request.path);
    Ok(())
}
// ANCHOR_END: pointers

/// Which mapping of this process an address lies in (proc(5), `maps`).
fn place(address: *const u8) -> io::Result<String> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let mapping = maps.lines().find(|line| {
        let bounds = line.split([' ', '-']).take(2);
        let bounds: Vec<usize> = bounds
            .filter_map(|at| usize::from_str_radix(at, 16).ok())
            .collect();
        matches!(bounds[..], [begin, end] if (begin..end).contains(&address.addr()))
    });
    Ok(match mapping {
        None => "in no mapping".to_owned(),
        Some(line) => match line.split_whitespace().nth(5) {
            None => "in memory of no file".to_owned(),
            Some(name) => format!("in {name}"),
        },
    })
}
