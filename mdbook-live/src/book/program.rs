//! What a run starts, and how a reader types it.

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use crate::book::surroundings::{Stdin, StdinFile};
use crate::text::words::shell_word;

/// What a run starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Program {
    /// `src/main.rs`.
    #[default]
    Main,
    /// `src/bin/NAME.rs`: an experiment beside the main run.
    Bin(String),
    /// `examples/NAME.rs`: the solution of an exercise.
    Example(String),
    /// `cargo VERB`: what cargo and the compiler say belongs to the run.
    Cargo(CargoCommand),
    /// Another program, by its name or path, and its first arguments.
    Command(Vec<String>),
}

/// A command of cargo.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CargoCommand {
    /// What cargo does.
    pub verb: CargoVerb,
    /// What stands between the verb and `--`.
    pub options: Vec<String>,
}

/// What cargo does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CargoVerb {
    /// Builds the program and runs it.
    Run,
    /// Builds the tests and runs them.
    Test,
    /// Builds.
    Build,
    /// Finds errors and warnings.
    Check,
    /// Finds what Clippy warns of, too.
    Clippy,
}

impl CargoVerb {
    /// As cargo is told.
    pub fn name(self) -> &'static str {
        match self {
            CargoVerb::Run => "run",
            CargoVerb::Test => "test",
            CargoVerb::Build => "build",
            CargoVerb::Check => "check",
            CargoVerb::Clippy => "clippy",
        }
    }

    /// The one with that name.
    pub fn named(name: &str) -> Option<CargoVerb> {
        use CargoVerb::{Build, Check, Clippy, Run, Test};
        let all = [Run, Test, Build, Check, Clippy];
        all.into_iter().find(|verb| verb.name() == name)
    }
}

impl fmt::Display for CargoVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Program {
    /// Its name, where it is not the package's own, with the option by which cargo takes it.
    pub fn option(&self) -> Option<(&'static str, &str)> {
        match self {
            Program::Bin(name) => Some(("--bin", name)),
            Program::Example(name) => Some(("--example", name)),
            Program::Main | Program::Cargo(_) | Program::Command(_) => None,
        }
    }

    /// The source file of a program that is built before it is run, from the package's folder.
    pub fn source(&self) -> PathBuf {
        match self {
            Program::Main | Program::Cargo(_) | Program::Command(_) => PathBuf::from("src/main.rs"),
            Program::Bin(name) => Path::new("src/bin").join(format!("{name}.rs")),
            Program::Example(name) => Path::new("examples").join(format!("{name}.rs")),
        }
    }

    /// Whether it is built first, and only what it prints itself belongs to the run.
    pub fn is_built_first(&self) -> bool {
        !self.is_typed()
    }

    /// Whether it is run as a reader types it: what it starts may be anything, and what it prints
    /// goes to one place, as in a terminal.
    pub fn is_typed(&self) -> bool {
        matches!(self, Program::Cargo(_) | Program::Command(_))
    }

    /// Whether it is a shell that runs this command.
    pub fn is_shell(&self, command: &str) -> bool {
        let words = ["sh", "-c", command];
        matches!(self, Program::Command(own) if own == &words)
    }

    /// What a run of it is called that has no name of its own.
    pub fn usual_name(&self) -> String {
        match self {
            Program::Main => CargoVerb::Run.name().to_owned(),
            Program::Bin(name) | Program::Example(name) => name.clone(),
            Program::Cargo(command) => command.verb.name().to_owned(),
            Program::Command(words) => {
                let first = words.first().map(Path::new).and_then(Path::file_stem);
                let name = first.unwrap_or_default().to_string_lossy();
                let plain = |c: char| {
                    if c.is_ascii_alphanumeric() || "-_".contains(c) {
                        c
                    } else {
                        '-'
                    }
                };
                name.chars().map(plain).collect()
            }
        }
    }
}

/// A command line, as a POSIX shell takes it.
#[derive(Debug)]
pub(super) struct CommandLine<'a> {
    pub(super) program: &'a Program,
    pub(super) package: Option<&'a str>,
    pub(super) args: &'a [String],
    pub(super) env: &'a [(String, String)],
    pub(super) stdin: Option<&'a Stdin>,
}

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Stdin::Text(text)) = self.stdin {
            let text = text.replace('\\', "\\\\").replace('%', "%%");
            let text = text.replace('\n', "\\n").replace('\t', "\\t");
            let dash = if text.starts_with('-') { "-- " } else { "" };
            write!(f, "printf {dash}'{}' | ", text.replace('\'', r"'\''"))?;
        }
        for (name, value) in self.env {
            write!(f, "{name}={} ", shell_word(value))?;
        }
        let mut words: Vec<String> = Vec::new();
        match self.program {
            Program::Command(command) => words.extend(command.iter().cloned()),
            program => {
                let (verb, options) = match program {
                    Program::Cargo(CargoCommand { verb, options }) => (*verb, &options[..]),
                    _ => (CargoVerb::Run, &[][..]),
                };
                words.extend(["cargo".to_owned(), verb.name().to_owned()]);
                if let Some(package) = self.package {
                    words.extend(["-p".to_owned(), package.to_owned()]);
                }
                if let Some((option, name)) = program.option() {
                    words.extend([option.to_owned(), name.to_owned()]);
                }
                words.extend(options.iter().cloned());
                if !self.args.is_empty() {
                    words.push("--".to_owned());
                }
            }
        }
        words.extend(self.args.iter().cloned());
        let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
        f.write_str(&words.join(" "))?;
        if let Some(Stdin::File(StdinFile { file })) = self.stdin {
            write!(f, " < {}", shell_word(&file.display().to_string()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(program: Program, args: &[&str], stdin: Option<Stdin>) -> String {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let env = [("RUST_BACKTRACE".to_owned(), "1".to_owned())];
        let typed = CommandLine {
            program: &program,
            package: Some("adder"),
            args: &args,
            env: &env,
            stdin: stdin.as_ref(),
        };
        typed.to_string()
    }

    #[test]
    fn a_command_is_what_a_reader_types() {
        let test = Program::Cargo(CargoCommand {
            verb: CargoVerb::Test,
            options: vec!["one hundred".into()],
        });
        assert_eq!(
            typed(test, &["--show-output"], None),
            "RUST_BACKTRACE=1 cargo test -p adder 'one hundred' -- --show-output"
        );
        let python = Program::Command(vec!["python3".into(), "sum.py".into()]);
        assert_eq!(
            typed(
                python,
                &["3"],
                Some(Stdin::File(StdinFile {
                    file: "in.txt".into(),
                }))
            ),
            "RUST_BACKTRACE=1 python3 sum.py 3 < in.txt"
        );
        assert_eq!(
            typed(Program::Main, &[], Some(Stdin::Text("5%\n'".into()))),
            r"printf '5%%\n'\''' | RUST_BACKTRACE=1 cargo run -p adder"
        );
    }

    #[test]
    fn a_run_without_a_name_is_called_what_it_does() {
        let python = Program::Command(vec!["./tools/sum.py".into()]);
        assert_eq!(python.usual_name(), "sum");
        assert_eq!(Program::Main.usual_name(), "run");
    }
}
