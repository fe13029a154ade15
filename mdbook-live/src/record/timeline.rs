//! What each process of a run was doing when, and the memory of all of them.

use crate::book::config::TimelineConfig;
use crate::record::account::{Account, ObservedProcess};
use crate::record::marks::Mark;
use crate::record::memory::{MemorySample, TreeMemory};

/// The state of a process of which only its birth and its end are known.
const ALIVE: &str = "alive";

/// A picture has no more lanes than this of processes that were observed.
const MOST_LANES: usize = 64;

/// A run's processes and memory on one axis of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Seconds from its beginning to the run's end.
    pub seconds: f64,
    /// Seconds before its beginning, in which one process only prepared: they are
    /// left out.
    pub left_out: f64,
    /// A lane for each process: the configured one first, then in the order in which they
    /// first did more than idle.
    pub lanes: Vec<Lane>,
    /// The memory of the process tree, in order of time, counted from the beginning too.
    pub memory: Vec<TreeMemory>,
}

/// What one process was doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The process's name.
    pub process: String,
    /// One after another, without overlap.
    pub spans: Vec<Span>,
}

/// A process in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// `waiting`, `receiving`, …
    pub state: String,
    /// Seconds from the timeline's beginning.
    pub from: f64,
    /// Seconds from the timeline's beginning.
    pub to: f64,
}

impl Timeline {
    /// From the states that the processes reported, and the memory samples. `None` if they
    /// reported nothing.
    pub fn of(
        config: &TimelineConfig,
        marks: &[Mark],
        memory: &[MemorySample],
        seconds: f64,
    ) -> Option<Timeline> {
        let first = marks.first()?;
        let is = |mark: &Mark, state: &Option<String>| state.as_ref() == Some(&mark.state);
        // Only the first process's preparation comes before the next mark.
        let begin = if is(first, &config.preparing) {
            marks.get(1).map_or(0.0, |next| next.seconds)
        } else {
            0.0
        };
        let mut lanes: Vec<Lane> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for mark in marks {
            if !names.contains(&mark.process.as_str()) {
                names.push(&mark.process);
            }
        }
        // Stable: processes that only waited are last, in order of appearance.
        names.sort_by_key(|name| {
            let works = |mark: &Mark| mark.process == *name && !is(mark, &config.idle);
            let begins = marks.iter().position(works);
            (
                config.first.as_deref() != Some(name),
                begins.unwrap_or(marks.len()),
            )
        });
        for name in names {
            let own: Vec<&Mark> = marks.iter().filter(|mark| mark.process == name).collect();
            let ends = own.iter().skip(1).map(|mark| mark.seconds);
            let spans = own.iter().zip(ends.chain([seconds]));
            let spans = spans
                .filter(|(mark, _)| !is(mark, &config.ended) && mark.seconds >= begin)
                .map(|(mark, to)| Span {
                    state: mark.state.clone(),
                    from: mark.seconds - begin,
                    to: to.max(mark.seconds) - begin,
                });
            lanes.push(Lane {
                process: name.to_owned(),
                spans: spans.collect(),
            });
        }
        let memory = TreeMemory::over_time(memory)
            .filter(|tree| tree.seconds >= begin)
            .map(|tree| TreeMemory {
                seconds: tree.seconds - begin,
                ..tree
            });
        Some(Timeline {
            seconds: seconds - begin,
            left_out: begin,
            lanes,
            memory: memory.collect(),
        })
    }

    /// From what was observed of the processes: when each was alive. `None` for more processes than
    /// a picture has room for.
    pub fn of_account(
        account: &Account,
        memory: &[MemorySample],
        seconds: f64,
    ) -> Option<Timeline> {
        let lane = |one: &ObservedProcess| Lane {
            process: one.name(),
            spans: vec![Span {
                state: ALIVE.to_owned(),
                from: one.born_s,
                to: one.ended_s.unwrap_or(seconds).min(seconds).max(one.born_s),
            }],
        };
        (account.processes() <= MOST_LANES).then(|| Timeline {
            seconds,
            left_out: 0.0,
            lanes: account.processes.iter().map(lane).collect(),
            memory: TreeMemory::over_time(memory).collect(),
        })
    }

    /// Each state that occurs, in order of first appearance.
    pub fn states(&self) -> Vec<&str> {
        let mut states: Vec<&str> = Vec::new();
        for span in self.lanes.iter().flat_map(|lane| &lane.spans) {
            if !states.contains(&span.state.as_str()) {
                states.push(&span.state);
            }
        }
        states
    }

