//! Opens `book.toml` and every `runs.toml`, and checks what only all of them together can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use crate::book::chart::{Chart, Charted, Shows};
use crate::book::config::Config;
use crate::book::counter_run::{self, CounterRun};
use crate::book::exercises;
use crate::book::figure::FigureSpec;
use crate::book::listing::{Book, Listing};
use crate::book::load_run::Given;
use crate::book::package::{self, Package};
use crate::book::runs_toml::{self, RunsToml};
use crate::book::source::{Source, parse};
use crate::book::varies::Varies;
use crate::text::words::expected;

/// The file of a listing.
pub(crate) const RUNS_TOML: &str = "runs.toml";

impl Book {
    /// Reads `book.toml` in `root` and every listing's `runs.toml`.
    ///
    /// The listings are the folders with a `runs.toml` that the globs
    /// `[preprocessor.live] listings` match; without that key, `listings/*`.
    ///
    /// # Errors
    ///
    /// One line that names the file, the line and what is expected.
    pub fn open(root: &Path) -> Result<Book> {
        let config = config(root)?;
        let mut listings: Vec<Listing> = Vec::new();
        for (name, dir) in listing_folders(root, &config.listings)? {
            let listing = listing(root, name, &dir, &config)?;
            if let Some(first) = listings.iter().find(|known| known.name == listing.name) {
                bail!(
                    "two listings are named {}: {} and {}; a listing's name is its path from where its glob has the first wildcard, and unique",
                    listing.name,
                    first.dir.display(),
                    dir.display()
                );
            }
            listings.push(listing);
        }
        let book = Book {
            root: root.to_path_buf(),
            config,
            listings,
        };
        for run in book.runs().map(|run| run.full_name()) {
            ensure!(
                !book.listings.iter().any(|listing| listing.name == run),
                "{run} is a run and a listing; expected another name for one of them"
            );
        }
        book.check_figures()?;
        book.check_counter_runs()?;
        Ok(book)
    }

    /// Every figure and run that a ratio names exists: known only when all listings are read.
    fn check_figures(&self) -> Result<()> {
        for (run, claim, name) in self.named_figures() {
            let file = run.listing.dir.join(RUNS_TOML);
            let at = |error: anyhow::Error| {
                anyhow!(
                    "{}:{}: claim \"{}\": ratio: {error:#}",
                    self.relative(&file).display(),
                    claim.line,
                    claim.says
                )
            };
            self.require_figure_of(run, name).map_err(at)?;
        }
        Ok(())
    }
}

impl Book {
    /// Every run that a claim names as its counter-run is there, and every patch is named.
    fn check_counter_runs(&self) -> Result<()> {
        let mut named = BTreeSet::new();
        for run in self.runs() {
            for claim in &run.run.claims {
                for counter in &claim.broken_by {
                    let CounterRun::Run(other) = counter else {
                        named.insert((run.listing.name.as_str(), counter.name()));
                        continue;
                    };
                    let file = run.listing.dir.join(RUNS_TOML);
                    let at = |error| {
                        let file = self.relative(&file).display();
                        anyhow!("{file}:{}: broken_by: {error:#}", claim.line)
                    };
                    self.run(other).map_err(at)?;
                }
            }
        }
        for listing in &self.listings {
            for (name, patch) in &listing.patches {
                ensure!(
                    named.contains(&(listing.name.as_str(), name.as_str())),
                    "{}: expected a claim that names it, `broken_by = [\"{name}\"]`",
                    self.relative(&patch.path).display()
                );
            }
        }
        Ok(())
    }
}

