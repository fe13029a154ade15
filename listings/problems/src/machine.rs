//! A machine that runs a script's processes in every order that the system allows.

use crate::outputs::System;
use crate::script::{Do, Process, Step};

/// What the processes of one kind of problem work on: descriptors, pages, or nothing.
pub trait World: Clone + Ord {
    /// What a process can do to it.
    type Call: Clone;

    /// Whether it makes no difference to other processes when one forks or exits. Then the
    /// machine need not try every moment for it.
    const ALOOF: bool = false;

    /// Process `me` makes a call: what it says then.
    fn call(&mut self, me: usize, call: &Self::Call) -> Option<String>;

    /// A child begins, as a copy of its parent.
    fn fork(&mut self, _parent: usize, _child: usize) {}

    /// A process has ended.
    fn end(&mut self, _me: usize) {}

    /// Why the call does what it does, for the answer.
    fn why(&self, _me: usize, _call: &Self::Call) -> Option<String> {
        None
    }
}

/// The processes, and the world at their start.
pub struct Machine<W: World> {
    /// By number.
    pub processes: Vec<Process<W::Call>>,
    /// What they work on.
    pub world: W,
}

/// Where all processes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct State<W> {
    /// What they work on.
    pub world: W,
    /// By number.
    pub at: Vec<At>,
}

/// Where a process is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Where its life is.
    pub life: Life,
    /// Which of its steps comes next.
    pub step: usize,
    /// Its parent now.
    pub parent: usize,
    /// The process that has reaped it.
    pub reaper: Option<usize>,
    /// What it is about to print.
    pub line: Option<String>,
}

/// Where a process's life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// Nobody has forked it yet.
    Unborn,
    /// It runs, or waits.
    Alive,
    /// It has stopped, and waits to be let on.
    Paused,
    /// It has ended, and its status waits.
    Zombie,
    /// It has ended, and has been reaped.
    Gone,
}

impl<W: World> Machine<W> {
    /// What process `me` can do next, each with the state after it.
    fn of_process(&self, state: &State<W>, me: usize) -> Vec<(Option<String>, State<W>)> {
        let at = &state.at[me];
        if at.life != Life::Alive {
            return Vec::new();
        }
        let mut next = state.clone();
        if let Some(line) = next.at[me].line.take() {
            return vec![(Some(line), next)];
        }
        let Some(step) = self.processes[me].steps.get(at.step) else {
            return Vec::new();
        };
        next.at[me].step += 1;
        match step {
            Do::Fork(child) => {
                next.world.fork(me, *child);
                next.at[*child].life = Life::Alive;
                vec![(None, next)]
            }
            Do::Exit(_) => {
                next.world.end(me);
                next.at[me].life = Life::Zombie;
                for at in next.at.iter_mut().filter(|at| at.parent == me) {
                    // Process 0 takes in what others leave behind.
                    at.parent = 0;
                }
                vec![(None, next)]
            }
            Do::Same(Step::Call(call)) => {
                next.at[me].line = next
                    .world
                    .call(me, call)
                    .map(|said| format!("P{me} {said}"));
                vec![(None, next)]
            }
            Do::Same(Step::Wait | Step::Reap) => {
                let says = matches!(step, Do::Same(Step::Reap));
                self.reaped(state, &next, me, says)
            }
            Do::Same(Step::WaitForAll) => {
                match self.reaped(state, &next, me, false).split_first() {
                    None => Vec::new(),
                    // All of them are waited for: which comes first is all one.
                    Some(((_, first), _)) => {
                        let mut first = first.clone();
                        if first.at != next.at {
                            first.at[me].step -= 1;
                        }
                        vec![(None, first)]
                    }
                }
            }
            Do::Same(Step::Pause) => {
                next.at[me].life = Life::Paused;
                vec![(None, next)]
            }
            Do::Same(Step::UntilPaused) => match self.children(state, me, Life::Paused).next() {
                Some(_) => vec![(None, next)],
                None => Vec::new(),
            },
            Do::Same(Step::GoOn) => {
                for child in self.children(state, me, Life::Paused) {
                    next.at[child].life = Life::Alive;
                }
                vec![(None, next)]
            }
            Do::Same(Step::Fork(_)) => unreachable!("a process has its own forks"),
        }
    }

    /// The children of `me` that are so.
    fn children(&self, state: &State<W>, me: usize, life: Life) -> impl Iterator<Item = usize> {
        let at = state.at.iter().enumerate().skip(1);
        let mine = at.filter(move |(_, at)| at.parent == me && at.life == life);
        mine.map(|(child, _)| child).collect::<Vec<_>>().into_iter()
    }

