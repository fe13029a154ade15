//! Figures of several runs, or series of one, as a picture or a table.

use regex::Regex;

/// Figures of several runs, side by side.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Unique in its listing.
    pub name: String,
    /// What a reader sees above it.
    pub caption: String,
    /// What it shows.
    pub shows: Shows,
}

/// What a chart shows.
#[derive(Debug, Clone)]
pub enum Shows {
    /// Figures of several runs.
    Figures {
        /// The runs, by their names in this listing.
        runs: Vec<String>,
        /// What is shown of each.
        figures: Vec<Charted>,
    },
    /// Values that one run has printed, a line for each series.
    Plot {
        /// The run, by its name in this listing.
        run: String,
        /// The unit of the horizontal axis.
        x_unit: String,
        /// The unit of the vertical axis.
        y_unit: String,
        /// What the bars around a point show: "eight in ten tries".
        spread: Option<String>,
        /// Each with its name and a pattern of four captures: where, the median, the least
        /// and the most.
        series: Vec<(String, Regex)>,
    },
}

/// A figure that a chart shows of each of its runs.
#[derive(Debug, Clone)]
pub struct Charted {
    /// Its name.
    pub figure: String,
    /// What a reader sees above it.
    pub heading: String,
    /// The reference's figure next to it, and what that is where it is another.
    pub reference: Option<(String, Option<String>)>,
}
