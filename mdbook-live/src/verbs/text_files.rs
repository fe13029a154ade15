//! Text files that hold a command and what it printed, as books keep them: read into records, and
//! written from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;

use crate::book::config::Config;
use crate::book::listing::{Book, RunRef, Size};
use crate::book::load;
use crate::book::program::CargoVerb;
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::{Header, HostCard, Provenance, Record};
use crate::record::files::{Replacement, read_if_there};
use crate::record::line::lines_of;
use crate::run::environment::COLUMNS;

/// What stands before the command, in a file's first line.
const PROMPT: &str = "$ ";

/// What became of a file that was to be imported.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The file.
    pub file: PathBuf,
    /// The run whose record it has become, or why there is none.
    pub became: Result<String, String>,
}

/// Reads text files into records; where a folder has no `runs.toml`, it writes one. Without
/// `files`, those in the listings' folders that `book.toml` calls `text`.
///
/// # Errors
///
/// When a file cannot be read or written, or the book is not right.
pub fn import(root: &Path, files: &[PathBuf]) -> Result<Vec<Imported>> {
    let config = load::config(root)?;
    let mut all: Vec<PathBuf> = files.to_vec();
    if all.is_empty() {
        let text = config.text.as_ref().context(
            "no file named; expected file names, or `text = \"output.txt\"` in [preprocessor.live] of book.toml",
        )?;
        for (_, folder) in load::folders(root, &config.listings)? {
            let file = folder.join(text);
            if file.is_file() {
                all.push(file);
            }
        }
    }
    let folders = load::folders(root, &config.listings)?;
    let mut texts: Vec<(PathBuf, Result<Text, String>)> = Vec::new();
    for file in all {
        let text = read_text(root, &config, &folders, &file).map_err(|error| format!("{error:#}"));
        texts.push((file, text));
    }
    ensure!(
        !texts.is_empty(),
        "no folder that `listings` matches has such a text file"
    );
    if texts.iter().all(|(_, text)| text.is_err()) {
        let became = |(file, text): (PathBuf, Result<Text, String>)| Imported {
            file,
            became: text.map(|_| String::new()),
        };
        return Ok(texts.into_iter().map(became).collect());
    }
    let book = Book::open(root)?;
    let mut fingerprints = Fingerprints::default();
    let mut imported = Vec::new();
    for (file, text) in texts {
        let became = match (text, run_of(&book, &file)) {
            (Err(why), _) => Err(why),
            (Ok(_), None) => Err("no run has this file as its `text`; expected `text = \"NAME\"` in a [[run]] of its runs.toml".to_owned()),
            (Ok(text), Some(run)) if !text.is_of(run) => Err(format!(
                "its first line says `{}`, but the command of {} is `{}`; correct one of them",
                text.command,
                run.full_name(),
                run.command(Size::Recorded)
            )),
            (Ok(text), Some(run)) => text
                .keep(run, &mut fingerprints)
                .map(|()| run.full_name())
                .map_err(|error| format!("{error:#}")),
        };
        imported.push(Imported { file, became });
    }
    Ok(imported)
}

/// A file that holds a command and what it printed. Where its folder has no `runs.toml`, one is
/// written that says the command.
fn read_text(
    root: &Path,
    config: &Config,
    folders: &[(String, PathBuf)],
    file: &Path,
) -> Result<Text> {
    let folder = file.parent().unwrap_or(file).canonicalize();
    let folder = folder.with_context(|| file.display().to_string())?;
    let listing = folders.iter().find(|(_, dir)| {
        let dir = dir.canonicalize();
        dir.is_ok_and(|dir| dir == folder)
    });
    let (name, dir) =
        listing.context("expected a file in a folder that `listings` of book.toml finds")?;
    let text = fs::read_to_string(file).context("expected a text file in UTF-8")?;
    let text = Text::parse(&text).map_err(anyhow::Error::msg)?;
    let runs = dir.join(load::RUNS_TOML);
    if !runs.exists() {
        let own = file.file_name().map(Path::new);
        let own = own.filter(|name| Some(*name) != config.text.as_deref());
        Replacement::of(&runs, &text.runs_toml(own))?.take_its_place()?;
        if let Err(error) = load::listing(root, name.clone(), dir, config) {
            // A book with a file that is not right opens no more.
            fs::remove_file(&runs).with_context(|| runs.display().to_string())?;
            return Err(error);
        }
    }
    Ok(text)
}

