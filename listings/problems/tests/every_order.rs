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

/// What brute force finds of a program.
#[derive(Default)]
struct Found {
    outputs: BTreeSet<Vec<String>>,
    /// Each process's parent at its birth.
    born: BTreeMap<usize, usize>,
    /// Its status, and its parents when it exits.
    exits: BTreeMap<usize, (u8, BTreeSet<usize>)>,
    /// The processes that reap it.
    reapers: BTreeMap<usize, BTreeSet<usize>>,
}

impl Found {
    /// What changes from one moment to the next.
    fn note(&mut self, before: &Moment, after: &Moment, by: usize) {
        let number = |pid: usize| before.processes[&pid].me;
        for (pid, process) in &before.processes {
            match after.processes.get(pid) {
                None => {
                    let reapers = self.reapers.entry(process.me).or_default();
                    reapers.insert(number(by));
                }
                Some(now) if now.me != process.me => {
                    // Until then a child has its parent's number.
                    self.born.insert(now.me, process.me);
                }
                Some(now) if now.line.is_none() && process.line.is_some() && *pid != 1 => {
                    let exits = self.exits.entry(process.me).or_default();
                    exits.0 = now.status;
                    exits.1.insert(number(process.parent));
                }
                Some(_) => {}
            }
        }
    }

    /// How the processes end, as the answer says it.
    fn ends(&self) -> Vec<String> {
        let ends = self.exits.iter().map(|(me, (status, parents))| {
            let parent = self.born[me];
            let others = parents.iter().filter(|other| **other != parent);
            let others = others.map(|other| format!(", or P{other} if P{parent} has ended"));
            let others: String = others.collect();
            let reapers = self.reapers[me].iter().rev().map(|me| format!("P{me}"));
            let reapers = reapers.collect::<Vec<_>>().join(" or ");
            format!("P{me} exits with status {status}, as a child of P{parent}{others}; {reapers} reaps it")
        });
        ends.collect()
    }
}

/// All that the program may do. None where there are too many moments to try.
fn found(program: &str) -> Option<Found> {
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
    let mut found = Found::default();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(moment) = open.pop() {
        if seen.len() > 60_000 {
            return None;
        }
        if moment.processes[&1].line.is_none() {
            assert_eq!(moment.processes.len(), 1, "the first process ends last");
            found.outputs.insert(moment.printed);
            continue;
        }
        let pids: Vec<usize> = moment.processes.keys().copied().collect();
        for pid in pids {
            for next in step(&lines, &moment, pid) {
                found.note(&moment, &next, pid);
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    Some(found)
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
fn the_answer_is_exactly_what_brute_force_finds() {
    let mut compared = [0; 3];
    for seed in 0..60 {
        let level = (seed % 3 + 1) as u8;
        let problem = fork_tree::problem(seed, level);
        if problem.outputs.count() > 400 {
            continue;
        }
        let Some(found) = found(&problem.program) else {
            continue;
        };
        let said = format!("seed {seed}, level {level}:\n{}", problem.program);
        let model: BTreeSet<Vec<String>> = problem.outputs.all().into_iter().collect();
        assert_eq!(model, found.outputs, "{said}");
        assert_eq!(problem.outputs.count(), found.outputs.len() as u128);
        assert_eq!(
            problem.answer[0],
            format!("{} processes:", found.born.len() + 1),
            "{said}"
        );
        let ends = problem
            .answer
            .iter()
            .filter(|line| line.contains(" exits "));
        assert_eq!(ends.cloned().collect::<Vec<_>>(), found.ends(), "{said}");
        compared[usize::from(level) - 1] += 1;
    }
    assert!(
        compared.iter().all(|count| *count > 3),
        "compared {compared:?}"
    );
}
