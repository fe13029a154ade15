//! Descriptors: which numbers does each process have, what do they lead to, and what comes
//! when it reads?

mod draw;
mod text;

use std::collections::BTreeMap;

use self::draw::Draw;
use self::text::text;
use crate::machine::{Machine, World};
use crate::outputs::Outputs;
use crate::problem::{LISTED, MOST_STATES, Problem, with_reasons};
use crate::random::Random;
use crate::script::{numbered, unfold};

/// What a process does with its descriptors. They are named by letters: `r` and `w` are the
/// ends of the pipe, and the others lead to the file.
#[derive(Debug, Clone)]
pub enum Call {
    /// `let a = letters()?`: a new file, which holds the alphabet.
    Letters(char),
    /// `let b = dup(&a)?`: the new name, and what it is a copy of.
    Dup(char, char),
    /// `let b = open_again(&a)?`.
    OpenAgain(char, char),
    /// `dup2(&a, &mut b)?`: the second now leads where the first does.
    Dup2(char, char),
    /// `let (r, w) = pipe2(OFlag::O_NONBLOCK)?`.
    Pipe,
    /// `drop(a)`.
    Close(char),
    /// `close_on_exec(&a)?`.
    CloseOnExec(char),
    /// `read_from(me, "a", &a, 3)`.
    Read(char, usize),
    /// `write(&w, b"xy")?`.
    Write(&'static str),
    /// `has(me)`.
    Has,
    /// `execute(me)`: this program anew, which says what it has.
    Execute,
}

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";

/// The open files, and each process's table of descriptors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Files {
    /// The open file descriptions, in the order in which they were made.
    open: Vec<Description>,
    /// What was written to the pipe, and not yet read.
    in_pipe: String,
    /// By process.
    tables: Vec<Table>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Description {
    /// Of the file, at this byte.
    Letters(usize),
    PipeToRead,
    PipeToWrite,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Table {
    /// By number: which description, and whether an exec closes it.
    entries: BTreeMap<usize, (usize, bool)>,
    /// The number of each name.
    names: BTreeMap<char, usize>,
}

impl Table {
    /// Enters a description under the lowest free number.
    fn enter(&mut self, name: char, description: usize) -> usize {
        let free = (3..).find(|number| !self.entries.contains_key(number));
        let number = free.expect("a table of few");
        self.entries.insert(number, (description, false));
        self.names.insert(name, number);
        number
    }

    fn leads_to(&self, name: char) -> usize {
        self.entries[&self.names[&name]].0
    }
}

impl Files {
    /// No file yet, for so many processes.
    fn new(processes: usize) -> Self {
        Self {
            open: Vec::new(),
            in_pipe: String::new(),
            tables: vec![Table::default(); processes],
        }
    }

    /// The descriptors that lead to a description: `3 and 4 of P0`.
    fn leading_to(&self, description: &dyn Fn(usize) -> bool) -> Vec<String> {
        let tables = self.tables.iter().enumerate();
        let found = tables.map(|(me, table)| {
            let entries = table.entries.iter();
            let mine = entries.filter(|(_, (to, _))| description(*to));
            let numbers: Vec<String> = mine.map(|(number, _)| number.to_string()).collect();
            (me, numbers)
        });
        let found = found.filter(|(_, numbers)| !numbers.is_empty());
        found
            .map(|(me, numbers)| format!("{} of P{me}", numbers.join(" and ")))
            .collect()
    }

    /// Whether a process has an end to write of the pipe.
    fn is_written(&self) -> bool {
        let mut entries = self.tables.iter().flat_map(|table| table.entries.values());
        entries.any(|(to, _)| self.open[*to] == Description::PipeToWrite)
    }

    /// What a process has, in words.
    fn has(&self, me: usize) -> String {
        let entries = self.tables[me].entries.iter().map(|(number, (to, _))| {
            let what = match self.open[*to] {
                Description::Letters(_) => "letters",
                Description::PipeToRead => "pipe, to read",
                Description::PipeToWrite => "pipe, to write",
            };
            format!(" {number} ({what})")
        });
        format!("has{}", entries.collect::<String>())
    }
}

impl World for Files {
    type Call = Call;

    fn call(&mut self, me: usize, call: &Call) -> Option<String> {
        let new = self.open.len();
        match call {
            Call::Letters(name) => {
                self.open.push(Description::Letters(0));
                self.tables[me].enter(*name, new);
            }
            Call::OpenAgain(name, _) => {
                self.open.push(Description::Letters(0));
                self.tables[me].enter(*name, new);
            }
            Call::Dup(name, of) => {
                let same = self.tables[me].leads_to(*of);
                self.tables[me].enter(*name, same);
            }
            Call::Dup2(from, to) => {
                let same = self.tables[me].leads_to(*from);
                let number = self.tables[me].names[to];
                self.tables[me].entries.insert(number, (same, false));
            }
            Call::Pipe => {
                self.open.push(Description::PipeToRead);
                self.open.push(Description::PipeToWrite);
                self.tables[me].enter('r', new);
                self.tables[me].enter('w', new + 1);
            }
            Call::Close(name) => {
                let number = self.tables[me].names.remove(name)?;
                self.tables[me].entries.remove(&number);
            }
            Call::CloseOnExec(name) => {
                let number = self.tables[me].names[name];
                self.tables[me].entries.get_mut(&number)?.1 = true;
            }
            Call::Write(bytes) => self.in_pipe.push_str(bytes),
            Call::Read(name, most) => {
                let to = self.tables[me].leads_to(*name);
                let is_written = self.is_written();
                let bytes = match &mut self.open[to] {
                    Description::Letters(at) => {
                        let end = ALPHABET.len().min(*at + most);
                        let bytes = ALPHABET[*at..end].to_owned();
                        *at = end;
                        bytes
                    }
                    _ if self.in_pipe.is_empty() && is_written => "would block".to_owned(),
                    _ => {
                        let end = self.in_pipe.len().min(*most);
                        self.in_pipe.drain(..end).collect()
                    }
                };
                let bytes = match bytes.as_str() {
                    "" => "end of file",
                    bytes => bytes,
                };
                return Some(format!("reads {name}: {bytes}"));
            }
            Call::Has => return Some(self.has(me)),
            Call::Execute => {
                let table = &mut self.tables[me];
                table.entries.retain(|_, (_, closes)| !*closes);
                return Some(self.has(me));
            }
        }
        None
    }

    fn fork(&mut self, parent: usize, child: usize) {
        self.tables[child] = self.tables[parent].clone();
    }

    fn end(&mut self, me: usize) {
        self.tables[me] = Table::default();
    }

    fn why(&self, me: usize, call: &Call) -> Option<String> {
        let table = &self.tables[me];
        match call {
            Call::Read(name, _) => {
                let to = table.leads_to(*name);
                let together = self.leading_to(&|other| other == to).join(", ");
                Some(match self.open[to] {
                    Description::Letters(at) => {
                        format!("from byte {at}, the offset of {together}")
                    }
                    _ if !self.in_pipe.is_empty() => "what was written is there".to_owned(),
                    _ if self.is_written() => {
                        let writers =
                            self.leading_to(&|other| self.open[other] == Description::PipeToWrite);
                        format!(
                            "nothing is there, and a writer is left: {}",
                            writers.join(", ")
                        )
                    }
                    _ => "nothing is there, and no process has an end to write".to_owned(),
                })
            }
            Call::Execute => {
                let closed = table.entries.iter().filter(|(_, (_, closes))| *closes);
                let closed: Vec<String> = closed.map(|(number, _)| number.to_string()).collect();
                Some(if closed.is_empty() {
                    "no descriptor is marked".to_owned()
                } else {
                    format!("the exec closes {}", closed.join(" and "))
                })
            }
            _ => None,
        }
    }
}

/// The problem of a seed, at a level.
pub fn problem(seed: u64, level: u8) -> Problem {
    let title = format!("Descriptor table, seed {seed}, level {level}");
    let mut random = Random::new(seed, level);
    loop {
        let Some(script) = numbered(Draw::new(&mut random, level).script()) else {
            continue;
        };
        let processes = unfold(&script);
        let world = Files::new(processes.len());
        let machine = Machine { processes, world };
        let Some(outputs) = Outputs::of(&machine, MOST_STATES) else {
            continue;
        };
        let one = outputs.one();
        let says = |end: &str| one.iter().any(|line| line.ends_with(end));
        let tells = level == 1 || says("end of file") || says("would block");
        if outputs.count() > LISTED || !tells {
            continue;
        }
        let answer = with_reasons(&outputs, &machine);
        return Problem {
            program: text(&title, level, &script),
            questions: questions(level),
            title,
            answer,
            outputs,
        };
    }
}

/// What is asked at a level: only from the second on is there a pipe.
fn questions(level: u8) -> Vec<String> {
    let mut questions = vec![
        "Which lines does the program print, and in which orders?".to_owned(),
        "Where does each read of the file begin, and which descriptors share that offset?"
            .to_owned(),
    ];
    if level > 1 {
        questions.push("Where the pipe is read: which process could still write to it?".to_owned());
    }
    questions
}
