//! Which programs there are, and which of them are put side by side.

use std::fmt;

use crate::measurement::Measurement;
use benches::spread::Spread;

/// One program with its number of workers: what is run once a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// What it is written in.
    pub language: Language,
    /// How the records reach the workers.
    pub way: Way,
    /// How many workers; of no meaning where there are none.
    pub workers: usize,
}

/// What a program is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A program of `benches/python`.
    Python,
    /// A listing of the book.
    Rust,
}

/// How the records reach those that sum them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Sent to the workers.
    Pipe(Method),
    /// Copied into memory that the workers share.
    Shared(Method),
    /// Inherited by forked workers.
    Inherit,
    /// The file is mapped by spawned workers.
    Map,
    /// One process, no workers.
    Sequential,
}

/// How a worker comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// fork(2) alone.
    Fork,
    /// A new program.
    Spawn,
}

impl Method {
    /// The word that listings and Python programs take for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Spawn => "spawn",
        }
    }
}

impl Program {
    /// The program that is run, and its arguments before the data. A listing also
    /// takes the data as options, a Python program its file as the last argument.
    pub fn command(self) -> (&'static str, Vec<String>) {
        let workers = self.workers.to_string();
        let (program, words): (_, Vec<&str>) = match (self.language, self.way) {
            (Language::Python, Way::Pipe(method)) => {
                ("pickle_pool.py", vec![method.word(), &workers])
            }
            (Language::Python, Way::Shared(method)) => {
                ("shared_pool.py", vec![method.word(), &workers])
            }
            (Language::Python, Way::Inherit) => ("inherit_pool.py", vec![&workers]),
            (Language::Python, Way::Map) => ("map_pool.py", vec!["spawn", &workers]),
            (Language::Python, Way::Sequential) => ("sequential.py", vec![]),
            (Language::Rust, way) => {
                let (program, method) = match way {
                    Way::Pipe(method) => ("data-sink", Some(method.word())),
                    Way::Shared(method) => ("shared-memory", Some(method.word())),
                    Way::Inherit => ("inherit", None),
                    Way::Map => ("map_file", None),
                    Way::Sequential => ("sequential", None),
                };
                let words = method.into_iter().chain(["--workers", &workers]);
                (program, words.collect())
            }
        };
        (program, words.into_iter().map(String::from).collect())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, words) = self.command();
        write!(f, "{program} {}", words.join(" "))
    }
}

/// Two programs side by side.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The first word of its line.
    pub name: String,
    /// What the two have in common.
    pub kind: Kind,
    /// Which of their times are compared.
    pub timer: Timer,
    /// The one whose time is divided, with the word for it in the line.
    pub of: (&'static str, Program),
    /// The one whose time divides it.
    pub to: (&'static str, Program),
}

/// What the programs of a pair have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two languages, the records taking one way.
    SameWay,
    /// Two languages, two designs.
    OtherDesign,
    /// One language, two designs.
    PythonAlone,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameWay => "same way",
            Self::OtherDesign => "other design",
            Self::PythonAlone => "python alone",
        })
    }
}

/// Which of a measurement's times counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The workers' start, the sums, the workers' end: the notes' timer.
    Total,
    /// The same, and the copy before it.
    WithCopy,
    /// The whole program, from start to exit.
    Wall,
}

impl Timer {
    /// The time that counts, in seconds. What is shorter than a millisecond counts
    /// as one: the listings print no finer time, and nothing is divided by zero.
    pub fn of(self, measurement: &Measurement) -> f64 {
        let seconds = match self {
            Self::Total => measurement.total,
            Self::WithCopy => measurement.total + measurement.copy.unwrap_or(0.0),
            Self::Wall => measurement.wall,
        };
        seconds.max(0.001)
    }
}

