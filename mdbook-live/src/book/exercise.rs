//! What a reader is asked to do with a listing's programs.

/// A task for the reader.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Unique among the exercises of its listing.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// How hard it is, from 1 to [`Exercise::HARDEST`].
    pub level: u8,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// Where its program comes from, and what decides whether it is solved.
    pub kind: Kind,
}

/// Where the program of an exercise comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The reader changes a starter; it is solved when the claims of these runs hold on it. The
    /// runs are the listing's own, of its solution.
    Graded {
        /// The runs' names, at least one.
        runs: Vec<String>,
    },
    /// A program of the listing writes a fresh one for each seed, and knows its answer.
    Generated {
        /// `src/bin/NAME.rs`.
        generator: String,
    },
}

impl Exercise {
    /// The level of the hardest exercises.
    pub const HARDEST: u8 = 3;

    /// The names of the runs that decide it; none, where it is generated.
    pub fn runs(&self) -> &[String] {
        match &self.kind {
            Kind::Graded { runs } => runs,
            Kind::Generated { .. } => &[],
        }
    }
}