/// The compiler, or else the day, of a run's record, where it is of a run and not of a text.
fn made_here(run: RunRef<'_>) -> Result<Option<String>> {
    let record = Record::load(run, Size::Recorded)?;
    let header = record.map(|record| record.header);
    let made = header.filter(|header| header.live.imported.is_none());
    Ok(made.map(|header| match &*header.live.host.rustc {
        "" => format!("a run of {}", header.date()),
        rustc => rustc.to_owned(),
    }))
}

/// The run whose text a file is.
fn run_of<'b>(book: &'b Book, file: &Path) -> Option<RunRef<'b>> {
    let is_text = |run: &RunRef<'_>| {
        let text = run.run.text.as_ref();
        let path = text.map(|text| run.listing.dir.join(text));
        let (own, asked) = (
            path.and_then(|path| path.canonicalize().ok()),
            file.canonicalize(),
        );
        own.is_some_and(|own| asked.is_ok_and(|asked| asked == own))
    };
    book.runs().find(is_text)
}

/// Writes the text file of each of these runs that has one, and returns those that were.
///
/// # Errors
///
/// When a run has no record, or a file cannot be written.
pub fn export(runs: &[RunRef<'_>]) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for run in runs {
        let Some(text) = &run.run.text else {
            continue;
        };
        let record = Record::load(*run, Size::Recorded)?;
        let record = record.with_context(|| {
            let name = run.full_name();
            format!("{name} has no record; mdbook-live record {name} makes it")
        })?;
        let path = run.listing.dir.join(text);
        let there = read_if_there(&path)?;
        ensure!(
            there.is_none_or(|text| text.is_empty() || text.starts_with(PROMPT)),
            "{} exists and does not begin with `$ `; expected another file in `text`",
            path.display()
        );
        Replacement::of(&path, &text_of(*run, &record))?.take_its_place()?;
        written.push(path);
    }
    Ok(written)
}

/// The text file of a run, where it is there and says something else than the record.
pub fn differs(run: RunRef<'_>, record: &Record) -> Option<PathBuf> {
    let file = run.listing.dir.join(run.run.text.as_ref()?);
    let text = fs::read_to_string(&file).ok()?;
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    (lines(&text) != lines(&text_of(run, record))).then_some(file)
}

/// A record as text: what a reader types, and what it prints, without colours.
pub fn text_of(run: RunRef<'_>, record: &Record) -> String {
    // The variables that every run of the book has stand in its chapters, or nowhere.
    let command = run.command_in_its_listing(Size::Recorded);
    let lines = record.lines.iter();
    let lines: String = lines.map(|line| format!("{}\n", line.text())).collect();
    format!("{PROMPT}{command}\n{lines}")
}

/// A file that holds a command and what it printed.
#[derive(Debug, PartialEq, Eq)]
struct Text {
    command: String,
    output: String,
}

