//! Scripts of this kind, drawn.

use super::Say;
use crate::random::Random;
use crate::script::{Fork, Step};

/// A script of that level. Not each is a good problem.
pub(super) fn draw(random: &mut Random, level: u8) -> Vec<Step<Say>> {
    let forks = match level {
        1 => 2 + random.below(2),
        2 => 3 + random.below(3),
        _ => 4 + random.below(2),
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); forks + 1];
    for child in 1..=forks {
        children[random.below(child)].push(child);
    }
    let mut statuses: Vec<u8> = (1..=9).collect();
    random.shuffle(&mut statuses);
    let mut draw = Draw {
        random,
        level,
        children,
        statuses,
        letters: 'a'..='z',
    };
    let mut steps = draw.block(0);
    steps.push(Step::WaitForAll);
    if draw.random.one_in(2) {
        steps.push(draw.say());
    }
    steps
}

/// What a script is drawn from.
struct Draw<'a> {
    random: &'a mut Random,
    level: u8,
    /// Which child belongs into which block.
    children: Vec<Vec<usize>>,
    statuses: Vec<u8>,
    letters: std::ops::RangeInclusive<char>,
}

impl Draw<'_> {
    fn say(&mut self) -> Step<Say> {
        Step::Call(Say(self.letters.next().unwrap_or('z')))
    }

    fn wait(&mut self) -> Step<Say> {
        if self.level > 1 && self.random.one_in(2) {
            Step::Reap
        } else {
            Step::Wait
        }
    }

    /// What the process of a block does.
    fn block(&mut self, which: usize) -> Vec<Step<Say>> {
        let mut steps = Vec::new();
        if which > 0 || self.random.one_in(2) {
            steps.push(self.say());
        }
        let mut waits = 0;
        for child in self.children[which].clone() {
            let body = self.block(child);
            let goes_on = self.level == 3 && which == 0 && self.random.one_in(2);
            let exit = if goes_on { None } else { self.statuses.pop() };
            steps.push(Step::Fork(Fork::new(body, exit)));
            if self.random.one_in(3) {
                steps.push(self.wait());
            } else {
                // At level 1 each parent waits for each child.
                waits += usize::from(self.level == 1 || self.random.one_in(2));
                if self.random.one_in(2) {
                    steps.push(self.say());
                }
            }
        }
        if which > 0 && waits > 0 {
            for _ in 0..waits {
                steps.push(self.wait());
            }
            if self.random.one_in(2) {
                steps.push(self.say());
            }
        }
        steps
    }
}
