//! Makes the data file, in place of one that is there.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use command_line::grouped;
use mem_trace::{CountingAllocator, MemoryUsage, check_output, mebibytes, trace};
use process_pool::Tasks;
use records::{DataArguments, write_part};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(generate)
}

fn generate(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    trace!("Generating data. {}", MemoryUsage::now());
    let workers = data.generate()?;
    let file = data.open(0.0)?;
    trace!(
        "Generated {} MB of data. {} records by {workers} workers. {}",
        mebibytes(file.bytes()),
        grouped(file.records()),
        MemoryUsage::now()
    );
    Ok(check_output()?)
}

/// Makes the data file, in place of one that is there
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
