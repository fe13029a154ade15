//! Pages of memory, private and shared: what does each process see, and what is copied?

mod draw;

use self::draw::Draw;
use crate::machine::{Machine, World};
use crate::outputs::Outputs;
use crate::problem::{LISTED, MOST_STATES, Problem, with_reasons};
use crate::random::Random;
use crate::rust_text;
use crate::script::{numbered, unfold};

/// What a process does with the pages. `a` is private, and `s` is shared.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    /// `let a = Pages::map('a', 3, MapFlags::MAP_PRIVATE)?`: so many pages.
    Map(Whose, usize),
    /// `a.write(me, 0, 5)`: which page, and the value.
    Write(Whose, usize, u8),
    /// `a.read(me, 0)`.
    Read(Whose, usize),
    /// `a.own(me)`: how many of the private pages no other process maps.
    Own,
}

/// One of the two mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// `MAP_PRIVATE`.
    Private,
    /// `MAP_SHARED`.
    Shared,
}

impl Whose {
    fn name(self) -> char {
        match self {
            Self::Private => 'a',
            Self::Shared => 's',
        }
    }
}

/// The frames, and which page of which process leads to which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory {
    /// What is in each frame of the private pages.
    frames: Vec<u8>,
    /// What is on each shared page.
    shared: Vec<u8>,
    /// The private pages, by process.
    private: Vec<Vec<Page>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Page {
    /// None before the first write: it is read as zero then.
    frame: Option<usize>,
    /// Whether the page table allows this process to write without a fault.
    writable: bool,
}

impl Memory {
    /// No page yet, for so many processes.
    fn new(processes: usize) -> Self {
        Self {
            frames: Vec::new(),
            shared: Vec::new(),
            private: vec![Vec::new(); processes],
        }
    }

    /// The other processes that map the frame of a page.
    fn others(&self, me: usize, page: usize) -> Vec<String> {
        let frame = self.private[me][page].frame;
        let others = self.private.iter().enumerate().filter(|(other, pages)| {
            let same = pages.get(page).is_some_and(|page| page.frame == frame);
            *other != me && frame.is_some() && same
        });
        others.map(|(other, _)| format!("P{other}")).collect()
    }

    fn is_own(&self, me: usize, page: usize) -> bool {
        self.private[me][page].frame.is_some() && self.others(me, page).is_empty()
    }
}

impl World for Memory {
    type Call = Call;

    fn call(&mut self, me: usize, call: &Call) -> Option<String> {
        match *call {
            Call::Map(Whose::Private, count) => {
                self.private[me] = vec![Page::default(); count];
                None
            }
            Call::Map(Whose::Shared, count) => {
                self.shared = vec![0; count];
                None
            }
            Call::Write(Whose::Shared, page, value) => {
                self.shared[page] = value;
                Some(format!("s[{page}] = {value}"))
            }
            Call::Write(Whose::Private, page, value) => {
                let faults = u8::from(!self.private[me][page].writable);
                let frame = match self.private[me][page].frame {
                    Some(frame) if self.is_own(me, page) => frame,
                    _ => {
                        self.frames.push(0);
                        self.frames.len() - 1
                    }
                };
                self.frames[frame] = value;
                self.private[me][page] = Page {
                    frame: Some(frame),
                    writable: true,
                };
                Some(format!("a[{page}] = {value} (faults: {faults})"))
            }
            Call::Read(Whose::Shared, page) => {
                Some(format!("reads s[{page}]: {}", self.shared[page]))
            }
            Call::Read(Whose::Private, page) => {
                let frame = self.private[me][page].frame;
                let value = frame.map_or(0, |frame| self.frames[frame]);
                Some(format!("reads a[{page}]: {value}"))
            }
            Call::Own => {
                let count = self.private[me].len();
                let own = (0..count).filter(|page| self.is_own(me, *page)).count();
                Some(format!("has {own} of {count} pages of a alone"))
            }
        }
    }

    fn fork(&mut self, parent: usize, child: usize) {
        for page in &mut self.private[parent] {
            page.writable = false;
        }
        self.private[child] = self.private[parent].clone();
    }

    fn end(&mut self, me: usize) {
        self.private[me].clear();
    }

    fn why(&self, me: usize, call: &Call) -> Option<String> {
        match *call {
            Call::Write(Whose::Private, page, _) => {
                let others = self.others(me, page).join(" and ");
                Some(if self.private[me][page].writable {
                    "written to since the last fork: no fault".to_owned()
                } else if self.private[me][page].frame.is_none() {
                    "the first write at all: a new frame".to_owned()
                } else if others.is_empty() {
                    "the first write since a fork, to a page of its own: a fault without a copy"
                        .to_owned()
                } else {
                    format!("the first write since a fork, to a page shared with {others}: copied")
                })
            }
            Call::Own => {
                let pages = 0..self.private[me].len();
                let each = pages.map(|page| match self.others(me, page).join(" and ") {
                    _ if self.private[me][page].frame.is_none() => format!("a[{page}] unwritten"),
                    others if others.is_empty() => format!("a[{page}] alone"),
                    others => format!("a[{page}] with {others}"),
                });
                Some(each.collect::<Vec<_>>().join(", "))
            }
            _ => None,
        }
    }
}

/// The problem of a seed, at a level.
pub fn problem(seed: u64, level: u8) -> Problem {
    let title = format!("Private pages, seed {seed}, level {level}");
    let mut random = Random::new(seed, level);
    loop {
        let Some(script) = numbered(Draw::new(&mut random, level).script()) else {
            continue;
        };
        let processes = unfold(&script);
        let world = Memory::new(processes.len());
        let machine = Machine { processes, world };
        let Some(outputs) = Outputs::of(&machine, MOST_STATES) else {
            continue;
        };
        if outputs.count() > LISTED {
            continue;
        }
        let answer = with_reasons(&outputs, &machine);
        let head = [
            format!("{title}."),
            String::new(),
            "Say what each process prints: what it reads, how many page faults its writes to"
                .to_owned(),
            "private pages take, and how many of those pages no other process has.".to_owned(),
        ];
        let program = rust_text::program(&head, &[], &script, &|call| vec![text(call)]);
        return Problem {
            title,
            program,
            questions: vec![
                "Which lines does the program print, and in which orders?".to_owned(),
                "Which writes copy a page, and which take a fault without a copy?".to_owned(),
                "Which process sees what another one has written?".to_owned(),
            ],
            answer,
            outputs,
        };
    }
}

/// A call, written in Rust.
fn text(call: &Call) -> String {
    match *call {
        Call::Map(whose, count) => {
            let name = whose.name();
            let sharing = match whose {
                Whose::Private => "MAP_PRIVATE",
                Whose::Shared => "MAP_SHARED",
            };
            format!("let {name} = Pages::map('{name}', {count}, MapFlags::{sharing})?;")
        }
        Call::Write(whose, page, value) => format!("{}.write(me, {page}, {value});", whose.name()),
        Call::Read(whose, page) => format!("{}.read(me, {page});", whose.name()),
        Call::Own => "a.own(me);".to_owned(),
    }
}
