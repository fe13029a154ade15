//! The model against a second one, which knows no script: it reads the text of the program, and
//! tries every order by brute force.

use std::collections::{BTreeMap, BTreeSet};

use problems::fork_tree;

/// A process that is somewhere in the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    parent: usize,
    me: usize,
    /// The line of the text that comes next. None: it has ended.
    line: Option<usize>,
    status: u8,
}

/// All processes that have not been reaped, by process id, and what was printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    processes: BTreeMap<usize, Process>,
    next_pid: usize,
    printed: Vec<String>,
}

/// All outputs of the program. None where there are too many moments to try.
fn outputs(program: &str) -> Option<BTreeSet<Vec<String>>> {
    let main = program
        .split_once("fn main() -> Result<()> {\n")
        .expect("a main")
        .1;
    let lines: Vec<&str> = main.lines().take_while(|line| *line != "}").collect();
    let first = Process {
        parent: 0,
        me: 0,
        line: Some(0),
        status: 0,
    };
    let start = Moment {
        processes: BTreeMap::from([(1, first)]),
        next_pid: 2,
        printed: Vec::new(),
    };
    let mut outputs = BTreeSet::new();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(moment) = open.pop() {
        if seen.len() > 60_000 {
            return None;
        }
        if moment.processes[&1].line.is_none() {
            assert_eq!(moment.processes.len(), 1, "the first process ends last");
            outputs.insert(moment.printed);
            continue;
        }
        let pids: Vec<usize> = moment.processes.keys().copied().collect();
        for pid in pids {
            for next in step(&lines, &moment, pid) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    Some(outputs)
}

/// What process `pid` can do next.
fn step(lines: &[&str], moment: &Moment, pid: usize) -> Vec<Moment> {
    let mut process = moment.processes[&pid].clone();
    let Some(at) = process.line else {
        return Vec::new();
    };
    let text = lines[at].trim();
    let between = |begin: &str, end: &str| text.strip_prefix(begin)?.strip_suffix(end);
    let mut next = moment.clone();
    process.line = Some(at + 1);
    if let Some(said) = between("say(me, \"", "\");") {
        next.printed.push(format!("P{} {said}", process.me));
    } else if let Some(me) = between("me = ", ";") {
        process.me = me.parse().expect("a number");
    } else if let Some(more) = between("me += ", ";") {
        process.me += more.parse::<usize>().expect("a number");
    } else if let Some(status) = between("exit(", ");") {
        return vec![ended(next, pid, status.parse().expect("a number"))];
    } else if text == "Ok(())" {
        return vec![ended(next, pid, 0)];
    } else if text == "if child()? {" {
        let child = Process {
            parent: pid,
            ..process.clone()
        };
        next.processes.insert(next.next_pid, child);
        next.next_pid += 1;
        let margin = lines[at].len() - lines[at].trim_start().len();
        let end = format!("{}}}", " ".repeat(margin));
        let beyond = lines[at..]
            .iter()
            .position(|line| *line == end)
            .expect("an end");
        process.line = Some(at + beyond + 1);
    } else if text == "wait_for_one();" || text == "reap(me);" || text.starts_with("while wait()") {
        let again = text.starts_with("while");
        let mine = moment
            .processes
            .iter()
            .filter(|(_, other)| other.parent == pid);
        let mine: Vec<_> = mine.collect();
        if mine.is_empty() {
            next.processes.insert(pid, process);
            return vec![next];
        }
        let ended = mine.into_iter().filter(|(_, other)| other.line.is_none());
        return ended
            .map(|(child, other)| {
                let mut next = next.clone();
                let mut process = process.clone();
                next.processes.remove(child);
                if text == "reap(me);" {
                    // Waiting and saying so are two steps; nothing comes in between that
                    // another order would not show.
                    let status = other.status;
                    next.printed
                        .push(format!("P{} reaps status {status}", process.me));
                }
                if again {
                    process.line = Some(at);
                }
                next.processes.insert(pid, process);
                next
            })
            .collect();
    } else {
        let passed = text == "}" || text.starts_with("//") || text == "let mut me = 0;";
        assert!(passed || text == "set_child_subreaper(true)?;", "{text}");
    }
    next.processes.insert(pid, process);
    vec![next]
}

fn ended(mut moment: Moment, pid: usize, status: u8) -> Moment {
    for (_, child) in moment
        .processes
        .iter_mut()
        .filter(|(_, child)| child.parent == pid)
    {
        child.parent = 1;
    }
    let process = moment.processes.get_mut(&pid).expect("it is there");
    process.line = None;
    process.status = status;
    moment
}

#[test]
fn the_model_has_exactly_the_outputs_that_brute_force_finds() {
    let mut compared = [0; 3];
    for seed in 0..60 {
        let level = (seed % 3 + 1) as u8;
        let problem = fork_tree::problem(seed, level);
        if problem.outputs.count() > 400 {
            continue;
        }
        let Some(found) = outputs(&problem.program) else {
            continue;
        };
        let model: BTreeSet<Vec<String>> = problem.outputs.all().into_iter().collect();
        assert_eq!(
            model, found,
            "seed {seed}, level {level}:\n{}",
            problem.program
        );
        assert_eq!(problem.outputs.count(), found.len() as u128);
        compared[usize::from(level) - 1] += 1;
    }
    assert!(
        compared.iter().all(|count| *count > 3),
        "compared {compared:?}"
    );
}
