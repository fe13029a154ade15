//! What calls of procspawn's pool take.
//!
//! ```text
//! cargo run --release -p benches --bin calls-procspawn -- empty 1500
//! ```

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use benches::calls::{
    Arguments, Experiment, MAPPERS, increment, large, mapped, one_by_one, report,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procspawn::Pool;

fn main() -> ExitCode {
    procspawn::init();
    command_line::run(run)
}

fn nothing(_: ()) {}

fn sum(bytes: Vec<u8>) -> u64 {
    benches::calls::sum(&bytes)
}

fn run(Arguments { experiment, count }: Arguments) -> Result<()> {
    report(match experiment {
        Experiment::Empty => {
            let pool = Pool::new(1)?;
            one_by_one(count, || Ok(pool.spawn((), nothing).join()?))?
        }
        Experiment::Large => {
            let pool = Pool::new(1)?;
            let argument = large();
            let expected = sum(argument.clone());
            one_by_one(count, || {
                let sum = pool.spawn(argument.clone(), sum).join()?;
                ensure!(sum == expected, "another sum");
                Ok(())
            })?
        }
        Experiment::Map => {
            // A call that waits has channels of its own: three descriptors. With all calls
            // waiting at once there may be too few, so that some of them are waited for in between.
            let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
            setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
            let at_once = (most / 8).max(1) as usize;
            let pool = Pool::new(MAPPERS)?;
            mapped(count, |numbers| {
                let mut results = Vec::with_capacity(count);
                let numbers: Vec<u64> = numbers.collect();
                for some in numbers.chunks(at_once) {
                    let spawn = |&number: &u64| pool.spawn(number, increment);
                    let handles: Vec<_> = some.iter().map(spawn).collect();
                    for handle in handles {
                        results.push(handle.join()?);
                    }
                }
                Ok(results)
            })?
        }
        Experiment::Chunks => bail!("expected empty, large, map or first"),
        Experiment::First => {
            let mut took = Duration::ZERO;
            for _ in 0..count {
                let start = Instant::now();
                let pool = Pool::new(1)?;
                pool.spawn((), nothing).join()?;
                took += start.elapsed();
            }
            took
        }
    });
    Ok(())
}
