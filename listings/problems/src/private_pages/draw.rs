//! Scripts of this kind, drawn.

use super::{Call, Whose};
use crate::random::Random;
use crate::script::{Fork, Step};

/// What a script is drawn from.
pub(super) struct Draw<'a> {
    random: &'a mut Random,
    level: u8,
    pages: usize,
    values: Vec<u8>,
}

impl<'a> Draw<'a> {
    pub(super) fn new(random: &'a mut Random, level: u8) -> Self {
        let mut values: Vec<u8> = (10..100).collect();
        random.shuffle(&mut values);
        Self {
            random,
            level,
            pages: if level == 1 { 2 } else { 3 },
            values,
        }
    }

    /// A script. Not each is a good problem.
    pub(super) fn script(mut self) -> Vec<Step<Call>> {
        let mut steps = vec![
            Step::Call(Call::Map(Whose::Private, self.pages)),
            Step::Call(Call::Map(Whose::Shared, 1)),
        ];
        // At times a page is left for later.
        let written = self.pages - usize::from(self.random.one_in(3));
        for page in 0..written {
            steps.push(self.write(Whose::Private, page));
        }
        steps.push(self.write(Whose::Shared, 0));
        steps.extend(self.child());
        steps.push(self.read());
        if self.level == 1 || self.random.one_in(2) {
            steps.push(self.write_any());
        }
        steps.push(Step::Call(Call::Own));
        if self.level == 3 {
            steps.extend(self.racing());
        }
        steps
    }

    fn value(&mut self) -> u8 {
        self.values.pop().unwrap_or(1)
    }

    fn write(&mut self, whose: Whose, page: usize) -> Step<Call> {
        Step::Call(Call::Write(whose, page, self.value()))
    }

    fn write_any(&mut self) -> Step<Call> {
        let page = self.random.below(self.pages);
        self.write(Whose::Private, page)
    }

    fn read(&mut self) -> Step<Call> {
        Step::Call(if self.random.one_in(3) {
            Call::Read(Whose::Shared, 0)
        } else {
            Call::Read(Whose::Private, self.random.below(self.pages))
        })
    }

    /// A read or a write.
    fn either(&mut self) -> Step<Call> {
        match self.random.below(4) {
            0 => self.write(Whose::Shared, 0),
            1 => self.read(),
            _ => self.write_any(),
        }
    }

    /// A child, and what its parent does until it has ended.
    fn child(&mut self) -> Vec<Step<Call>> {
        let mut body = vec![self.read(), self.either()];
        if self.level == 3 {
            let grandchild = vec![self.either(), self.write_any(), Step::Call(Call::Own)];
            body.push(Step::Fork(Fork::new(grandchild, Some(0))));
            body.push(Step::Wait);
        } else {
            body.push(self.either());
        }
        body.push(Step::Call(Call::Own));
        if self.level == 1 {
            return vec![Step::Fork(Fork::new(body, Some(0))), Step::Wait];
        }
        body.push(Step::Pause);
        body.push(self.either());
        vec![
            Step::Fork(Fork::new(body, Some(0))),
            Step::UntilPaused,
            Step::Call(Call::Own),
            self.read(),
            self.write_any(),
            Step::Call(Call::Own),
            Step::GoOn,
            Step::Wait,
        ]
    }

    /// A child for which nobody waits while both use the shared page.
    fn racing(&mut self) -> Vec<Step<Call>> {
        let read = Step::Call(Call::Read(Whose::Shared, 0));
        let body = vec![self.write(Whose::Shared, 0)];
        let mine = if self.random.one_in(2) {
            read.clone()
        } else {
            self.write(Whose::Shared, 0)
        };
        vec![
            Step::Fork(Fork::new(body, Some(0))),
            mine,
            Step::WaitForAll,
            read,
        ]
    }
}
