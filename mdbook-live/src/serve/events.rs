//! What a page asks of the server, and what it is sent of a live run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The full name of a run.
    pub run: String,
    /// At which size.
    pub size: RequestedSize,
}

/// The size in a [`RunRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestedSize {
    /// The one that takes seconds.
    Quick,
    /// That of the record.
    Recorded,
}

/// The sizes at which a run can be made on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "sizes")]
pub enum AvailableSizes {
    /// It has one size: the quick one is that of its record.
    One,
    /// Both.
    Both,
    /// The quick one alone.
    QuickOnly {
        /// Why not that of its record: "needs 10.0 GiB of memory, …".
        why: String,
    },
}

/// What the page is sent, in this order: each at most once but `Status`, `Lines` and `Omitted`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum RunEvent {
    /// What is waited for or made now, in words.
    Status {
        /// A sentence.
        words: String,
    },
    /// The program has been started.
    Started {
        /// What a reader types for it, at this size.
        command: String,
        /// "quick size"; nothing where the run has only one.
        size: Option<&'static str>,
    },
    /// Lines that the program has printed, one after another.
    Lines {
        /// The number of the first, counted from 0.
        first: usize,
        /// The lines, as the page shows them.
        html: Vec<String>,
    },
    /// Lines that the page does not show.
    Omitted {
        /// How many, in words; empty: none is left out after all.
        words: String,
    },
    /// The program has ended.
    Ended {
        /// How, in words.
        words: String,
        /// Whether it ended as it must.
        well: bool,
    },
    /// What became of the claims, by their places in `runs.toml`.
    Verdicts {
        /// The claims' verdicts, as the page shows them.
        claims: BTreeMap<usize, String>,
        /// How many are which, in words.
        words: String,
        /// Whether one of them is other than the book says.
        surprising: bool,
    },
    /// How the run compares with its record.
    Agreement {
        /// In words.
        words: String,
        /// Whether it agrees.
        agrees: bool,
        /// The lines that only the live run has, counted from 0.
        live: Vec<usize>,
        /// The lines that only the record has, counted from 0.
        recorded: Vec<usize>,
    },
    /// The timeline of the run.
    Picture {
        /// As the page shows it.
        html: String,
    },
    /// There is no run: why.
    Failed {
        /// In words.
        words: String,
    },
}

/// Why a request is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// No run has that name.
    NotListed,
    /// One run is made and another waits.
    QueueFull,
    /// The server is about to end.
    Ending,
}
