//! What is run, and how: all that the runner has to know of a run.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::book::surroundings::{Client, Ends};

/// What is run, and how.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// The program: its path, or its name on the `PATH`.
    pub program: &'a Path,
    /// Its arguments.
    pub args: &'a [String],
    /// Its working directory.
    pub dir: &'a Path,
    /// What it reads from standard input.
    pub input: Input<'a>,
    /// The variables that it has besides those that every run has.
    pub env: &'a [(String, String)],
    /// Whether standard output and standard error are one, as in a terminal.
    pub together: bool,
    /// After this time the whole process group is ended.
    pub timeout: Duration,
    /// What ends it before, where it has no end of its own.
    pub ends: Option<&'a Ends>,
    /// What calls it.
    pub client: Option<&'a Client>,
    /// Whether the memory of the process tree is sampled.
    pub memory: bool,
    /// Whether what its processes do is observed.
    pub observe: bool,
    /// How many bytes of private memory each of its processes may have.
    pub data_limit: Option<u64>,
    /// How many bytes of memory its processes may have together; with more it is ended.
    pub most_memory: Option<u64>,
}

impl<'a> Launch<'a> {
    /// A program that reads nothing, in that folder, with a minute to end by itself.
    pub fn of(program: &'a Path, args: &'a [String], dir: &'a Path) -> Launch<'a> {
        Launch {
            program,
            args,
            dir,
            input: Input::Nothing,
            env: &[],
            together: false,
            timeout: Duration::from_secs(60),
            ends: None,
            client: None,
            memory: false,
            observe: false,
            data_limit: None,
            most_memory: None,
        }
    }
}

/// What a run reads from standard input.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// It is at its end at once.
    Nothing,
    /// This file.
    File(&'a Path),
    /// This text.
    Text(&'a str),
}

impl Input<'_> {
    pub(super) fn open(self) -> Result<Stdio> {
        Ok(match self {
            Input::Nothing => Stdio::null(),
            Input::File(path) => File::open(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .into(),
            Input::Text(text) => {
                let mut file = tempfile::tempfile().context("making a file for a run's input")?;
                file.write_all(text.as_bytes())?;
                file.rewind()?;
                file.into()
            }
        })
    }
}