/// `[preprocessor.live]` of `book.toml`.
pub(crate) fn config(root: &Path) -> Result<Config> {
    /// The file, as far as it is this tool's.
    #[derive(Deserialize)]
    struct BookToml {
        #[serde(default)]
        preprocessor: Preprocessors,
    }
    #[derive(Default, Deserialize)]
    struct Preprocessors {
        live: Option<Config>,
    }
    let path = root.join("book.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let book: BookToml = parse("book.toml", &text)?;
    Ok(book.preprocessor.live.unwrap_or_default())
}

/// The folders with a `runs.toml` that the globs match, with the names of their listings.
fn listing_folders(root: &Path, globs: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let mut all: Vec<(String, PathBuf)> = Vec::new();
    for glob in globs {
        let mut matched = Vec::new();
        for (name, dir) in folders(root, std::slice::from_ref(glob))? {
            if dir.join(RUNS_TOML).is_file() {
                matched.push((name, dir));
            } else if dir.join("run.toml").is_file() {
                bail!(
                    "{}: expected the name {RUNS_TOML}",
                    dir.strip_prefix(root)
                        .unwrap_or(&dir)
                        .join("run.toml")
                        .display()
                );
            }
        }
        if matched.is_empty() {
            bail!(
                "{} matches no folder that has a {RUNS_TOML}; `new` and `import` write one",
                told(glob)
            );
        }
        for (name, dir) in matched {
            if !all.iter().any(|(_, known)| *known == dir) {
                all.push((name, dir));
            }
        }
    }
    Ok(all)
}

fn told(glob: &str) -> String {
    format!("book.toml: [preprocessor.live] listings: `{glob}`")
}

/// The folders that the globs match, in order, with the names that listings in them have.
pub(crate) fn folders(root: &Path, globs: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let mut folders = Vec::new();
    for glob in globs {
        let inside = Path::new(glob).components();
        let inside = inside
            .into_iter()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        ensure!(
            inside,
            "{}: expected a path below the book's folder",
            told(glob)
        );
        // The root's own path is no pattern, whatever characters it has.
        let pattern = Path::new(&glob::Pattern::escape(&root.to_string_lossy())).join(glob);
        let above = root.join(literal(glob));
        let matched = glob::glob(&pattern.to_string_lossy()).with_context(|| told(glob))?;
        let mut matched: Vec<PathBuf> = matched
            .collect::<Result<_, glob::GlobError>>()
            .with_context(|| told(glob))?;
        matched.sort();
        for dir in matched {
            let name = dir.strip_prefix(&above).unwrap_or(&dir).to_str();
            let name = name.with_context(|| {
                let dir = dir.display();
                format!("{dir}: expected a folder with a name in UTF-8")
            })?;
            folders.push((name.to_owned(), dir.clone()));
        }
    }
    Ok(folders)
}

/// The part of a glob before its first wildcard: of one without, the folder above.
pub(crate) fn literal(glob: &str) -> PathBuf {
    let parts: Vec<&str> = glob.split('/').collect();
    let wild = parts.iter().position(|part| part.contains(['*', '?', '[']));
    parts[..wild.unwrap_or(parts.len() - 1)].iter().collect()
}

/// Reads the `runs.toml` of a listing's folder.
pub(crate) fn listing(root: &Path, name: String, dir: &Path, config: &Config) -> Result<Listing> {
    let path = dir.join(RUNS_TOML);
    let shown = path.strip_prefix(root).unwrap_or(&path);
    let shown = shown.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
    let file: RunsToml = parse(&shown, &text)?;
    let source = Source {
        name: shown,
        text: &text,
        dir,
        config,
    };
    ensure!(
        !file.run.is_empty(),
        "{}: expected at least one [[run]]",
        source.name
    );
    let figures: BTreeMap<String, FigureSpec> = file
        .figures
        .into_iter()
        .map(|(key, figure)| {
            let spec = FigureSpec {
                pattern: figure.pattern.0,
                which: figure.which,
                unit: figure.unit,
                within: figure.within,
            };
            (key.0, spec)
        })
        .collect();
    let patterns = |patterns: Vec<crate::book::pattern::Pattern>| {
        patterns.into_iter().map(|pattern| pattern.0)
    };
    let of_book = |patterns: &[crate::book::pattern::Pattern]| {
        patterns
            .iter()
            .map(|pattern| pattern.0.clone())
            .collect::<Vec<_>>()
    };
    let varies = Varies {
        redact: patterns(file.redact)
            .chain(of_book(&config.redact))
            .collect(),
        ignore_lines: patterns(file.ignore_lines)
            .chain(of_book(&config.ignore_lines))
            .collect(),
        near: figures
            .values()
            .filter_map(|figure| Some((figure.pattern.clone(), figure.within?)))
            .collect(),
        process: config.process.as_ref().map(|process| process.0.clone()),
    };
    let env: BTreeMap<String, String> = config.env.clone().into_iter().chain(file.env).collect();
    let folder = dir.file_name().unwrap_or_default().to_string_lossy();
    let package = Package {
        name: package::name_in(dir)?.unwrap_or_else(|| folder.into_owned()),
        dir: dir.to_path_buf(),
    };
    let mut listing = Listing {
        name,
        dir: dir.to_path_buf(),
        package,
        reference_dir: config
            .reference
            .as_ref()
            .map(|reference| dir.join(&reference.folder)),
        cells: config.cells.clone(),
        patches: counter_run::patches(dir)?,
        also_hash: file.also_hash,
        on_request: file.on_request,
        figures,
        runs: Vec::new(),
        charts: Vec::new(),
        exercises: Vec::new(),
    };
    let names = file
        .run
        .iter()
        .filter_map(|run| run.get_ref().name.as_ref());
    let names: Vec<String> = names.map(|name| name.0.clone()).collect();
    for run in file.run {
        let span = run.span();
        let given = Given {
            varies: &varies,
            env: &env,
            patches: &listing.patches,
            listing: &listing.name,
            runs: &names,
            text: config.text.as_ref().filter(|_| listing.runs.is_empty()),
        };
        let run = source.run(run, given)?;
        if let Some(text) = &run.text
            && let Some(known) = listing
                .runs
                .iter()
                .find(|known| known.text.as_ref() == Some(text))
        {
            let text = text.display();
            let expected = format!("text: {} has {text}; expected another file", known.name);
            return source.error(span, expected);
        }
        if listing.runs.iter().any(|known| known.name == run.name) {
            return source.error(
                span,
                format!("two runs are named {}; expected another name", run.name),
            );
        }
        if let Err(error) = listing.require_figure(&run.rank_by) {
            return source.error(span, format!("rank_by: {error}"));
        }
        listing.runs.push(run);
    }
    for chart in file.chart {
        let span = chart.span();
        match chart_of(&listing, chart.into_inner()) {
            Ok(chart) => listing.charts.push(chart),
            Err(error) => return source.error(span, format!("{error:#}")),
        }
    }
    for told in file.exercise {
        let span = told.span();
        match exercises::exercise_of(&listing, told.into_inner()) {
            Ok(exercise) => listing.exercises.push(exercise),
            Err(error) => return source.error(span, format!("{error:#}")),
        }
    }
    Ok(listing)
}

/// A chart of runs and figures that there are.
fn chart_of(listing: &Listing, chart: runs_toml::Chart) -> Result<Chart> {
    let names: Vec<&str> = listing.runs.iter().map(|run| run.name.as_str()).collect();
    let require_run = |name: &String| {
        if names.contains(&name.as_str()) {
            Ok(())
        } else {
            Err(anyhow!("no run {name}; {}", expected(name, &names)))
        }
    };
    let shows = if let Some(run) = chart.run {
        require_run(&run)?;
        ensure!(
            !chart.series.is_empty(),
            "expected at least one [[chart.series]]"
        );
        ensure!(
            chart.runs.is_empty() && chart.figure.is_empty(),
            "expected `run` with series, or `runs` with figures, found both"
        );
        Shows::Plot {
            run,
            x_unit: chart.x_unit.context("expected x_unit")?,
            y_unit: chart.y_unit.context("expected y_unit")?,
            spread: chart.spread,
            series: chart
                .series
                .into_iter()
                .map(|series| (series.name, series.pattern.0))
                .collect(),
        }
    } else {
        ensure!(
            !chart.runs.is_empty(),
            "expected `runs`, names of this listing's runs"
        );
        ensure!(
            !chart.figure.is_empty(),
            "expected at least one [[chart.figure]]"
        );
        chart.runs.iter().try_for_each(require_run)?;
        let mut figures = Vec::new();
        for charted in chart.figure {
            listing.require_figure(&charted.figure)?;
            if let Some(name) = &charted.reference {
                listing.require_figure(name)?;
            }
            let heading = charted.reference_heading;
            figures.push(Charted {
                figure: charted.figure,
                heading: charted.heading,
                reference: charted.reference.map(|name| (name, heading)),
            });
        }
        Shows::Figures {
            runs: chart.runs,
            figures,
        }
    };
    Ok(Chart {
        name: chart.name,
        caption: chart.caption,
        shows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::claim::Becomes;
    use crate::book::listing::tests::{book_with, one_run};

    /// The error, without the file's name before it.
    fn error_of(runs_toml: &str) -> String {
        let (_dir, book) = book_with(runs_toml);
        let message = format!("{:#}", book.expect_err("this runs.toml is wrong"));
        assert!(!message.contains('\n'), "one line: {message}");
        let rest = message.strip_prefix("listings/demo/runs.toml:");
        rest.expect("the file is named").trim().to_owned()
    }

    /// The error of a claim with these lines, which begins in line 5.
    fn error_of_claim(lines: &str) -> String {
        let error = error_of(&one_run(&format!("[[run.claim]]\nsays = 'So'\n{lines}\n")));
        let place = error.split_once(": ").expect("a line").0;
        assert!(
            place.parse::<usize>().is_ok_and(|line| line >= 5),
            "{error}"
        );
        error.split_once(": ").expect("a line").1.to_owned()
    }

    #[test]
    fn two_lines_are_enough_for_a_run() {
        let (_dir, book) = book_with("[[run]]\nname = 'one'\n");
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there").run;
        assert_eq!((run.timeout.as_secs(), run.status), (60, 0));
        assert_eq!((&*run.caption, &*run.rank_by), ("", "wall_s"));
        assert!(run.memory && run.args.is_empty() && run.claims.is_empty());
    }

    #[test]
    fn bad_syntax_is_told_with_its_line() {
        assert_eq!(
            error_of("redact = []\nfigures = [\n"),
            "2: figures: unclosed array, expected `]`"
        );
        assert!(error_of("[[run]]\nname = 1 2\n").starts_with("2: "));
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        assert_eq!(
            error_of("redakt = []\n[[run]]\nname = 'a'"),
            "1: unknown key `redakt`; did you mean redact? \
             expected redact, ignore_lines, also_hash, on_request, env, figures, run, chart, exercise"
        );
        // Of as many keys as a run has, the nearest alone is named.
        assert_eq!(
            error_of(&one_run("timeot = '3s'")),
            "6: unknown key `timeot`; did you mean timeout?"
        );
        assert_eq!(
            error_of_claim("count = { lines = 'x', are = 3 }"),
            "unknown key `are`; expected lines, values, is, at_least, at_most"
        );
        assert_eq!(
            error_of_claim("every = { lines = 'x', contain = 'y' }"),
            "unknown key `contain`; did you mean contains? expected lines, contains"
        );
        assert_eq!(
            error_of("figures.t = { pattern = '(x)', units = 's' }\n[[run]]\nname = 'a'"),
            "1: unknown key `units`; did you mean unit? expected pattern, unit, match, within"
        );
    }

    #[test]
    fn a_value_of_another_kind_is_told_with_its_key() {
        assert_eq!(
            error_of("[[run]]\nname = 'a'\nargs = [1]"),
            "3: args: invalid type: integer `1`, expected a string"
        );
        assert_eq!(error_of("redact = []"), "1: missing key `run`");
        assert_eq!(
            error_of("[[run]]\nname = 'a/b'"),
            "2: name: expected letters, digits, - and _ in a run's name, found `a/b`"
        );
        for (timeout, shown) in [("'0s'", "0s"), ("'soon'", "soon")] {
            assert_eq!(
                error_of(&format!("[[run]]\nname = 'a'\ntimeout = {timeout}")),
                format!("3: timeout: expected a time such as \"20s\", found `{shown}`")
            );
        }
        assert_eq!(
            error_of(&one_run("status = 77")),
            "6: status: expected an exit status from 0 to 255 other than 77, by which a program says that it cannot run here, found 77"
        );
    }

    #[test]
    fn names_are_unique() {
        let twice = one_run("") + &one_run("");
        assert_eq!(
            error_of(&twice),
            "6: two runs are named one; expected another name"
        );
        assert_eq!(
            error_of("figures.wall_s = { pattern = '(x)' }\n[[run]]\nname = 'a'"),
            "1: wall_s is built in; expected another name"
        );
        let claim = "[[run.claim]]\nsays = 'So'\nsame = '(x)'\n";
        assert_eq!(
            error_of(&one_run(&claim.repeat(2))),
            "9: two claims of one say \"So\""
        );
    }

    #[test]
    fn patterns_are_checked_with_their_captures() {
        assert_eq!(
            error_of("redact = ['(']\n[[run]]\nname = 'a'"),
            "1: redact: expected a regular expression, found `(`: unclosed group"
        );
        assert_eq!(
            error_of("figures.t = { pattern = 't=.+' }\n[[run]]\nname = 'a'"),
            "1: pattern: expected exactly one, as in 'id: (\\w+)', found 0 captures in `t=.+`"
        );
        assert_eq!(
            error_of_claim("same = '(a)(b)'"),
            "same: expected exactly one, as in 'id: (\\w+)', found 2 captures in `(a)(b)`"
        );
        assert_eq!(
            error_of_claim("never = { lines = 'x', contain = '[' }"),
            "contain: expected a regular expression, found `[`: unclosed character class"
        );
        assert_eq!(
            error_of_claim("never = { contain = 'x' }"),
            "never: missing key `lines`"
        );
    }

    #[test]
    fn a_claim_has_exactly_one_check() {
        let expected =
            "claim \"So\": expected one of count, value, same, distinct, every, never, ratio";
        assert_eq!(error_of_claim(""), format!("{expected}, found none"));
        assert_eq!(
            error_of_claim("same = '(x)'\ncount = { lines = 'x', is = 1 }"),
            format!("{expected}, found count and same")
        );
        assert_eq!(
            error_of_claim("count = { lines = 'x', is = 0 }"),
            "is: expected a whole number of 1 or more (for none: never), found 0"
        );
        assert_eq!(
            error_of_claim("on = 'moon'\nsame = '(x)'"),
            "on: unknown value `moon`; expected any, record, reference"
        );
    }

    #[test]
    fn what_becomes_of_the_reference_is_said_without_contradiction() {
        for (reference, error) in [
            (
                "becomes = 'left out'",
                "expected `says` with what is left out",
            ),
            (
                "becomes = 'does not hold', when = 'x'",
                "expected `when` only where it becomes \"holds\"",
            ),
        ] {
            assert_eq!(
                error_of_claim(&format!("same = '(x)'\nreference = {{ {reference} }}")),
                format!("claim \"So\": reference: {error}")
            );
        }
        let (_dir, book) = book_with(&one_run(
            "[[run.claim]]\nsays = 'So'\nsame = '(x)'\nreference = { becomes = 'does not hold' }",
        ));
        let book = book.expect("it is right");
        let claim = &book.listings[0].runs[0].claims[0];
        assert!(claim.is_refuted() && claim.is_of_reference());
        assert_eq!(claim.of_reference(), Some("So"));
        let about = claim.reference.as_ref().expect("it is there");
        assert_eq!(about.becomes, Becomes::DoesNotHold);
    }

    #[test]
    fn a_chart_is_of_runs_and_figures_that_there_are() {
        let chart = |lines: &str| {
            let head = one_run("") + "[[chart]]\nname = 'c'\ncaption = 'C'\n";
            error_of(&(head + lines))
        };
        assert_eq!(
            chart(""),
            "6: expected `runs`, names of this listing's runs"
        );
        assert_eq!(
            chart("runs = ['one']"),
            "6: expected at least one [[chart.figure]]"
        );
        let figure = "[[chart.figure]]\nfigure = 'gone'\nheading = 'x'";
        assert_eq!(
            chart(&format!("runs = ['onne']\n{figure}")),
            "6: no run onne; did you mean one? expected one"
        );
        assert!(
            chart(&format!("runs = ['one']\n{figure}")).starts_with("6: no figure gone of demo; "),
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        for (key, folder) in [("bin", "src/bin"), ("example", "examples")] {
            assert_eq!(
                error_of(&one_run(&format!("{key} = 'gone'"))),
                format!(
                    "1: {key}: expected the name of a file in {folder}/, without .rs, found `gone`"
                )
            );
        }
    }

    #[test]
    fn what_cannot_be_around_a_run_is_told() {
        for (lines, error) in [
            (
                "ends = { after = '9s' }",
                "1: ends: expected `after` to be less than the run's `timeout`",
            ),
            (
                "ends = { on_line = 'x' }\nstatus = 3",
                "1: status: a run with `ends` has no exit status to compare; expected one of the two",
            ),
            (
                "ends = { after = '1s', on_line = 'x' }",
                "6: ends: expected exactly one of `after` and `on_line`",
            ),
            (
                "stdin = { file = '../x' }",
                "1: stdin: expected the path of a file in the listing's folder, found `../x`",
            ),
            (
                "text = '/x'",
                "1: text: expected the path of a file in the listing's folder, found `/x`",
            ),
            (
                "env = { 'A=B' = 'x' }",
                "1: env: expected letters, digits and _ in a name, found `A=B`",
            ),
            (
                "cargo = 'run'\ncommand = ['x']",
                "1: expected at most one of `bin`, `example`, `cargo` and `command`, found cargo and command",
            ),
            (
                "options = ['--release']",
                "1: options: these are cargo's; expected a `cargo` key in the same run",
            ),
            (
                "package = 'gone'",
                "1: package: expected one of the listing's packages (demo), found `gone`",
            ),
        ] {
            assert_eq!(error_of(&one_run(lines)), error);
        }
    }

    #[test]
    fn a_ratio_needs_a_bound_that_can_hold() {
        let bound = |text: &str| {
            error_of_claim(&format!(
                "ratio = {{ figure = 'wall_s', to = 'wall_s'{text} }}"
            ))
        };
        let expected = "ratio: expected `is`, or `at_least`, `at_most` or both";
        assert_eq!(bound(""), expected);
        assert_eq!(bound(", is = 1, at_least = 1"), expected);
        assert_eq!(
            bound(", at_least = 3, at_most = 2"),
            "ratio: expected at_least below at_most, found 3 and 2"
        );
        assert_eq!(
            error_of_claim("ratio = { figure = 'demo/one wall_s', to = 'wall_s', is = 1 }"),
            "ratio: figure: expected a figure of this run, by its name alone"
        );
        assert_eq!(
            error_of_claim("ratio = { figure = 'wall_s', to = 'a b c', is = 1 }"),
            "to: expected FIGURE or LISTING/RUN FIGURE, found `a b c`"
        );
    }

    #[test]
    fn a_file_with_a_mistyped_name_is_told() {
        let (dir, _) = book_with(&one_run(""));
        let demo = dir.path().join("listings/demo");
        std::fs::rename(demo.join("runs.toml"), demo.join("run.toml")).expect("it was there");
        let error = Book::open(dir.path()).expect_err("it has another name");
        assert_eq!(
            error.to_string(),
            "listings/demo/run.toml: expected the name runs.toml"
        );
    }

    #[test]
    fn book_toml_is_read_as_strictly() {
        let (dir, _) = book_with(&one_run(""));
        let error = |text: &str| {
            std::fs::write(dir.path().join("book.toml"), text).expect("a file");
            format!("{:#}", Book::open(dir.path()).expect_err("it is wrong"))
        };
        assert_eq!(
            error("[book]\ntitle = 'X'\n[preprocessor.live]\nlisting = ['x']\n"),
            "book.toml:4: unknown key `listing`; did you mean listings?"
        );
        assert_eq!(
            error("[preprocessor.live.cells]\npattern = '(a)(b)'\nheads = ['a']\n"),
            "book.toml:1: expected a head for each capture of the pattern, found 1 for 2"
        );
        assert_eq!(
            error("[preprocessor.live]\nprocess = 'x'\n"),
            "book.toml:2: process: expected exactly one, as in 'id: (\\w+)', found 0 captures in `x`"
        );
    }
}