impl Text {
    fn parse(text: &str) -> Result<Text, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (first, output) = text.split_once('\n').unwrap_or((text, ""));
        if let Some(second) = output.lines().find(|line| line.starts_with(PROMPT)) {
            return Err(format!(
                "expected one command, found a second one: `{second}`"
            ));
        }
        match first.strip_prefix(PROMPT).map(str::trim) {
            Some(command) if !command.is_empty() => Ok(Text {
                command: command.to_owned(),
                output: output.to_owned(),
            }),
            _ => Err(format!(
                "expected a command in its first line, as in `$ cargo run`, found `{}`",
                first.trim_end()
            )),
        }
    }

    /// Whether it is what a run prints, as far as its command tells.
    fn is_of(&self, run: RunRef<'_>) -> bool {
        let told = ParsedCommand::of(&self.command);
        let own = run.command_in_its_listing(Size::Recorded);
        let whole = run.command(Size::Recorded);
        run.run.program.is_shell(&self.command)
            || [own, whole]
                .iter()
                .any(|own| ParsedCommand::of(own) == told)
    }

    /// A `runs.toml` whose run is this one; `text` is the file's name where the book does not
    /// say it.
    fn runs_toml(&self, text: Option<&Path>) -> String {
        let mut lines = vec!["[[run]]".to_owned()];
        lines.extend(ParsedCommand::of(&self.command).lines());
        let status = self.status();
        if status != 0 {
            lines.push(format!("status = {status}"));
        }
        if let Some(text) = text {
            lines.push(format!("text = {}", quoted(&text.display().to_string())));
        }
        lines.join("\n") + "\n"
    }

    /// The exit status, as far as the lines tell it: a text does not have it.
    fn status(&self) -> i32 {
        static TOLD: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^error: process didn't exit successfully: .*\(exit status: (\d+)\)")
                .expect("a constant pattern")
        });
        static FAILED: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^error(\[E\d+\])?: |^thread 'main' (\(\d+\) )?panicked at ")
                .expect("a constant pattern")
        });
        let mut lines = self.output.lines();
        if ParsedCommand::of(&self.command).cargo.is_none() {
            // Whatever its words are, nobody but the program knows.
            return 0;
        }
        let told = lines.find_map(|line| TOLD.captures(line)?.get(1)?.as_str().parse().ok());
        let failed = || self.output.lines().any(|line| FAILED.is_match(line));
        told.unwrap_or_else(|| if failed() { 101 } else { 0 })
    }

    /// Makes it the record of its run, where that has none of a run.
    fn keep(&self, run: RunRef<'_>, fingerprints: &mut Fingerprints) -> Result<()> {
        if let Some(by) = made_here(run)? {
            let name = run.full_name();
            bail!(
                "{name} already has a record made by {by}; delete it to import this text in its place"
            );
        }
        self.record(run, fingerprints)?.save(run, Size::Recorded)
    }

    fn record(&self, run: RunRef<'_>, fingerprints: &mut Fingerprints) -> Result<Record> {
        let lines = lines_of(&self.output);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let file = run.run.text.as_ref();
        Ok(Record {
            header: Header {
                version: 2,
                width: COLUMNS,
                height: u32::try_from(lines.len().clamp(10, 50))?,
                timestamp: now.context("the clock is set before 1970")?.as_secs(),
                duration: 0.0,
                title: run.full_name(),
                command: run.command(Size::Recorded),
                env: run.run.env.iter().cloned().collect(),
                live: Provenance {
                    host: HostCard::unknown(),
                    args: run.run.args.clone(),
                    exit: run.run.status,
                    built_from: fingerprints.of_run(run)?,
                    stderr: Vec::new(),
                    client: Vec::new(),
                    imported: file.map(|file| file.display().to_string()),
                    around: run.around(),
                    by: "wall_s".to_owned(),
                    of: Vec::new(),
                    warm_ups: 0,
                    data_limit: run.run.data_limit,
                    account: None,
                },
            },
            lines,
            marks: Vec::new(),
            memory: Vec::new(),
        })
    }
}

/// A command as `runs.toml` says it.
#[derive(Debug, Default, PartialEq, Eq)]
struct ParsedCommand {
    env: BTreeMap<String, String>,
    cargo: Option<CargoVerb>,
    options: Vec<String>,
    package: Option<String>,
    args: Vec<String>,
    command: Vec<String>,
    /// The file that it reads.
    stdin: Option<String>,
    /// The text that it reads.
    text: Option<String>,
}

impl ParsedCommand {
    fn of(command: &str) -> ParsedCommand {
        ParsedCommand::simple(command).unwrap_or_else(|| ParsedCommand {
            // Pipes and the like are the shell's.
            command: ["sh", "-c", command].map(str::to_owned).into(),
            ..ParsedCommand::default()
        })
    }

