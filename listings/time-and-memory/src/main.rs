//! What a line says about time and memory, and what it does not.

mod allocate;
mod clock;
mod data;
mod forked;
mod peak;
mod shared;
mod sum;
mod worker;
mod writes;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mem_trace::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The most that is asked for at once: a quarter of the smallest machine that the book
/// is made for.
const MOST_MIB: usize = 1024;

/// Shows what each figure of time and memory counts
#[derive(Parser)]
struct Arguments {
    /// What to look at
    #[arg(value_enum, default_value = "allocate")]
    run: Run,

    /// How much data, in MiB
    #[arg(long, default_value = "256", value_parser = command_line::count::<MOST_MIB>)]
    mib: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// Memory that is asked for, touched and given back
    Allocate,
    /// Memory that a forked child reads, then writes
    Fork,
    /// Memory that two processes map
    Share,
    /// Two workers that wait at the same time
    Time,
    /// How many write(2) calls a line is
    Writes,
    /// Two peaks of a process that has done nothing
    Peak,
    /// Four workers over one array: their resident memory, added up
    SumResident,
    /// The same, by what each has a share in
    SumProportional,
    /// What `peak` starts
    #[value(hide = true)]
    Child,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| -> Result<(), Box<dyn Error>> {
        let bytes = arguments.mib << 20;
        match arguments.run {
            Run::Allocate => allocate::allocate(bytes),
            Run::Fork => forked::fork(bytes)?,
            Run::Share => shared::share(bytes)?,
            Run::Time => clock::time()?,
            Run::Writes => writes::count_all()?,
            Run::Peak => peak::parent(bytes)?,
            Run::Child => peak::child()?,
            Run::SumResident => sum::sum(bytes, sum::View::Resident)?,
            Run::SumProportional => sum::sum(bytes, sum::View::Proportional)?,
        }
        Ok(mem_trace::check_output()?)
    })
}