    /// How many processes are in that state at the time when most are.
    pub fn most_at_once(&self, state: &str) -> usize {
        let spans = self.lanes.iter().flat_map(|lane| &lane.spans);
        let spans: Vec<&Span> = spans.filter(|span| span.state == state).collect();
        let at = |time: f64| {
            let here = spans.iter();
            here.filter(|span| span.from <= time && time < span.to)
                .count()
        };
        spans.iter().map(|span| at(span.from)).max().unwrap_or(0)
    }

    /// The largest total of the memory, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let totals = self.memory.iter().map(|tree| tree.total_kib);
        totals.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::account::tests::account;

    fn config() -> TimelineConfig {
        TimelineConfig {
            first: Some("Main".into()),
            preparing: Some("preparing".into()),
            idle: Some("waiting".into()),
            ended: Some("ended".into()),
            ..TimelineConfig::default()
        }
    }

    fn mark(seconds: f64, process: &str, state: &str) -> Mark {
        Mark {
            seconds,
            process: process.into(),
            state: state.into(),
        }
    }

    #[test]
    fn each_process_has_a_lane_from_mark_to_mark() {
        let marks = [
            mark(0.1, "Fork-1", "waiting"),
            mark(0.2, "Main", "waiting"),
            mark(0.3, "Fork-1", "computing"),
            mark(0.4, "Fork-2", "computing"),
            mark(0.5, "Fork-1", "ended"),
        ];
        let timeline = Timeline::of(&config(), &marks, &[], 1.0).expect("there are marks");
        let lanes: Vec<(&str, usize)> = timeline
            .lanes
            .iter()
            .map(|lane| (lane.process.as_str(), lane.spans.len()))
            .collect();
        assert_eq!(lanes, [("Main", 1), ("Fork-1", 2), ("Fork-2", 1)]);
        let last = |lane: usize| timeline.lanes[lane].spans.last().expect("a span").clone();
        assert_eq!(last(0).to, 1.0, "to the run's end");
        assert_eq!((last(1).from, last(1).to), (0.3, 0.5));
        assert_eq!(timeline.most_at_once("computing"), 2);
        assert_eq!(timeline.states(), ["waiting", "computing"]);
        assert_eq!(Timeline::of(&config(), &[], &[], 1.0), None);
    }

    #[test]
    fn an_observed_process_has_a_lane_from_its_birth_to_its_end() {
        let of = account(&[(None, 0.0, 1.1), (Some(0), 0.25, 0.5)]);
        let timeline = Timeline::of_account(&of, &[], 1.0).expect("there is room");
        let lanes = timeline.lanes.iter();
        let lanes = lanes.map(|lane| (&lane.process[..], lane.spans[0].from, lane.spans[0].to));
        let lanes: Vec<(&str, f64, f64)> = lanes.collect();
        assert_eq!(lanes, [("P0 demo", 0.0, 1.0), ("P1", 0.25, 0.5)]);
        assert_eq!(timeline.most_at_once("alive"), 2);
        let many = vec![(None, 0.0, 1.0); 65];
        assert_eq!(Timeline::of_account(&account(&many), &[], 1.0), None);
    }

    #[test]
    fn lanes_stand_in_the_order_in_which_work_begins() {
        let marks = [
            mark(0.0, "Fork-3", "waiting"),
            mark(0.1, "Fork-1", "waiting"),
            mark(0.1, "Fork-2", "waiting"),
            mark(0.2, "Main", "waiting"),
            mark(0.3, "Fork-2", "receiving"),
            mark(0.4, "Fork-1", "receiving"),
        ];
        let timeline = Timeline::of(&config(), &marks, &[], 1.0).expect("there are marks");
        let names = timeline.lanes.iter().map(|lane| lane.process.as_str());
        let names: Vec<&str> = names.collect();
        assert_eq!(names, ["Main", "Fork-2", "Fork-1", "Fork-3"]);
    }

    #[test]
    fn what_is_loaded_before_anything_else_is_left_out() {
        let marks = [
            mark(0.1, "Main", "preparing"),
            mark(5.0, "Main", "computing"),
        ];
        let timeline = Timeline::of(&config(), &marks, &[], 6.0).expect("there are marks");
        assert_eq!((timeline.left_out, timeline.seconds), (5.0, 1.0));
        assert_eq!(timeline.states(), ["computing"]);
        assert_eq!(timeline.lanes[0].spans[0].from, 0.0);
    }
}
