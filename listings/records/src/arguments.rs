//! The arguments that the data chapters have in common.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use command_line::{count, grouped};
use mem_trace::trace;
use process_pool::{Builder, Event};

use crate::error::Result;
use crate::file::DataFile;
use crate::generate::{fingerprint, generate};
use crate::room::require_memory;

/// The seed of the data that nobody named a seed for.
pub(crate) const SEED: u64 = 42;

/// More than any machine that this runs on can hold; their bytes still fit a `u64`.
pub const MOST_RECORDS: usize = 1 << 40;

/// Far above the cores of any machine: what is beyond it is a slip of the finger.
pub const MOST_WORKERS: usize = 4096;

/// Where the workspace has its target folder, if nobody says otherwise.
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");

/// Which data, and how many workers.
#[derive(Debug, Clone, Args)]
pub struct DataArguments {
    /// Records to work on; without it, 2_000_000 or as many as the --data file holds
    #[arg(long, value_name = "N", value_parser = count::<MOST_RECORDS>)]
    pub records: Option<usize>,

    /// Worker processes
    #[arg(long, value_name = "N", value_parser = count::<MOST_WORKERS>, default_value = "4")]
    pub workers: usize,

    /// The data file, made where there is none [default: in the target folder's data, under
    /// a name that says how many records and by which generator]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
}

// ANCHOR: lost
/// What a run does about workers that it loses.
#[derive(Debug, Clone, Args)]
pub struct LostWorkers {
    /// How often a batch that lost its worker runs again, on another one
    #[arg(long, value_name = "N", default_value = "0")]
    retries: usize,

    /// How long a worker may take for a batch before it is killed [default: for ever]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
}

impl LostWorkers {
    /// A pool that acts so, and prints a line for each worker that it loses or replaces and
    /// each batch that runs again.
    pub fn of(&self, pool: Builder) -> Builder {
        let pool = pool.retries(self.retries).on_event(|event| match event {
            Event::Started { .. } => {}
            lost => trace!("{lost}"),
        });
        match self.deadline {
            Some(deadline) => pool.deadline(deadline),
            None => pool,
        }
    }
}
// ANCHOR_END: lost

/// A time, in seconds with or without a fraction.
fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds above 0, such as 2.5".to_string())
}

impl DataArguments {
    /// How many records to generate, or to expect in the default file.
    fn records_to_make(&self) -> usize {
        self.records.unwrap_or(2_000_000)
    }

    /// Where the data is, or will be. A generator that makes other data makes it under
    /// another name.
    pub fn path(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| {
            let (records, generator) = (self.records_to_make(), fingerprint(SEED));
            let target = target_of(&env::current_exe().unwrap_or_default());
            target.join(format!("data/{records}-{generator}.npy"))
        })
    }

    /// Opens the data file for a run that will hold its records `copies` times in
    /// memory; generates it first where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::DoesNotFit`](crate::Error::DoesNotFit), before anything is generated or read; else see
    /// [`DataFile::open`] and [`generate()`].
    pub fn open(&self, copies: f64) -> Result<DataFile> {
        let path = self.path();
        if !path.exists() {
            require_memory(self.records_to_make(), copies)?;
            trace!(
                "No data file yet: generating {} records.",
                grouped(self.records_to_make())
            );
            self.generate()?;
        }
        let file = DataFile::open(&path, self.records)?;
        require_memory(file.records(), copies)?;
        Ok(file)
    }

    /// Generates the data file, in the place of one that is there, and says how many
    /// workers had a part in it. What another generator made under the same number of
    /// records goes.
    ///
    /// # Errors
    ///
    /// See [`generate()`].
    pub fn generate(&self) -> Result<usize> {
        let (path, records) = (self.path(), self.records_to_make());
        let workers = generate(&path, records, SEED, self.workers)?;
        if self.data.is_none() {
            remove_others(&path, &format!("{records}-"));
        }
        Ok(workers)
    }
}

/// The target folder that `program` was built in: the workspace itself may be read-only.
fn target_of(program: &Path) -> PathBuf {
    // By this file Cargo marks the folders that it makes.
    let target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
    let target = program.ancestors().find(target);
    target.unwrap_or(Path::new(TARGET)).to_owned()
}

/// Removes the data files next to `path` whose names begin alike.
fn remove_others(path: &Path, prefix: &str) {
    let Some(entries) = path.parent().and_then(|folder| fs::read_dir(folder).ok()) else {
        return;
    };
    for other in entries.flatten().map(|entry| entry.path()) {
        let name = other.file_name().and_then(|name| name.to_str());
        let alike = name.is_some_and(|name| name.starts_with(prefix) && name.ends_with(".npy"));
        if alike && other != path {
            // It is of no more use, and no harm: where it cannot be removed it stays.
            let _ = fs::remove_file(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(data: Option<PathBuf>) -> DataArguments {
        DataArguments {
            records: Some(3),
            workers: 1,
            data,
        }
    }

    #[test]
    fn the_default_file_carries_its_number_of_records_and_its_generator() {
        let path = arguments(None).path();
        let name = path.file_name().and_then(|name| name.to_str());
        assert_eq!(name, Some(format!("3-{}.npy", fingerprint(SEED)).as_str()));
    }

    #[test]
    fn a_file_that_is_named_is_that_file_whoever_made_it() {
        assert_eq!(arguments(Some("my.npy".into())).path(), Path::new("my.npy"));
    }

    #[test]
    fn the_data_is_in_the_target_folder_in_use() {
        let folder = std::env::temp_dir().join(format!("records-{}-target", std::process::id()));
        let program = folder.join("debug/data-sink");
        fs::create_dir_all(folder.join("debug")).expect("a folder");
        assert_eq!(target_of(&program), Path::new(TARGET));
        fs::write(folder.join("CACHEDIR.TAG"), "").expect("write");
        assert_eq!(target_of(&program), folder);
        fs::remove_dir_all(&folder).expect("it is there");
    }

    #[test]
    fn files_of_another_generator_go_and_others_stay() {
        let folder = std::env::temp_dir().join(format!("records-{}-data", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        for name in ["3-0a.npy", "3-0b.npy", "30-0a.npy", "3-0a.txt"] {
            fs::write(folder.join(name), name).expect("write");
        }
        remove_others(&folder.join("3-0b.npy"), "3-");
        let left = |name: &str| folder.join(name).exists();
        assert!(!left("3-0a.npy"));
        assert!(left("3-0b.npy") && left("30-0a.npy") && left("3-0a.txt"));
        fs::remove_dir_all(&folder).expect("it is there");
    }
}
