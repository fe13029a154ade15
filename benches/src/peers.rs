//! The programs of the pairs: built, and run on one data file.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use benches::programs::{Built, Python, scripts, succeed};
use command_line::grouped;
use records::{DataArguments, DataFile, require_memory};

use crate::measurement::Measurement;
use crate::pairs::{Language, Program};

/// Everything that a run of a program needs.
pub struct Peers {
    python: Python,
    listings: Built,
    data: PathBuf,
    records: usize,
}

impl Peers {
    /// Builds the listings and makes the data file where there is none. `workers` is
    /// the least number of workers that the data will be sent to.
    ///
    /// # Errors
    ///
    /// Where the listings cannot be built, the data cannot be made, holds another
    /// number of records, or would not fit into memory as often as it is held.
    pub fn prepare(
        python: Python,
        records: usize,
        data: Option<PathBuf>,
        workers: usize,
    ) -> Result<Self> {
        let listings = Built::build(&["-p", "data-sink", "-p", "shared-memory"])?;
        let path = DataArguments {
            records: Some(records),
            workers,
            data,
        }
        .path();
        let mut peers = Self {
            python,
            listings,
            data: path,
            records,
        };
        // Python holds the records, then for each batch under way the pickle, what is
        // read of it, and the copy that nansum makes; with shared memory, two copies
        // and a part.
        require_memory(records, (1.0 + 3.1 / workers as f64).max(2.5))?;
        if !peers.data.exists() {
            let mut generate = Command::new(peers.listings.program("generate")?);
            generate.args(peers.data_options());
            succeed("generate", generate)?;
        }
        let file = DataFile::open(&peers.data, None)?;
        if file.records() != records {
            bail!(
                "{} holds {} records and the Python programs read all of them: {} were asked for",
                peers.data.display(),
                grouped(file.records()),
                grouped(records)
            );
        }
        peers.data = peers
            .data
            .canonicalize()
            .with_context(|| format!("cannot resolve {}", peers.data.display()))?;
        Ok(peers)
    }

    /// Runs `program` once.
    ///
    /// # Errors
    ///
    /// Where it fails, is interrupted, or prints no figures.
    pub fn measure(&self, program: Program) -> Result<Measurement> {
        let (file, words) = program.command();
        let command = match program.language {
            Language::Python => {
                let mut command = Command::new(&self.python.interpreter);
                command.arg(scripts().join(file));
                command.args(words).arg(&self.data);
                command
            }
            Language::Rust => {
                let mut command = Command::new(self.listings.program(file)?);
                command.args(words).args(self.data_options());
                command
            }
        };
        let name = program.to_string();
        let finished = succeed(&name, command)?;
        Measurement::read(&finished.output, finished.wall)
            .with_context(|| format!("cannot read what {name} measured"))
    }

    fn data_options(&self) -> [OsString; 4] {
        [
            "--records".into(),
            self.records.to_string().into(),
            "--data".into(),
            self.data.clone().into(),
        ]
    }
}
