//! What a program does: one text that several processes follow, each its own way through it.

use std::collections::BTreeMap;

/// A statement of a program whose other calls are of type `C`.
#[derive(Debug, Clone)]
pub enum Step<C> {
    /// A call of this kind of problem.
    Call(C),
    /// `if child()? { … }`.
    Fork(Fork<C>),
    /// `wait_for_one()`: for any child, and for nothing where there is none.
    Wait,
    /// `reap(me)`: the same, and says the child's status.
    Reap,
    /// `while wait().is_ok() {}`.
    WaitForAll,
    /// `pause()`: stops, until another process lets it go on.
    Pause,
    /// `let paused = until_paused()?`: waits for a child that stops.
    UntilPaused,
    /// `go_on(paused)?`: lets that child go on.
    GoOn,
}

/// A child, and what it alone does.
#[derive(Debug, Clone)]
pub struct Fork<C> {
    /// How it gets its number. [`numbered`] sets it.
    pub me: Me,
    /// What it does.
    pub body: Vec<Step<C>>,
    /// With which status it exits then. Without one it goes on below, as its parent does.
    pub exit: Option<u8>,
}

/// The assignment by which a child gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Me {
    /// `me = 3`.
    Is(usize),
    /// `me += 3`, where several processes come to this fork.
    Plus(usize),
}

impl<C> Fork<C> {
    /// A child that does `body`, and then exits or goes on.
    pub fn new(body: Vec<Step<C>>, exit: Option<u8>) -> Self {
        let me = Me::Is(0);
        Self { me, body, exit }
    }
}

/// Numbers the processes in the order of the text, from 0. None where the numbers would
/// have gaps.
pub fn numbered<C>(mut steps: Vec<Step<C>>) -> Option<Vec<Step<C>>> {
    number(&mut steps, &mut vec![0], &mut 1).then_some(steps)
}

/// Numbers the children of `here`, the processes that come to `steps`; `next` is free.
fn number<C>(steps: &mut [Step<C>], here: &mut Vec<usize>, next: &mut usize) -> bool {
    for step in steps {
        let Step::Fork(fork) = step else { continue };
        let least = here[0];
        if here.iter().enumerate().any(|(i, one)| *one != least + i) {
            return false;
        }
        let more = *next - least;
        fork.me = match here.len() {
            1 => Me::Is(*next),
            _ => Me::Plus(more),
        };
        let mut children: Vec<usize> = here.iter().map(|one| one + more).collect();
        *next += children.len();
        if !number(&mut fork.body, &mut children, next) {
            return false;
        }
        if fork.exit.is_none() {
            here.extend(children);
        }
    }
    true
}

/// One process's way through a script.
#[derive(Debug, Clone)]
pub struct Process<C> {
    /// Its parent's number; 0 for process 0 itself.
    pub parent: usize,
    /// What it does, in order. The last is an exit.
    pub steps: Vec<Do<C>>,
}

impl<C> Process<C> {
    /// The status with which it exits.
    pub fn status(&self) -> u8 {
        match self.steps.last() {
            Some(Do::Exit(status)) => *status,
            _ => 0,
        }
    }
}

/// What one process does next.
#[derive(Debug, Clone)]
pub enum Do<C> {
    /// The same as that [`Step`].
    Same(Step<C>),
    /// Forks that process.
    Fork(usize),
    /// Exits.
    Exit(u8),
}

/// The processes of a numbered script, by number.
pub fn unfold<C: Clone>(script: &[Step<C>]) -> Vec<Process<C>> {
    let mut processes = BTreeMap::new();
    follow(vec![(script, Some(0))], 0, 0, &mut processes);
    processes.into_values().collect()
}

/// Follows process `me` through the blocks that it is in, the innermost last, each with what
/// is left of it and the status with which it ends.
fn follow<C: Clone>(
    mut blocks: Vec<(&[Step<C>], Option<u8>)>,
    me: usize,
    parent: usize,
    processes: &mut BTreeMap<usize, Process<C>>,
) {
    let mut steps = Vec::new();
    while let Some((rest, exit)) = blocks.pop() {
        let Some((step, rest)) = rest.split_first() else {
            if let Some(status) = exit {
                steps.push(Do::Exit(status));
                break;
            }
            continue;
        };
        blocks.push((rest, exit));
        if let Step::Fork(fork) = step {
            let child = match fork.me {
                Me::Is(number) => number,
                Me::Plus(more) => me + more,
            };
            let mut inside = blocks.clone();
            inside.push((&fork.body, fork.exit));
            follow(inside, child, me, processes);
            steps.push(Do::Fork(child));
        } else {
            steps.push(Do::Same(step.clone()));
        }
    }
    processes.insert(me, Process { parent, steps });
}
