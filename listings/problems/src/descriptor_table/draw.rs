//! Scripts of this kind, drawn.

use super::Call;
use crate::random::Random;
use crate::script::{Fork, Step};

/// What a script is drawn from.
pub(super) struct Draw<'a> {
    random: &'a mut Random,
    level: u8,
    /// Names that lead to the file now, in the process that is drawn.
    files: Vec<char>,
    names: std::ops::RangeInclusive<char>,
    words: Vec<&'static str>,
}

impl<'a> Draw<'a> {
    pub(super) fn new(random: &'a mut Random, level: u8) -> Self {
        Self {
            random,
            level,
            files: Vec::new(),
            names: 'a'..='q',
            words: vec!["uvw", "xyz", "hello", "pipe"],
        }
    }

    /// A script. Not each is a good problem.
    pub(super) fn script(mut self) -> Vec<Step<Call>> {
        let first = self.names.next().unwrap_or('a');
        self.files.push(first);
        let mut steps = vec![Step::Call(Call::Letters(first))];
        let has_pipe = self.level > 1;
        if has_pipe {
            steps.insert(self.random.below(2), Step::Call(Call::Pipe));
        }
        for _ in 0..1 + self.random.below(2) {
            steps.push(self.another());
        }
        steps.push(self.read());
        if self.level == 1 && self.random.one_in(2) {
            steps.push(self.close());
        }
        if has_pipe && self.random.one_in(2) {
            steps.push(self.write());
        }
        steps.extend(self.child());
        if self.level == 3 {
            steps.extend(self.racing());
        }
        steps.push(self.read());
        if self.level == 1 && self.random.one_in(2) {
            steps.push(self.another());
        }
        steps.push(Step::Call(Call::Has));
        steps
    }

    /// One more descriptor of the file.
    fn another(&mut self) -> Step<Call> {
        let of = self.random.pick(&self.files);
        let new = self.names.next().unwrap_or('q');
        self.files.push(new);
        Step::Call(if self.random.one_in(2) {
            Call::Dup(new, of)
        } else {
            Call::OpenAgain(new, of)
        })
    }

    fn read(&mut self) -> Step<Call> {
        let name = self.random.pick(&self.files);
        Step::Call(Call::Read(name, 2 + self.random.below(3)))
    }

    /// Closes one, where another one is left.
    fn close(&mut self) -> Step<Call> {
        let which = self.random.below(self.files.len());
        match self.files.len() {
            1 => self.another(),
            _ => Step::Call(Call::Close(self.files.remove(which))),
        }
    }

    fn write(&mut self) -> Step<Call> {
        let which = self.random.below(self.words.len());
        Step::Call(Call::Write(self.words.remove(which)))
    }

    /// Reads all that is in the pipe, and once more.
    fn read_pipe(&mut self) -> Step<Call> {
        Step::Call(Call::Read('r', 8))
    }

    /// A child, and what its parent does until it has ended.
    fn child(&mut self) -> Vec<Step<Call>> {
        let mine = self.files.clone();
        let pauses = self.level > 1 && self.random.one_in(2);
        let executes = self.level == 3 && !pauses;
        let mut before = Vec::new();
        if executes {
            let mut marked = self.files.clone();
            marked.extend(['r', 'w']);
            self.random.shuffle(&mut marked);
            marked.truncate(2);
            before.extend(
                marked
                    .into_iter()
                    .map(|name| Step::Call(Call::CloseOnExec(name))),
            );
            if self.random.one_in(2) {
                before.push(self.another());
            }
        }
        let mine = if executes { self.files.clone() } else { mine };

        let mut body = Vec::new();
        let mut child_writes = false;
        if self.level == 1 || self.random.one_in(3) {
            body.push(self.close());
        }
        if self.level > 1 {
            if self.random.one_in(2) {
                body.push(self.write());
                child_writes = true;
            }
            // The copy of an end to write is one more to close.
            if self.files.len() > 1 && self.random.one_in(3) {
                let to = self.files.remove(self.random.below(self.files.len()));
                body.push(Step::Call(Call::Dup2('w', to)));
            }
            if self.random.one_in(2) {
                body.push(Step::Call(Call::Close('w')));
            }
        }
        body.push(self.read());
        if self.level == 1 && self.random.one_in(2) {
            body.push(self.another());
            body.push(self.read());
        }
        if pauses {
            body.push(Step::Pause);
        }
        body.push(Step::Call(if executes { Call::Execute } else { Call::Has }));
        self.files = mine;

        let mut steps = before;
        steps.push(Step::Fork(Fork::new(body, Some(0))));
        let closes = self.level > 1 && (pauses || !self.random.one_in(3));
        if closes {
            steps.push(Step::Call(Call::Close('w')));
        }
        if pauses {
            steps.push(Step::UntilPaused);
            if child_writes {
                steps.push(self.read_pipe());
            }
            steps.push(self.read_pipe());
            steps.push(Step::GoOn);
        }
        steps.push(Step::Wait);
        if self.level > 1 {
            if child_writes && !pauses {
                steps.push(self.read_pipe());
            }
            steps.push(self.read_pipe());
        }
        steps
    }

    /// A child for which nobody waits before its parent reads.
    fn racing(&mut self) -> Vec<Step<Call>> {
        let body = vec![self.read()];
        vec![
            Step::Fork(Fork::new(body, Some(0))),
            self.read(),
            Step::WaitForAll,
        ]
    }
}
