//! The account of a run: what each of its processes did, as its tracer saw it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a run's processes were observed.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Observation {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// It could not be made: why.
    Refused(String),
    /// It was made.
    Made(Account),
}

impl Observation {
    /// The account, where there is one.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Observation::Made(account) => Some(account),
            Observation::NotAsked | Observation::Refused(_) => None,
        }
    }
}

/// What the processes of a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Every process, in order of birth: the first is the run's main process, and each stands
    /// after its parent.
    pub processes: Vec<ObservedProcess>,
}

/// A process of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedProcess {
    /// Its place among the run's processes, in order of birth; 0 is the main one.
    pub id: usize,
    /// The process that started it; `None` for the main one.
    pub parent: Option<usize>,
    /// When it was born, in seconds from the run's start.
    pub born_s: f64,
    /// The programs that it executed, in order; none where it goes on with its parent's.
    pub programs: Vec<String>,
    /// The threads that it started, beside its first.
    pub threads: usize,
    /// When it ended, in seconds from the run's start; `None` where that was not seen.
    pub ended_s: Option<f64>,
    /// How it ended.
    pub exit: Option<Ended>,
    /// What it held and had done when it ended; `None` where the kernel did not tell.
    pub at_end: Option<AtEnd>,
}

impl ObservedProcess {
    /// "P1 sh → ls": its number, and the programs that it executed.
    pub fn name(&self) -> String {
        match &self.programs[..] {
            [] => format!("P{}", self.id),
            programs => format!("P{} {}", self.id, programs.join(" → ")),
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// By itself, with this status.
    Status(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl Ended {
    /// From a status as wait(2) gives it.
    pub fn of_wait_status(status: i32) -> Ended {
        match status & 0x7f {
            0 => Ended::Status(status >> 8 & 0xff),
            signal => Ended::Signal(signal),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Status(status) => write!(f, "exit {status}"),
            Ended::Signal(number) => match nix::sys::signal::Signal::try_from(*number) {
                Ok(signal) => write!(f, "{signal}"),
                // A real-time signal has no name.
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

/// What a process held when its last thread came to its end, and what it had done until then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtEnd {
    /// The descriptors that were open.
    pub descriptors: u64,
    /// The bytes that it had written by write(2) and its kin, to whatever it was.
    pub written: u64,
    /// The bytes that it had read by read(2) and its kin.
    pub read: u64,
    /// Its memory that no other process had, of mappings that are not shared: pages that were
    /// written to, in KiB.
    pub private_dirty: u64,
    /// The most of its memory that was resident at one time, in KiB.
    pub peak_resident: u64,
    /// The page faults that needed no disk.
    pub faults: u64,
}

impl Account {
    /// How many processes there were.
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// How many programs were executed, that of the main process included.
    pub fn programs(&self) -> usize {
        self.processes.iter().map(|one| one.programs.len()).sum()
    }

    /// How many threads were started, beside the first of each process.
    pub fn threads(&self) -> usize {
        self.processes.iter().map(|one| one.threads).sum()
    }

    /// How many generations there were: 1 where the main process started no other.
    pub fn depth(&self) -> usize {
        let mut depths: Vec<usize> = Vec::with_capacity(self.processes.len());
        for process in &self.processes {
            let above = process.parent.and_then(|parent| depths.get(parent));
            depths.push(above.map_or(1, |above| above + 1));
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// The most processes that were alive at one time.
    pub fn most_alive(&self) -> usize {
        let mut changes: Vec<(f64, bool)> = Vec::new();
        for process in &self.processes {
            changes.push((process.born_s, true));
            changes.extend(process.ended_s.map(|ended| (ended, false)));
        }
        // Stable: one that ended at the moment of its birth was alive before it had ended.
        changes.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut alive, mut most) = (0_usize, 0);
        for (_, born) in changes {
            alive = if born {
                alive + 1
            } else {
                alive.saturating_sub(1)
            };
            most = most.max(alive);
        }
        most
    }

    /// What all processes had at their ends, added up; `None` where one did not tell.
    pub fn sum(&self, part: impl Fn(&AtEnd) -> u64) -> Option<u64> {
        let ends = self.processes.iter();
        ends.map(|one| one.at_end.as_ref().map(&part)).sum()
    }

    /// The most that one process had at its end; `None` where one did not tell.
    pub fn most(&self, part: impl Fn(&AtEnd) -> u64) -> Option<u64> {
        let ends = self.processes.iter();
        let ends: Option<Vec<u64>> = ends.map(|one| one.at_end.as_ref().map(&part)).collect();
        ends?.into_iter().max()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Processes, each by its parent, birth and end.
    pub(crate) fn account(processes: &[(Option<usize>, f64, f64)]) -> Account {
        let process = |(id, &(parent, born_s, ended_s)): (usize, &(Option<usize>, f64, f64))| {
            let number = u64::try_from(id).expect("few");
            ObservedProcess {
                id,
                parent,
                born_s,
                programs: parent
                    .is_none()
                    .then(|| "demo".to_owned())
                    .into_iter()
                    .collect(),
                threads: 0,
                ended_s: Some(ended_s),
                exit: Some(Ended::Status(0)),
                at_end: Some(AtEnd {
                    descriptors: 3 + number,
                    written: 10,
                    read: 5,
                    private_dirty: 1024 << number.min(10),
                    peak_resident: 4096,
                    faults: 100,
                }),
            }
        };
        Account {
            processes: processes.iter().enumerate().map(process).collect(),
        }
    }

    #[test]
    fn an_account_counts_generations_and_those_alive_at_one_time() {
        let of = account(&[
            (None, 0.0, 1.0),
            (Some(0), 0.1, 0.3),
            (Some(1), 0.2, 0.9),
            (Some(0), 0.3, 0.5),
        ]);
        assert_eq!((of.processes(), of.programs(), of.depth()), (4, 1, 3));
        assert_eq!(of.most_alive(), 3, "one ends as the last begins");
        let at_once = account(&[(None, 0.0, 1.0), (Some(0), 0.5, 0.5)]);
        assert_eq!(at_once.most_alive(), 2);
        assert_eq!(of.sum(|end| end.written), Some(40));
        assert_eq!(of.most(|end| end.descriptors), Some(6));
        assert_eq!(Account::default().depth(), 0);
    }

    #[test]
    fn a_process_that_does_not_tell_leaves_sums_open() {
        let mut of = account(&[(None, 0.0, 1.0), (Some(0), 0.1, 0.3)]);
        of.processes[1].at_end = None;
        assert_eq!(of.sum(|end| end.written), None);
        assert_eq!(of.most(|end| end.descriptors), None);
    }

    #[test]
    fn a_wait_status_is_a_status_or_a_signal() {
        let of = Ended::of_wait_status;
        assert_eq!(of(3 << 8), Ended::Status(3));
        assert_eq!(of(9), Ended::Signal(9));
        assert_eq!(of(6 | 0x80), Ended::Signal(6), "with a core");
        assert_eq!(of(9).to_string(), "SIGKILL");
        assert_eq!(of(35).to_string(), "signal 35");
    }

    #[test]
    fn an_account_survives_the_round_trip_through_json() {
        let of = account(&[(None, 0.0, 1.0), (Some(0), 0.1, 0.3)]);
        let text = serde_json::to_string(&of).expect("JSON");
        assert!(text.contains(r#""exit":{"status":0}"#), "{text}");
        assert_eq!(serde_json::from_str::<Account>(&text).expect("JSON"), of);
    }
}
