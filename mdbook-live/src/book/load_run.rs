//! One run of a `runs.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use toml::Spanned;

use crate::book::claim::Claim;
use crate::book::compiler_words;
use crate::book::counter_run::{self, Patch};
use crate::book::listing::Run;
use crate::book::package;
use crate::book::program::{CargoCommand, Program};
use crate::book::runs_toml::{self, RunName};
use crate::book::source::Source;
use crate::book::surroundings::{Ends, Stdin, StdinFile};
use crate::book::varies::Varies;

/// What a run has from its listing.
pub(super) struct Given<'a> {
    /// What varies in the lines of all its runs.
    pub(super) varies: &'a Varies,
    /// The variables of all of them.
    pub(super) env: &'a BTreeMap<String, String>,
    /// The changes that a claim may name.
    pub(super) patches: &'a BTreeMap<String, Patch>,
    /// The listing's name, and those of its runs that have one.
    pub(super) listing: &'a str,
    pub(super) runs: &'a [String],
    /// The text file of the first.
    pub(super) text: Option<&'a PathBuf>,
}

impl Source<'_> {
    pub(super) fn run(&self, run: Spanned<runs_toml::Run>, given: Given<'_>) -> Result<Run> {
        let span = run.span();
        let run = run.into_inner();
        let program = self.program(&run, span.clone())?;
        let package = run
            .package
            .as_ref()
            .map(|name| package::named(self.dir, name));
        let package = match package.transpose() {
            Ok(package) => package,
            Err(error) => return self.error(span, error),
        };
        let dir = package.as_ref().map_or(self.dir, |package| &package.dir);
        if let Some((option, name)) = program.option()
            && !dir.join(program.source()).is_file()
        {
            let file = program.source();
            let folder = file.parent().unwrap_or(Path::new("")).display();
            let key = option.trim_start_matches('-');
            return self.error(
                span,
                format!(
                    "{key}: expected the name of a file in {folder}/, without .rs, found `{name}`"
                ),
            );
        }
        if let Some(Stdin::File(StdinFile { file })) = &run.stdin
            && !(is_inside(file) && self.dir.join(file).is_file())
        {
            let file = file.display();
            let expected = format!(
                "stdin: expected the path of a file in the listing's folder, found `{file}`"
            );
            return self.error(span, expected);
        }
        if let Some(text) = run.text.as_ref().or(given.text)
            && !is_inside(text)
        {
            let text = text.display();
            let expected = format!(
                "text: expected the path of a file in the listing's folder, found `{text}`"
            );
            return self.error(span, expected);
        }
        if let Some(Ends::After(time)) = &run.ends
            && *time >= run.timeout.0
        {
            return self.error(
                span,
                "ends: expected `after` to be less than the run's `timeout`",
            );
        }
        if run.ends.is_some() && run.status.0 != 0 {
            return self.error(
                span,
                "status: a run with `ends` has no exit status to compare; expected one of the two",
            );
        }
        let name = match run.name {
            Some(name) => name.0,
            None => match RunName::try_from(program.usual_name()) {
                Ok(name) => name.0,
                Err(error) => return self.error(span, error),
            },
        };
        let process = self.config.process_of_line();
        let mut said = BTreeSet::new();
        let mut claims = Vec::new();
        for claim in run.claim {
            let span = claim.span();
            let claim = claim.into_inner();
            if !said.insert(claim.says.clone()) {
                return self.error(span, format!("two claims of {name} say \"{}\"", claim.says));
            }
            let broken_by = claim.broken_by.iter();
            let broken_by = broken_by
                .map(|name| counter_run::named(name, given.patches, given.listing, given.runs));
            let broken_by = match broken_by.collect::<Result<_>>() {
                Ok(broken_by) => broken_by,
                Err(error) => return self.error(span, error),
            };
            claims.push(Claim {
                broken_by,
                check: claim.check.check(&process),
                says: claim.says,
                line: self.line(span),
                note: claim.note,
                hint: claim.hint,
                on: claim.on,
                reference: claim.reference,
            });
        }
        let quick = run.quick;
        let (quick_args, quick_timeout) = match quick {
            Some(quick) => (quick.args, quick.timeout),
            None => (None, None),
        };
        let is_typed = program.is_typed();
        let env: BTreeMap<String, String> = given.env.clone().into_iter().chain(run.env).collect();
        for (name, value) in &env {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if value.contains('\0') {
                let expected = format!("env: expected a text without NUL in {name}");
                return self.error(span, expected);
            }
            if !begins || !name.chars().all(plain) {
                let expected =
                    format!("env: expected letters, digits and _ in a name, found `{name}`");
                return self.error(span, expected);
            }
        }
        Ok(Run {
            varies: varies(given.varies, &program),
            name,
            program,
            package,
            caption: run.caption,
            env: env.into_iter().collect(),
            env_of_book: self.config.env.clone().into_iter().collect(),
            stdin: run.stdin,
            ends: run.ends,
            client: run.client,
            text: run.text.or_else(|| given.text.cloned()),
            quick: quick_args.unwrap_or_else(|| run.args.clone()),
            args: run.args,
            timeout: run.timeout.0,
            quick_timeout: quick_timeout.unwrap_or(run.timeout).0,
            rank_by: run.rank_by,
            once: run.once.unwrap_or(is_typed),
            unordered: run.unordered,
            memory: run.memory.unwrap_or(!is_typed && self.config.memory),
            data_limit: run.data_limit.map(|limit| limit.0),
            status: run.status.0,
            claims,
        })
    }

    /// What a run starts.
    fn program(&self, run: &runs_toml::Run, span: Range<usize>) -> Result<Program> {
        let told = [
            ("bin", run.bin.is_some()),
            ("example", run.example.is_some()),
            ("cargo", run.cargo.is_some()),
            ("command", !run.command.is_empty()),
        ];
        let told: Vec<&str> = told
            .iter()
            .filter(|(_, is)| *is)
            .map(|(key, _)| *key)
            .collect();
        if told.len() > 1 {
            let expected = format!(
                "expected at most one of `bin`, `example`, `cargo` and `command`, found {}",
                told.join(" and ")
            );
            return self.error(span, expected);
        }
        if !run.options.is_empty() && run.cargo.is_none() {
            return self.error(
                span,
                "options: these are cargo's; expected a `cargo` key in the same run",
            );
        }
        if run.package.is_some() && !run.command.is_empty() {
            return self.error(
                span,
                "package: names a Cargo package; a run with `command` has none",
            );
        }
        Ok(match (&run.bin, &run.example, run.cargo) {
            (Some(bin), ..) => Program::Bin(bin.clone()),
            (_, Some(example), _) => Program::Example(example.clone()),
            (.., Some(verb)) => Program::Cargo(CargoCommand {
                verb,
                options: run.options.clone(),
            }),
            _ if !run.command.is_empty() => Program::Command(run.command.clone()),
            _ => Program::Main,
        })
    }
}

/// Whether a path leads to a place in the folder that it begins in.
fn is_inside(path: &Path) -> bool {
    let mut parts = path.components();
    parts.all(|part| matches!(part, Component::Normal(_)))
}

/// What varies in the lines of a run: what its listing says, and what the words of its program
/// are known for.
fn varies(of_listing: &Varies, program: &Program) -> Varies {
    let mut varies = of_listing.clone();
    match program {
        Program::Command(_) => {}
        Program::Cargo(_) => {
            varies.redact.extend(compiler_words::of_cargo());
            varies.ignore_lines.extend(compiler_words::said_or_not());
            // They are in one order, whoever prints them.
            varies.process = None;
        }
        Program::Main | Program::Bin(_) | Program::Example(_) => {
            varies.redact.extend(compiler_words::of_programs());
        }
    }
    varies
}
