//! Descriptors: which numbers does each process have, what do they lead to, and what comes
//! when it reads?

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::{Machine, World};
use crate::outputs::Outputs;
use crate::problem::{LISTED, MOST_STATES, Problem, with_reasons};
use crate::random::Random;
use crate::rust_text;
use crate::script::{Fork, Step, numbered, unfold};

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
                        format!("from byte {at}, where the description stands of {together}")
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

impl Files {
    /// Whether a process has an end to write of the pipe.
    fn is_written(&self) -> bool {
        let mut entries = self.tables.iter().flat_map(|table| table.entries.values());
        entries.any(|(to, _)| self.open[*to] == Description::PipeToWrite)
    }
}

/// The problem of a seed, at a level.
pub fn problem(seed: u64, level: u8) -> Problem {
    let title = format!("Descriptors, seed {seed}, level {level}");
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

/// The program.
fn text(title: &str, level: u8, script: &[Step<Call>]) -> String {
    let head = [
        format!("{title}."),
        String::new(),
        "Say what each process prints: which descriptors it has, by number, and what it reads."
            .to_owned(),
        "The pipe is set not to block: a read that would wait for a writer says so.".to_owned(),
    ];
    let head = &head[..if level == 1 { 3 } else { 4 }];
    let executes = [
        "if let Some(Ok(me)) = env::args().nth(1).map(|me| me.parse()) {",
        "    has(me);",
        "    return Ok(());",
        "}",
    ];
    let mut begins = Vec::new();
    let mut changed = BTreeSet::new();
    let mut used = BTreeSet::new();
    uses(script, &mut used, &mut changed, &mut begins, &executes);
    begins.push("close_all();");
    let name = |name: &char| match (changed.contains(name), used.contains(name)) {
        (true, _) => format!("mut {name}"),
        (false, true) => name.to_string(),
        // It is held, and not used.
        (false, false) => format!("_{name}"),
    };
    rust_text::program(head, &begins, script, &|call| {
        vec![match call {
            Call::Letters(new) => format!("let {} = letters()?;", name(new)),
            Call::Dup(new, of) => format!("let {} = dup(&{of})?;", name(new)),
            Call::OpenAgain(new, of) => format!("let {} = open_again(&{of})?;", name(new)),
            Call::Dup2(from, to) => format!("dup2(&{from}, &mut {to})?;"),
            Call::Pipe => format!(
                "let ({}, {}) = pipe2(OFlag::O_NONBLOCK)?;",
                name(&'r'),
                name(&'w')
            ),
            Call::Close(name) => format!("drop({name});"),
            Call::CloseOnExec(name) => format!("close_on_exec(&{name})?;"),
            Call::Read(name, most) => format!("read_from(me, \"{name}\", &{name}, {most});"),
            Call::Write(bytes) => format!("write(&w, b\"{bytes}\")?;"),
            Call::Has => "has(me);".to_owned(),
            Call::Execute => "execute(me);".to_owned(),
        }]
    })
}

/// Which names a script uses and which it changes, and whether it executes itself.
fn uses<'a>(
    script: &[Step<Call>],
    used: &mut BTreeSet<char>,
    changed: &mut BTreeSet<char>,
    begins: &mut Vec<&'a str>,
    executes: &[&'a str],
) {
    for step in script {
        match step {
            Step::Fork(fork) => uses(&fork.body, used, changed, begins, executes),
            Step::Call(Call::Dup(_, name) | Call::OpenAgain(_, name)) => {
                used.insert(*name);
            }
            Step::Call(Call::Close(name) | Call::CloseOnExec(name) | Call::Read(name, _)) => {
                used.insert(*name);
            }
            Step::Call(Call::Write(_)) => {
                used.insert('w');
            }
            Step::Call(Call::Dup2(from, to)) => {
                used.insert(*from);
                changed.insert(*to);
            }
            Step::Call(Call::Execute) if begins.is_empty() => begins.extend(executes),
            _ => {}
        }
    }
}

/// What a script is drawn from.
struct Draw<'a> {
    random: &'a mut Random,
    level: u8,
    /// Names that lead to the file now, in the process that is drawn.
    files: Vec<char>,
    names: std::ops::RangeInclusive<char>,
    words: Vec<&'static str>,
}

impl<'a> Draw<'a> {
    fn new(random: &'a mut Random, level: u8) -> Self {
        Self {
            random,
            level,
            files: Vec::new(),
            names: 'a'..='q',
            words: vec!["uvw", "xyz", "hello", "pipe"],
        }
    }

    fn script(mut self) -> Vec<Step<Call>> {
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
