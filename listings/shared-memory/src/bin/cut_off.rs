//! Memory that is cut off under its reader, and memory that cannot be.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use mem_trace::{check_output, trace};
use memmap2::Mmap;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use records::{DataArguments, Record, nansum, write_part};
use shared_memory::{Part, map, sealed_memory};

fn main() -> ExitCode {
    Tasks::new()
        .add(map_and_sum)
        .add(sum_again)
        .add(write_part)
        .serve_if_worker();
    command_line::run(compare)
}

/// The worker's map, kept from one task to the next.
static KEPT: OnceLock<Mmap> = OnceLock::new();

fn map_and_sum(part: Part) -> Result<f64, String> {
    // SAFETY: the sealed memfd keeps the condition. The file without a name breaks it
    // when it is written and cut: that is the experiment, and the worker's end its result.
    let memory =
        unsafe { map(&part) }.map_err(|error| format!("cannot map the records: {error}"))?;
    sum_again(KEPT.get_or_init(|| memory).len())
}

/// `bytes` of the map are there, as far as this process knows.
fn sum_again(bytes: usize) -> Result<f64, String> {
    let memory = KEPT.get().ok_or("nothing is mapped yet")?;
    trace!("Summing {bytes} mapped bytes.");
    let records: &[Record] =
        bytemuck::try_cast_slice(&memory[..bytes]).map_err(|error| error.to_string())?;
    Ok(nansum(records))
}

/// Sums, writes a byte, cuts the memory to nothing, and has the worker sum once more.
///
/// Where the write or the cut succeeds, it breaks the condition of [`map`]. That is the
/// experiment: the worker is to show how it ends.
fn cut_between_two_sums(memory: OwnedFd, records: usize) -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    let file = File::from(memory.try_clone()?);
    let part = Part {
        memory: Descriptor::from(memory),
        offset: 0,
        records,
        range: 0..records,
    };
    // ANCHOR: cut_off
    let total_sum = pool.submit(map_and_sum, part)?.wait()??;
    trace!("total_sum={total_sum}");
    match file.write_at(&[0], 0) {
        Ok(_) => trace!("Wrote a byte."),
        Err(error) => trace!("Not written: {error}"),
    }
    match file.set_len(0) {
        Ok(()) => trace!("Cut to {} bytes.", file.metadata()?.len()),
        Err(error) => trace!("Not cut: {error}"),
    }
    let bytes = records * size_of::<Record>();
    let total_sum = pool.submit(sum_again, bytes)?.wait()??;
    trace!("total_sum={total_sum}");
    // ANCHOR_END: cut_off
    Ok(())
}

/// The same with a sealed memfd, which refuses to be cut, and with a file, which
/// does not.
fn compare(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    let data = data.open(2.05)?.load()?;
    let sealed = sealed_memory(&data)?;
    let seals = SealFlag::from_bits_truncate(fcntl(&sealed, FcntlArg::F_GET_SEALS)?);
    trace!("A sealed memfd, {seals:?}:");
    cut_between_two_sums(sealed, data.len())?;

    trace!("A file without a name:");
    let mut file = tempfile::tempfile()?;
    file.write_all(bytemuck::cast_slice(&data))?;
    cut_between_two_sums(file.into(), data.len())?;
    Ok(check_output()?)
}

/// Has a spawned worker sum memory that is cut off while it is mapped
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