    /// A command that needs no shell, but perhaps for what it reads from `echo` or `printf`.
    fn simple(command: &str) -> Option<ParsedCommand> {
        if let Some((input, command)) = command.split_once(" | ")
            && let Some(text) = printed(input)
        {
            let told = ParsedCommand::simple(command)?;
            return Some(ParsedCommand {
                text: Some(text),
                ..told
            });
        }
        let mut told = ParsedCommand::default();
        let (command, file) = match command.rsplit_once(" < ") {
            Some((command, file)) if !needs_shell(file) => (command, Some(file.trim())),
            _ => (command, None),
        };
        if needs_shell(command) {
            return None;
        }
        let mut words = shlex::split(command)?;
        told.stdin = file.map(str::to_owned);
        let is_variable = |word: &str| {
            let name = word.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        let variables = words.iter().take_while(|word| is_variable(word)).count();
        for word in words.drain(..variables) {
            let (name, value) = word.split_once('=')?;
            told.env.insert(name.to_owned(), value.to_owned());
        }
        let verb = match &words[..] {
            [cargo, verb, ..] if cargo == "cargo" => CargoVerb::named(verb),
            [] => return None,
            _ => None,
        };
        let Some(verb) = verb else {
            told.command = words;
            return Some(told);
        };
        told.cargo = Some(verb);
        let mut rest = words.split_off(2);
        if let Some(at) = rest.iter().position(|word| word == "--") {
            told.args = rest.split_off(at).split_off(1);
        }
        if let [option, name, ..] = &rest[..]
            && (option == "-p" || option == "--package")
        {
            told.package = Some(name.clone());
            rest.drain(..2);
        }
        told.options = rest;
        Some(told)
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let list = |key: &str, words: &[String]| {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("{key} = [{}]", words.join(", "))
        };
        if let Some(verb) = self.cargo {
            lines.push(format!("cargo = \"{verb}\""));
        } else {
            lines.push(list("command", &self.command));
        }
        if let Some(package) = &self.package {
            lines.push(format!("package = {}", quoted(package)));
        }
        if !self.options.is_empty() {
            lines.push(list("options", &self.options));
        }
        if !self.args.is_empty() {
            lines.push(list("args", &self.args));
        }
        if !self.env.is_empty() {
            let env = self.env.iter();
            let env: Vec<String> = env
                .map(|(name, value)| format!("{name} = {}", quoted(value)))
                .collect();
            lines.push(format!("env = {{ {} }}", env.join(", ")));
        }
        if let Some(text) = &self.text {
            lines.push(format!("stdin = {}", quoted(text)));
        }
        if let Some(file) = &self.stdin {
            lines.push(format!("stdin = {{ file = {} }}", quoted(file)));
        }
        lines
    }
}

/// What `echo` or `printf` prints, where that is plain.
fn printed(command: &str) -> Option<String> {
    if needs_shell(command) {
        return None;
    }
    let words = shlex::split(command)?;
    match &words[..] {
        [echo, words @ ..] if echo == "echo" => {
            let plain = words.first().is_none_or(|word| !word.starts_with('-'));
            plain.then(|| words.join(" ") + "\n")
        }
        [printf, text] if printf == "printf" && !text.replace("%%", "").contains('%') => {
            let text = text.replace("\\n", "\n").replace("\\t", "\t");
            Some(text.replace("%%", "%"))
        }
        _ => None,
    }
}

/// Whether a command has a character, outside of quotes, that means something to a shell.
fn needs_shell(command: &str) -> bool {
    let mut quote = None;
    for sign in command.chars() {
        match (quote, sign) {
            (None, '\'' | '"') => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            (None, sign) if "|&;<>()$*?~`#\\".contains(sign) => return true,
            (Some('"'), '$' | '`' | '\\') => return true,
            _ => {}
        }
    }
    false
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    // One of JSON is one of TOML, in one line.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::write;

    #[test]
    fn a_command_becomes_the_keys_that_say_it() {
        for (command, keys) in [
            ("cargo run", "cargo = \"run\""),
            (
                "cargo test --test area -- --ignored",
                "cargo = \"test\"; options = [\"--test\", \"area\"]; args = [\"--ignored\"]",
            ),
            (
                "RUST_BACKTRACE=1 cargo run -p adder -- 'a b'",
                "cargo = \"run\"; package = \"adder\"; args = [\"a b\"]; \
                 env = { RUST_BACKTRACE = \"1\" }",
            ),
            (
                "cargo run < in.txt",
                "cargo = \"run\"; stdin = { file = \"in.txt\" }",
            ),
            (
                "python3 sum.py 3",
                "command = [\"python3\", \"sum.py\", \"3\"]",
            ),
            (
                "cargo +nightly miri run",
                "command = [\"cargo\", \"+nightly\", \"miri\", \"run\"]",
            ),
            (
                "cargo run>out",
                "command = [\"sh\", \"-c\", \"cargo run>out\"]",
            ),
            ("./x *.txt", "command = [\"sh\", \"-c\", \"./x *.txt\"]"),
            ("./x '*.txt'", "command = [\"./x\", \"*.txt\"]"),
            ("echo 5 | cargo run", "cargo = \"run\"; stdin = \"5\\n\""),
            (
                "printf '1\\n2' | python3 x.py",
                "command = [\"python3\", \"x.py\"]; stdin = \"1\\n2\"",
            ),
            (
                "echo $HOME | cargo run",
                "command = [\"sh\", \"-c\", \"echo $HOME | cargo run\"]",
            ),
        ] {
            assert_eq!(
                ParsedCommand::of(command).lines().join("; "),
                keys,
                "{command}"
            );
        }
    }

    #[test]
    fn the_status_is_what_the_lines_tell() {
        for (output, status) in [
            ("Hello\n", 0),
            ("error[E0382]: borrow of moved value\n", 101),
            ("thread 'main' (4711) panicked at src/main.rs:2:5:\n", 101),
            (
                "error: process didn't exit successfully: `x` (exit status: 3)\n",
                3,
            ),
            ("thread 'worker' panicked at src/main.rs\n", 0),
        ] {
            let text = Text {
                command: "cargo run".into(),
                output: output.into(),
            };
            assert_eq!(text.status(), status, "{output}");
        }
    }

    #[test]
    fn a_text_becomes_a_record_and_comes_back_the_same() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        let config = "[preprocessor.live]\nlistings = ['listings/*/*']\ntext = 'output.txt'\n";
        write(root, "book.toml", config);
        let manifest = "[package]\nname = 'same'\nedition = '2024'\n";
        let text =
            "$ cargo run\n   Compiling same v0.1.0 (file:///projects/same)\nHello\n\n  two\n";
        for folder in ["listings/a/one", "listings/b/one"] {
            write(root, &format!("{folder}/Cargo.toml"), manifest);
            write(root, &format!("{folder}/src/main.rs"), "fn main() {}\n");
            write(root, &format!("{folder}/output.txt"), text);
        }
        write(root, "listings/b/two/output.txt", "Hello\n");
        // What it says would be no right `runs.toml`.
        write(
            root,
            "listings/c/one/output.txt",
            "$ cargo run < gone.txt\n",
        );
        let became: Vec<Result<String, String>> = import(root, &[])
            .expect("they are read")
            .into_iter()
            .map(|imported| imported.became)
            .collect();
        assert_eq!(
            became,
            [
                Ok("a/one/run".to_owned()),
                Ok("b/one/run".to_owned()),
                Err(
                    "expected a command in its first line, as in `$ cargo run`, found `Hello`"
                        .to_owned()
                ),
                Err(
                    "listings/c/one/runs.toml:1: stdin: expected the path of a file in the \
                     listing's folder, found `gone.txt`"
                        .to_owned()
                ),
            ]
        );
        assert!(!root.join("listings/c/one/runs.toml").exists());
        let runs = fs::read_to_string(root.join("listings/a/one/runs.toml")).expect("a file");
        assert_eq!(runs, "[[run]]\ncargo = \"run\"\n");
        let book = Book::open(root).expect("the book is right");
        let runs: Vec<RunRef<'_>> = book.runs().collect();
        let path = root.join("listings/a/one/output.txt");
        fs::write(&path, "").expect("a file");
        assert_eq!(export(&runs).expect("they are written").len(), 2);
        assert_eq!(fs::read_to_string(&path).expect("a file"), text);

        let record = Record::load(runs[0], Size::Recorded).expect("it can be read");
        let record = record.expect("it was imported");
        assert_eq!(differs(runs[0], &record), None);
        fs::write(&path, text.replace("Hello", "Bye")).expect("a file");
        assert_eq!(differs(runs[0], &record), Some(path.clone()));
        fs::write(&path, "fn main() {}\n").expect("a file");
        let error = export(&runs).expect_err("it is a source").to_string();
        assert!(error.contains("does not begin with `$ `"), "{error}");
    }
}