    /// A wait: one state for each child that can be reaped; `next` itself where `me` has none.
    fn reaped(
        &self,
        state: &State<W>,
        next: &State<W>,
        me: usize,
        says: bool,
    ) -> Vec<(Option<String>, State<W>)> {
        let living = [Life::Alive, Life::Paused].map(|life| self.children(state, me, life));
        let mut zombies = self.children(state, me, Life::Zombie).peekable();
        if zombies.peek().is_none() && living.into_iter().flatten().next().is_none() {
            return vec![(None, next.clone())];
        }
        zombies
            .map(|child| {
                let mut next = next.clone();
                next.at[child].life = Life::Gone;
                next.at[child].reaper = Some(me);
                if says {
                    let status = self.processes[child].status();
                    next.at[me].line = Some(format!("P{me} reaps status {status}"));
                }
                (None, next)
            })
            .collect()
    }

    /// Whether what `me` does next neither hinders another process nor depends on one.
    fn is_aloof(&self, state: &State<W>, me: usize) -> bool {
        let at = &state.at[me];
        W::ALOOF
            && at.life == Life::Alive
            && at.line.is_none()
            && matches!(
                self.processes[me].steps.get(at.step),
                Some(Do::Fork(_) | Do::Exit(_) | Do::Same(Step::Call(_) | Step::WaitForAll))
            )
    }

    /// One run: each call that a process makes, what it says then, and why.
    pub fn one_run(&self) -> Vec<(W::Call, Option<String>, Option<String>)> {
        let mut state = self.start();
        let mut run = Vec::new();
        // Children go first.
        while let Some(me) = (0..self.processes.len())
            .rev()
            .find(|me| !self.of_process(&state, *me).is_empty())
        {
            let at = &state.at[me];
            let made = match self.processes[me].steps.get(at.step) {
                Some(Do::Same(Step::Call(call))) if at.line.is_none() => {
                    Some((call.clone(), state.world.why(me, call)))
                }
                _ => None,
            };
            state = self.of_process(&state, me).swap_remove(0).1;
            if let Some((call, why)) = made {
                run.push((call, state.at[me].line.clone(), why));
            }
        }
        run
    }

    /// One run in words: each line, and why it comes.
    pub fn told(&self) -> Vec<String> {
        let run = self.one_run().into_iter();
        let run: Vec<(String, Option<String>)> = run
            .filter_map(|(_, line, why)| Some((line?, why)))
            .collect();
        let explained = run.iter().filter(|(_, why)| why.is_some());
        let width = explained.map(|(line, _)| line.len()).max().unwrap_or(0);
        run.into_iter()
            .map(|(line, why)| match why {
                Some(why) => format!("  {line:<width$}  {why}"),
                None => format!("  {line}"),
            })
            .collect()
    }

    /// Whether process `late` can still be there when `early` has ended.
    pub fn outlives(&self, late: usize, early: usize) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![self.start()];
        while let Some(state) = open.pop() {
            if matches!(state.at[early].life, Life::Zombie | Life::Gone) {
                return true;
            }
            let last = self.processes[late].steps.len() - 1;
            for me in 0..self.processes.len() {
                // Everybody goes as far as it can, but `late` does not exit.
                if me == late && state.at[late].step == last && state.at[late].line.is_none() {
                    continue;
                }
                let next = self.of_process(&state, me);
                let sure = self.is_aloof(&state, me) || state.at[me].line.is_some();
                let new = next.into_iter().map(|(_, next)| next);
                let new: Vec<_> = new.filter(|next| seen.insert(next.clone())).collect();
                let moved = !new.is_empty();
                if sure && moved {
                    // It hinders nobody: no other order has to be tried.
                    open.extend(new);
                    break;
                }
                open.extend(new);
            }
        }
        false
    }
}

impl<W: World> System for Machine<W> {
    type State = State<W>;

    fn start(&self) -> State<W> {
        let mut at: Vec<At> = (self.processes.iter())
            .map(|process| At {
                life: Life::Unborn,
                step: 0,
                parent: process.parent,
                reaper: None,
                line: None,
            })
            .collect();
        at[0].life = Life::Alive;
        let world = self.world.clone();
        State { world, at }
    }

    fn next(&self, state: &State<W>) -> Vec<(Option<String>, State<W>)> {
        let all = 0..self.processes.len();
        for me in all.clone().filter(|me| self.is_aloof(state, *me)) {
            let next = self.of_process(state, me);
            if !next.is_empty() {
                return next;
            }
        }
        all.flat_map(|me| self.of_process(state, me)).collect()
    }

    fn has_ended(&self, state: &State<W>) -> bool {
        let ended = |at: &At| matches!(at.life, Life::Zombie | Life::Gone);
        state.at.iter().all(ended)
    }
}
