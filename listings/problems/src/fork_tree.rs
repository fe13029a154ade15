//! Fork, wait and exit: which processes are there, and what may they print?

mod draw;

use std::collections::BTreeSet;

use self::draw::draw;
use crate::machine::{Life, Machine, World};
use crate::outputs::{Outputs, System};
use crate::problem::{LISTED, MOST_STATES, Problem, in_words};
use crate::random::Random;
use crate::rust_text;
use crate::script::{Do, Process, Step, numbered, unfold};

/// `say(me, "a")`: a process prints its number and the letter.
#[derive(Debug, Clone, Copy)]
pub struct Say(char);

/// These processes share nothing but the order of their lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nothing;

impl World for Nothing {
    type Call = Say;

    const ALOOF: bool = true;

    fn call(&mut self, _me: usize, Say(letter): &Say) -> Option<String> {
        Some(letter.to_string())
    }
}

/// The problem of a seed, at a level.
pub fn problem(seed: u64, level: u8) -> Problem {
    let title = format!("Fork tree, seed {seed}, level {level}");
    let mut random = Random::new(seed, level);
    loop {
        let Some(script) = numbered(draw(&mut random, level)) else {
            continue;
        };
        let processes = unfold(&script);
        let lines = |process: &Process<Say>| {
            let says = |step: &&Do<Say>| matches!(step, Do::Same(Step::Call(_) | Step::Reap));
            process.steps.iter().filter(says).count()
        };
        let all: usize = processes.iter().map(lines).sum();
        let [least, most] = [[3, 4], [4, 6], [6, 12]][usize::from(level) - 1];
        if !(least..=most).contains(&processes.len())
            || all > 6 * usize::from(level)
            || lines(&processes[0]) == 0
        {
            continue;
        }
        let machine = Machine {
            processes,
            world: Nothing,
        };
        let Some(outputs) = Outputs::of(&machine, MOST_STATES) else {
            continue;
        };
        let count = outputs.count();
        if count < 2 || (level == 1 && count > LISTED) {
            continue;
        }
        let questions = vec![
            "How many processes are there, P0 among them? Draw their tree.".to_owned(),
            "Which outputs are possible? If there are many: which lines have an order?".to_owned(),
            "With which status does each process but P0 exit, which process is its parent then, \
             and which one reaps it?"
                .to_owned(),
        ];
        let head = [
            format!("{title}."),
            String::new(),
            "Draw the tree of the processes, and say what they may print, line by line. Which process is"
                .to_owned(),
            "each one's parent when it exits?".to_owned(),
        ];
        let orphans = orphans(&machine);
        let begins: &[&str] = if orphans.is_empty() {
            &[]
        } else {
            &[
                "// Orphans become children of this process.",
                "set_child_subreaper(true)?;",
            ]
        };
        let program = rust_text::program(&head, begins, &script, &|Say(letter)| {
            vec![format!("say(me, \"{letter}\");")]
        });
        let mut answer = tree(&machine.processes);
        answer.extend(ends(&machine, &orphans));
        answer.extend(in_words(&outputs));
        return Problem {
            title,
            program,
            questions,
            answer,
            outputs,
        };
    }
}

/// The processes that may lose their parent, each with that parent.
fn orphans(machine: &Machine<Nothing>) -> BTreeSet<usize> {
    let all = machine.processes.iter().enumerate().skip(1);
    all.filter(|(child, process)| machine.outlives(*child, process.parent))
        .map(|(child, _)| child)
        .collect()
}

/// The tree of the processes, drawn.
fn tree(processes: &[Process<Say>]) -> Vec<String> {
    let mut lines = vec![format!("{} processes:", processes.len())];
    let mut open = vec![(0, String::new(), String::new())];
    while let Some((me, branch, margin)) = open.pop() {
        lines.push(format!("  {branch}P{me}"));
        let mine = (1..processes.len()).filter(|child| processes[*child].parent == me);
        for (i, child) in mine.rev().enumerate() {
            let [here, below] = match i {
                0 => ["└─ ", "   "],
                _ => ["├─ ", "│  "],
            };
            open.push((child, format!("{margin}{here}"), format!("{margin}{below}")));
        }
    }
    lines
}

/// How each process but the first ends.
fn ends(machine: &Machine<Nothing>, orphans: &BTreeSet<usize>) -> Vec<String> {
    let mut reapers = vec![BTreeSet::new(); machine.processes.len()];
    let mut seen = BTreeSet::new();
    let mut open = vec![machine.start()];
    while let Some(state) = open.pop() {
        for (reapers, at) in reapers.iter_mut().zip(&state.at) {
            if at.life == Life::Gone {
                reapers.extend(at.reaper);
            }
        }
        let next = machine.next(&state).into_iter().map(|(_, state)| state);
        open.extend(next.filter(|state| seen.insert(state.clone())));
    }
    let names = |numbers: &BTreeSet<usize>| {
        let names: Vec<String> = numbers.iter().rev().map(|me| format!("P{me}")).collect();
        names.join(" or ")
    };
    let all = machine.processes.iter().enumerate().skip(1);
    all.map(|(me, process)| {
        let parent = process.parent;
        let orphan = if orphans.contains(&me) {
            format!(", or P0 if P{parent} has ended")
        } else {
            String::new()
        };
        let (status, reapers) = (process.status(), names(&reapers[me]));
        format!(
            "P{me} exits with status {status}, as a child of P{parent}{orphan}; {reapers} reaps it"
        )
    })
    .collect()
}