/// A pair before its number of workers is known.
struct Template {
    /// The pair's name; where `N` stands, the number of workers goes.
    name: &'static str,
    /// The numbers of workers that the notes and the book show.
    workers: &'static [usize],
    kind: Kind,
    timer: Timer,
    of: (&'static str, Language, Way),
    to: (&'static str, Language, Way),
}

/// What is put side by side, in the order of the table.
const TEMPLATES: [Template; 13] = {
    use Method::{Fork, Spawn};
    use Timer::{Total, Wall, WithCopy};
    use Way::{Inherit, Map, Pipe, Sequential, Shared};
    [
        same_way("pipe-fork-N", &[4], Total, Pipe(Fork)),
        same_way("pipe-spawn-N", &[4], Total, Pipe(Spawn)),
        same_way("shared-fork-N", &[4, 8], Total, Shared(Fork)),
        same_way("shared-spawn-N", &[4, 8], Total, Shared(Spawn)),
        same_way("shared-fork-N-with-copy", &[8], WithCopy, Shared(Fork)),
        same_way("shared-spawn-N-with-copy", &[8], WithCopy, Shared(Spawn)),
        same_way("inherit-fork-N", &[4], Total, Inherit),
        same_way("map-spawn-N", &[4], Total, Map),
        same_way("sequential", &[1], Total, Sequential),
        other_design("map-wall-vs-shared", &[8], Shared(Spawn)),
        other_design("pickle-wall-vs-map", &[4], Pipe(Spawn)),
        Template {
            name: "python-pickle-vs-inherit",
            workers: &[4],
            kind: Kind::PythonAlone,
            timer: Total,
            of: ("pickle", Language::Python, Pipe(Fork)),
            to: ("inherit", Language::Python, Inherit),
        },
        Template {
            name: "python-shared-vs-map",
            workers: &[8],
            kind: Kind::PythonAlone,
            timer: Wall,
            of: ("shared", Language::Python, Shared(Spawn)),
            to: ("map", Language::Python, Map),
        },
    ]
};

/// Two languages, one way.
const fn same_way(
    name: &'static str,
    workers: &'static [usize],
    timer: Timer,
    way: Way,
) -> Template {
    Template {
        name,
        workers,
        kind: Kind::SameWay,
        timer,
        of: ("python", Language::Python, way),
        to: ("rust", Language::Rust, way),
    }
}

/// Python's `way` beside the mapped file in Rust, as whole programs.
const fn other_design(name: &'static str, workers: &'static [usize], way: Way) -> Template {
    Template {
        name,
        workers,
        kind: Kind::OtherDesign,
        timer: Timer::Wall,
        of: ("python", Language::Python, way),
        to: ("rust", Language::Rust, Way::Map),
    }
}

/// All pairs: each at the numbers of workers that the notes and the book show, or
/// each at all of `workers`, where some are given.
pub fn pairs(workers: &[usize]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for template in &TEMPLATES {
        let without_workers = template.of.2 == Way::Sequential;
        let numbers = if workers.is_empty() || without_workers {
            template.workers
        } else {
            workers
        };
        for &workers in numbers {
            let side = |(word, language, way)| {
                let program = Program {
                    language,
                    way,
                    workers,
                };
                (word, program)
            };
            let numbered = template.name.contains('N') || numbers == template.workers;
            let name = if numbered {
                template.name.replace('N', &workers.to_string())
            } else {
                format!("{}-{workers}", template.name)
            };
            pairs.push(Pair {
                name,
                kind: template.kind,
                timer: template.timer,
                of: side(template.of),
                to: side(template.to),
            });
        }
    }
    pairs
}

/// The programs of `pairs`, each once.
pub fn programs(pairs: &[Pair]) -> Vec<Program> {
    let mut programs = Vec::new();
    for (_, program) in pairs.iter().flat_map(|pair| [pair.of, pair.to]) {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs
}

impl Pair {
    /// The pair's line of the table. `rounds` holds, for each round, what the one
    /// that is divided took and what the other took; `None` where there is no round.
    pub fn line(&self, rounds: &[(Measurement, Measurement)]) -> Option<String> {
        let times = rounds
            .iter()
            .map(|(of, to)| (self.timer.of(of), self.timer.of(to)));
        let of = Spread::of(times.clone().map(|(of, _)| of))?.seconds();
        let to = Spread::of(times.clone().map(|(_, to)| to))?.seconds();
        // Programs of one round ran under like conditions, so each round has its ratio.
        let ratio = Spread::of(times.map(|(of, to)| of / to))?;
        let Self {
            name, kind, timer, ..
        } = self;
        let words = (self.of.0, self.to.0);
        let mut line = format!(
            "{name:<24}  {} {of:<21}  {} {to:<21}  ratio {ratio:<16}  {kind}",
            words.0, words.1
        );
        if *timer == Timer::Wall || *kind == Kind::PythonAlone {
            line += &format!(", {} workers", self.of.1.workers);
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(total: f64, copy: Option<f64>, wall: f64) -> Measurement {
        Measurement {
            total,
            copy,
            wall,
            sum: 1,
        }
    }

    fn pair(name: &str) -> Pair {
        let mut pairs = pairs(&[]);
        pairs.retain(|pair| pair.name == name);
        pairs.pop().expect("a pair of this name")
    }

    #[test]
    fn each_pair_has_a_name_of_its_own_at_any_numbers_of_workers() {
        for workers in [&[][..], &[2], &[4, 8], &[1, 2, 16]] {
            let mut names: Vec<_> = pairs(workers).into_iter().map(|pair| pair.name).collect();
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{workers:?}");
        }
    }

    #[test]
    fn the_same_way_is_compared_at_the_same_number_of_workers() {
        for pair in pairs(&[]) {
            let (of, to) = (pair.of.1, pair.to.1);
            assert_eq!(of.workers, to.workers, "{}", pair.name);
            assert_eq!(
                of.way == to.way,
                pair.kind == Kind::SameWay,
                "{}",
                pair.name
            );
        }
    }

    #[test]
    fn a_program_runs_once_a_round_however_many_pairs_it_is_in() {
        let programs = programs(&pairs(&[]));
        let pickle = Program {
            language: Language::Python,
            way: Way::Pipe(Method::Fork),
            workers: 4,
        };
        assert_eq!(programs.iter().filter(|&&p| p == pickle).count(), 1);
        assert_eq!(pickle.to_string(), "pickle_pool.py fork 4");
    }

    #[test]
    fn the_ratio_is_that_of_the_rounds_not_of_the_medians() {
        let rounds = [(1.0, 0.1), (9.0, 0.3), (4.0, 0.2)]
            .map(|(of, to)| (took(of, None, of), took(to, None, to)));
        let line = pair("pipe-fork-4").line(&rounds).expect("rounds");
        let expected = "pipe-fork-4               python 4.00 s [1.00-9.00]                            rust 0.200 s [0.100-0.300]  ratio 20.0 [10.0-30.0]  same way";
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            expected.split_whitespace().collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_copy_counts_only_where_the_pair_says_so() {
        let measured = took(0.2, Some(0.6), 2.0);
        assert_eq!(pair("shared-fork-8").timer.of(&measured), 0.2);
        let with_copy = pair("shared-fork-8-with-copy").timer.of(&measured);
        assert!((with_copy - 0.8).abs() < 1e-9);
        assert_eq!(pair("map-wall-vs-shared").timer.of(&measured), 2.0);
    }

    #[test]
    fn a_time_too_short_to_be_printed_divides_nothing_by_zero() {
        assert_eq!(Timer::Total.of(&took(0.0, None, 0.1)), 0.001);
    }
}
