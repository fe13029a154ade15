//! The one place that reads `runs.toml`.
//!
//! Read by hand and not by derive: each error is one line that names file, run
//! and claim, and says what is accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;
use toml::{Table, Value};

use crate::book::chart::{Chart, Charted, Shows};
use crate::book::claim::{Bound, By, Check, Claim, On, Statement};
use crate::book::figure::{BUILT_IN, FigureName, FigureSpec, Take};
use crate::book::listing::{Book, Listing, Program, Run, SKIPPED};
use crate::book::varies::Varies;

impl Book {
    /// Reads `book.toml` in `root` and every listing's `runs.toml`.
    ///
    /// The listings are the folders with a `runs.toml` that the globs
    /// `[preprocessor.live] listings` match; without that key, `listings/*`.
    pub fn open(root: &Path) -> Result<Book> {
        let mut listings: Vec<Listing> = Vec::new();
        for dir in listing_folders(root)? {
            let listing = read(root, &dir)?;
            if let Some(first) = listings.iter().find(|known| known.name == listing.name) {
                bail!(
                    "two listings are named {}: {} and {}; a listing's name is its folder's, and unique",
                    listing.name,
                    first.dir.display(),
                    dir.display()
                );
            }
            listings.push(listing);
        }
        let book = Book {
            root: root.to_path_buf(),
            listings,
        };
        book.check_figures()?;
        Ok(book)
    }

    /// Every figure and run that a run or a ratio names exists: known only when all
    /// listings are read.
    fn check_figures(&self) -> Result<()> {
        for run in self.runs() {
            run.listing
                .require_figure(&run.run.median)
                .with_context(|| {
                    let file = run.listing.dir.join("runs.toml");
                    format!(
                        "{}: run {}: median",
                        self.relative(&file).display(),
                        run.run.name
                    )
                })
                .map_err(one_line)?;
        }
        for (run, claim, name) in self.ratios() {
            let at = || {
                format!(
                    "{}: run {}: claim \"{}\": ratio",
                    self.relative(&run.listing.dir.join("runs.toml")).display(),
                    run.run.name,
                    claim.says
                )
            };
            let listing = match &name.run {
                Some(other) => self.run(other).with_context(at).map_err(one_line)?.listing,
                None => run.listing,
            };
            listing
                .require_figure(&name.figure)
                .with_context(at)
                .map_err(one_line)?;
        }
        Ok(())
    }
}

/// An error whose chain is in its first line, as the terminal shows it.
fn one_line(error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::msg(format!("{error:#}"))
}

/// Reads the `runs.toml` of a listing's folder.
pub(crate) fn read(root: &Path, dir: &Path) -> Result<Listing> {
    let path = dir.join("runs.toml");
    let shown = path
        .strip_prefix(root)
        .unwrap_or(&path)
        .display()
        .to_string();
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
    let table: Table = text
        .parse()
        .map_err(|error| syntax_error(&shown, &text, &error))?;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{shown}: the folder has no name that is UTF-8"))?
        .to_owned();

    let file = Section {
        table: &table,
        dir,
        at: shown,
    };
    file.accept(&["varies", "incidental", "sources", "figures", "run", "chart"])?;
    let varies = Varies {
        masked: file.patterns("varies")?,
        incidental: file.patterns("incidental")?,
    };
    let mut known = BTreeMap::new();
    if let Some(section) = file.section("figures", "figures")? {
        for figure in section.table.keys() {
            known.insert(figure.clone(), read_figure(&section, figure)?);
        }
    }
    let mut runs: Vec<Run> = Vec::new();
    for (nth, section) in file.sections("run")?.into_iter().enumerate() {
        let run = read_run(&file.at, nth + 1, section)?;
        if runs.iter().any(|known| known.name == run.name) {
            bail!(
                "{}: two runs are named {}; a run's name is unique in its listing",
                file.at,
                run.name
            );
        }
        runs.push(run);
    }
    if runs.is_empty() {
        bail!("{}: no [[run]]; a listing has at least one", file.at);
    }
    let mut charts = Vec::new();
    for (nth, section) in file.sections("chart")?.into_iter().enumerate() {
        charts.push(read_chart(&file.at, nth + 1, section, &runs, &known)?);
    }
    Ok(Listing {
        charts,
        name,
        dir: dir.to_path_buf(),
        varies,
        sources: file.texts("sources")?.unwrap_or_default(),
        figures: known,
        runs,
    })
}

fn read_chart(
    file: &str,
    nth: usize,
    mut section: Section<'_>,
    runs: &[Run],
    known: &BTreeMap<String, FigureSpec>,
) -> Result<Chart> {
    section.at = format!("{file}: chart {nth}");
    let name = section.required_text("name")?.to_owned();
    section.at = format!("{file}: chart {name}");
    section.accept(&[
        "name", "caption", "runs", "figure", "run", "x_unit", "y_unit", "series",
    ])?;
    let caption = section.required_text("caption")?.to_owned();
    if section.table.contains_key("run") {
        let shows = read_plot(&section, runs)?;
        return Ok(Chart {
            name,
            caption,
            shows,
        });
    }
    let of_runs = section.texts("runs")?.unwrap_or_default();
    if of_runs.is_empty() {
        return section.fail("runs: accepted are names of this listing's runs");
    }
    if let Some(gone) = of_runs
        .iter()
        .find(|name| !runs.iter().any(|run| run.name == **name))
    {
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        return section.fail(&format!(
            "runs: no run {gone}; there are: {}",
            names.join(", ")
        ));
    }
    let mut charted = Vec::new();
    for mut figure in section.sections("figure")? {
        let of = figure.required_text("of")?.to_owned();
        figure.at = format!("{}: figure {of}", section.at);
        figure.accept(&["of", "heading", "notes", "notes_heading"])?;
        let notes = figure.text("notes")?.map(str::to_owned);
        for name in [Some(&of), notes.as_ref()].into_iter().flatten() {
            if !known.contains_key(name) && !BUILT_IN.contains(&name.as_str()) {
                return figure.fail(&format!("no figure {name} in this file's [figures]"));
            }
        }
        let notes_heading = figure.text("notes_heading")?.map(str::to_owned);
        charted.push(Charted {
            heading: figure.required_text("heading")?.to_owned(),
            notes: notes.map(|notes| (notes, notes_heading)),
            of,
        });
    }
    if charted.is_empty() {
        return section.fail("no [[chart.figure]]; a chart has at least one");
    }
    Ok(Chart {
        name,
        caption,
        shows: Shows::Figures {
            runs: of_runs,
            figures: charted,
        },
    })
}

fn read_plot(section: &Section<'_>, runs: &[Run]) -> Result<Shows> {
    let run = section.required_text("run")?.to_owned();
    if !runs.iter().any(|known| known.name == run) {
        return section.fail(&format!("run: no run {run} in this file"));
    }
    let mut series = Vec::new();
    for line in section.sections("series")? {
        line.accept(&["name", "pattern"])?;
        let name = line.required_text("name")?.to_owned();
        series.push((name, line.pattern("pattern", Some(4))?));
    }
    if series.is_empty() {
        return section.fail("no [[chart.series]]; lines have at least one");
    }
    Ok(Shows::Plot {
        run,
        x_unit: section.required_text("x_unit")?.to_owned(),
        y_unit: section.required_text("y_unit")?.to_owned(),
        series,
    })
}

fn read_figure(figures: &Section<'_>, name: &str) -> Result<FigureSpec> {
    if BUILT_IN.contains(&name) {
        return figures.fail(&format!("{name} is built in; accepted is any other name"));
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return figures.fail(&format!(
            "`{name}`: accepted in a figure's name: letters, digits, _"
        ));
    }
    let section = figures
        .section(name, name)?
        .with_context(|| figures.at.clone())?;
    section.accept(&["pattern", "unit", "take"])?;
    Ok(FigureSpec {
        pattern: section.pattern("pattern", Some(1))?,
        take: section.choice("take", &[("last", Take::Last), ("first", Take::First)])?,
        unit: section.text("unit")?.unwrap_or_default().to_owned(),
    })
}

fn read_run(file: &str, nth: usize, mut section: Section<'_>) -> Result<Run> {
    section.at = format!("{file}: run {nth}");
    let name = section.required_text("name")?.to_owned();
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    {
        return section.fail(&format!(
            "name `{name}`: accepted: letters, digits, - and _"
        ));
    }
    section.at = format!("{file}: run {name}");
    section.accept(&[
        "name",
        "bin",
        "example",
        "caption",
        "args",
        "quick",
        "limit_s",
        "quick_limit_s",
        "median",
        "memory",
        "exit",
        "claim",
    ])?;
    let args = section.texts("args")?.with_context(|| {
        format!(
            "{}: args is missing; accepted is a list of texts",
            section.at
        )
    })?;
    let limit = section
        .seconds("limit_s")?
        .with_context(|| format!("{}: limit_s is missing; accepted are seconds", section.at))?;
    let exit = match section.table.get("exit") {
        None => 0,
        Some(Value::Integer(code)) if (0..=255).contains(code) && *code != i64::from(SKIPPED) => {
            // The guard keeps it within a byte.
            *code as i32
        }
        Some(other) => {
            return section.fail(&format!(
                "exit {other}: accepted: 0 to 255 but not {SKIPPED}, which means skipped"
            ));
        }
    };
    let program = match (section.text("bin")?, section.text("example")?) {
        (None, None) => Program::Main,
        (Some(bin), None) => Program::Bin(bin.to_owned()),
        (None, Some(example)) => Program::Example(example.to_owned()),
        (Some(_), Some(_)) => return section.fail("expected `bin` or `example`, not both"),
    };
    if let Some((option, name)) = program.option()
        && !section.dir.join(program.source()).is_file()
    {
        let folder = program.source();
        let folder = folder.parent().unwrap_or(Path::new("")).display();
        return section.fail(&format!(
            "{} `{name}`: expected the name of a file in {folder}/, without .rs",
            option.trim_start_matches('-')
        ));
    }
    let mut claims = Vec::new();
    let mut said = BTreeSet::new();
    for (nth, claim) in section.sections("claim")?.into_iter().enumerate() {
        let claim = read_claim(&section.at, nth + 1, claim)?;
        if !said.insert(claim.says.clone()) {
            return section.fail(&format!("two claims say \"{}\"", claim.says));
        }
        claims.push(claim);
    }
    Ok(Run {
        caption: section.required_text("caption")?.to_owned(),
        quick: section.texts("quick")?.unwrap_or_else(|| args.clone()),
        quick_limit: section.seconds("quick_limit_s")?.unwrap_or(limit),
        name,
        program,
        args,
        limit,
        median: section.text("median")?.unwrap_or("wall_s").to_owned(),
        memory: section.flag("memory", true)?,
        exit,
        claims,
    })
}

const CHECKS: [&str; 6] = ["count", "same", "distinct", "every", "never", "ratio"];

fn read_claim(run: &str, nth: usize, mut section: Section<'_>) -> Result<Claim> {
    section.at = format!("{run}: claim {nth}");
    let says = section.required_text("says")?.to_owned();
    section.at = format!("{run}: claim \"{says}\"");
    let mut accepted = vec![
        "says", "by", "verdict", "on", "refuted", "when", "notes", "left_out",
    ];
    accepted.extend(CHECKS);
    section.accept(&accepted)?;
    let by = section.choice("by", &[("book", By::Book), ("notes", By::Notes)])?;
    let on = section.choice(
        "on",
        &[
            ("any", On::Any),
            ("record", On::Record),
            ("notes", On::Notes),
        ],
    )?;

    let given: Vec<&str> = CHECKS
        .into_iter()
        .filter(|check| section.table.contains_key(*check))
        .collect();
    let check = match given[..] {
        ["same"] => Check::Same(section.pattern("same", Some(1))?),
        ["distinct"] => Check::Distinct(section.pattern("distinct", Some(1))?),
        [kind] => {
            let inner = section
                .section(kind, kind)?
                .with_context(|| section.at.clone())?;
            read_table_check(kind, &inner)?
        }
        _ => {
            let has = match given.is_empty() {
                true => "no check".to_owned(),
                false => format!("{} checks ({})", given.len(), given.join(", ")),
            };
            return section.fail(&format!(
                "{has}; accepted is exactly one of {}",
                CHECKS.join(", ")
            ));
        }
    };
    let refuted = section.flag("refuted", false)?;
    let when = section.text("when")?.map(str::to_owned);
    let left_out = section.flag("left_out", false)?;
    let statement = section.text("notes")?.map(|text| Statement {
        text: text.to_owned(),
        left_out,
    });
    if when.is_some() && (refuted || left_out) {
        return section.fail("when: accepted where the claim holds, without refuted and left_out");
    }
    if left_out && statement.is_none() {
        return section.fail("left_out: accepted beside notes, which says what they leave out");
    }
    if statement.is_some() && (by == By::Notes || refuted) {
        return section.fail("notes: accepted where the claim is the book's own, and holds");
    }
    Ok(Claim {
        says,
        by,
        verdict: section.text("verdict")?.map(str::to_owned),
        on,
        refuted,
        when,
        statement,
        check,
    })
}

fn read_table_check(kind: &str, section: &Section<'_>) -> Result<Check> {
    match kind {
        "count" => {
            section.accept(&["of", "is"])?;
            let is = match section.table.get("is") {
                Some(Value::Integer(is)) if *is >= 1 => usize::try_from(*is)?,
                _ => {
                    return section
                        .fail("is: accepted is a whole number of 1 or more (for none: never)");
                }
            };
            Ok(Check::Count {
                of: section.pattern("of", None)?,
                is,
            })
        }
        "every" => {
            section.accept(&["of", "contains"])?;
            Ok(Check::Every {
                of: section.pattern("of", None)?,
                contains: section.required_text("contains")?.to_owned(),
            })
        }
        "never" => {
            section.accept(&["of", "among"])?;
            Ok(Check::Never {
                of: section.pattern("of", None)?,
                among: section.pattern("among", None)?,
            })
        }
        _ => {
            section.accept(&["of", "to", "is", "at_least", "at_most"])?;
            let is = section.number("is")?;
            let (at_least, at_most) = (section.number("at_least")?, section.number("at_most")?);
            let bound = match (is, at_least, at_most) {
                (Some(is), None, None) => Bound::Is(is),
                (None, Some(low), Some(high)) if low > high => {
                    return section.fail(&format!("at_least {low} is above at_most {high}"));
                }
                (None, at_least, at_most) if at_least.or(at_most).is_some() => {
                    Bound::Between { at_least, at_most }
                }
                _ => return section.fail("accepted is `is`, or `at_least`, `at_most` or both"),
            };
            let of = section.figure_name("of")?;
            if of.run.is_some() {
                return section.fail("of: accepted is a figure of this run, by its name alone");
            }
            Ok(Check::Ratio {
                of,
                to: section.figure_name("to")?,
                bound,
            })
        }
    }
}

/// A table of the file, with where it stands.
struct Section<'a> {
    table: &'a Table,
    /// The listing's folder.
    dir: &'a Path,
    at: String,
}

impl<'a> Section<'a> {
    fn fail<T>(&self, what: &str) -> Result<T> {
        Err(anyhow!("{}: {what}", self.at))
    }

    fn accept(&self, keys: &[&str]) -> Result<()> {
        match self.table.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => self.fail(&format!(
                "unknown key `{key}`; accepted: {}",
                keys.join(", ")
            )),
        }
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.fail(&format!("{key}: accepted is a text")),
        }
    }

    fn required_text(&self, key: &str) -> Result<&'a str> {
        match self.text(key)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => self.fail(&format!("{key} is empty; accepted is a text")),
            None => self.fail(&format!("{key} is missing; accepted is a text")),
        }
    }

    fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(value) => match texts_of(value) {
                Some(texts) => Ok(Some(texts)),
                None => self.fail(&format!("{key}: accepted is a list of texts")),
            },
        }
    }

    /// A list of regular expressions; without the key an empty one.
    fn patterns(&self, key: &str) -> Result<Vec<Regex>> {
        let patterns = self.texts(key)?.unwrap_or_default();
        let patterns = patterns.iter();
        patterns
            .map(|pattern| self.pattern_of(key, pattern, None))
            .collect()
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.table.get(key) {
            None => Ok(default),
            Some(Value::Boolean(value)) => Ok(*value),
            Some(_) => self.fail(&format!("{key}: accepted is true or false")),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.table.get(key) {
            None => Ok(None),
            // Bounds and seconds are far below 2⁵³, where f64 is exact.
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(_) => self.fail(&format!("{key}: accepted is a number")),
        }
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>> {
        match self.number(key)? {
            None => Ok(None),
            Some(seconds) => match Duration::try_from_secs_f64(seconds) {
                Ok(time) if !time.is_zero() => Ok(Some(time)),
                _ => self.fail(&format!("{key}: accepted are seconds above 0")),
            },
        }
    }

    /// The first choice is the default.
    fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let Some(text) = self.text(key)? else {
            return Ok(choices[0].1);
        };
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                self.fail(&format!("{key} `{text}`: accepted: {}", names.join(", ")))
            }
        }
    }

    fn pattern(&self, key: &str, captures: Option<usize>) -> Result<Regex> {
        self.pattern_of(key, self.required_text(key)?, captures)
    }

    fn pattern_of(&self, key: &str, pattern: &str, captures: Option<usize>) -> Result<Regex> {
        let regex = match Regex::new(pattern) {
            Ok(regex) => regex,
            Err(error) => {
                // The library draws the place in further lines above its last one.
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default().trim();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                return self.fail(&format!(
                    "{key}: `{pattern}` is no regular expression: {why}"
                ));
            }
        };
        let has = regex.captures_len() - 1;
        match captures {
            Some(wanted) if wanted != has => self.fail(&format!(
                "{key}: `{pattern}` has {has} captures; accepted is exactly {}",
                match wanted {
                    1 => r"one, as in 'id: (\w+)'".to_owned(),
                    more => more.to_string(),
                }
            )),
            _ => Ok(regex),
        }
    }

    fn figure_name(&self, key: &str) -> Result<FigureName> {
        let text = self.required_text(key)?;
        match text.parse() {
            Ok(name) => Ok(name),
            Err(error) => self.fail(&format!("{key}: {error:#}")),
        }
    }

    fn section(&self, key: &str, named: &str) -> Result<Option<Section<'a>>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Section {
                table,
                dir: self.dir,
                at: format!("{}: {named}", self.at),
            })),
            Some(_) => self.fail(&format!("{key}: accepted is a table, as {{ … = … }}")),
        }
    }

    fn sections(&self, key: &str) -> Result<Vec<Section<'a>>> {
        let wrong = || format!("{}: {key}: accepted are tables headed [[{key}]]", self.at);
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let list = value.as_array().with_context(wrong)?;
        list.iter()
            .map(|value| {
                let table = value.as_table().with_context(wrong)?;
                Ok(Section {
                    table,
                    dir: self.dir,
                    at: self.at.clone(),
                })
            })
            .collect()
    }
}

/// The folders with a `runs.toml` that `book.toml`'s globs match.
pub(super) fn listing_folders(root: &Path) -> Result<Vec<PathBuf>> {
    let file = root.join("book.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let config: toml::Table = text
        .parse()
        .map_err(|error| syntax_error("book.toml", &text, &error))?;
    let globs = match config
        .get("preprocessor")
        .and_then(|table| table.get("live"))
        .and_then(|table| table.get("listings"))
    {
        None => vec!["listings/*".to_owned()],
        Some(value) => texts_of(value).with_context(|| {
            "book.toml: [preprocessor.live] listings: accepted is a list of globs, as [\"listings/*\"]"
        })?,
    };

    let mut folders: Vec<PathBuf> = Vec::new();
    for glob in globs {
        let at = || format!("book.toml: [preprocessor.live] listings: `{glob}`");
        // The root's own path is no pattern, whatever characters it has.
        let pattern = Path::new(&glob::Pattern::escape(&root.to_string_lossy())).join(&glob);
        let matches = glob::glob(&pattern.to_string_lossy()).with_context(at)?;
        let before = folders.len();
        let mut matched = Vec::new();
        for entry in matches {
            let dir = entry.with_context(at)?;
            if dir.join("runs.toml").is_file() {
                matched.push(dir);
            }
        }
        matched.sort();
        let any = !matched.is_empty();
        for dir in matched {
            if !folders.contains(&dir) {
                folders.push(dir);
            }
        }
        if !any && folders.len() == before {
            bail!("{} matches no folder that has a runs.toml", at());
        }
    }
    Ok(folders)
}

/// A list of texts.
pub(crate) fn texts_of(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// A TOML error in one line, with its place.
pub(crate) fn syntax_error(file: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map_or(1, |span| {
        let before = text.get(..span.start).unwrap_or(text);
        before.matches('\n').count() + 1
    });
    let why = error.message().split('\n').collect::<Vec<_>>().join("; ");
    anyhow!("{file}:{line}: {why}")
}

#[cfg(test)]
mod tests {
    use crate::book::listing::tests::{book_with, one_run};

    /// The error, without the file's name before it.
    fn error_of(runs_toml: &str) -> String {
        let (_dir, book) = book_with(runs_toml);
        let message = format!("{:#}", book.expect_err("this runs.toml is wrong"));
        assert!(!message.contains('\n'), "one line: {message}");
        let rest = message.strip_prefix("listings/demo/runs.toml:");
        rest.expect("the file is named").trim().to_owned()
    }

    fn error_of_claim(lines: &str) -> String {
        let error = error_of(&one_run(&format!("[[run.claim]]\nsays = 'So'\n{lines}\n")));
        let rest = error.strip_prefix("run one: claim \"So\": ");
        rest.expect("run and claim are named").to_owned()
    }

    #[test]
    fn bad_syntax_is_told_with_its_line() {
        assert_eq!(
            error_of("varies = []\nfigures = [\n"),
            "2: unclosed array, expected `]`"
        );
        assert!(error_of("[[run]]\nname = 1 2\n").starts_with("2: "));
    }

    #[test]
    fn unknown_keys_are_answered_with_the_known_ones() {
        assert_eq!(
            error_of("vary = []"),
            "unknown key `vary`; accepted: varies, incidental, sources, figures, run, chart"
        );
        assert_eq!(
            error_of(&one_run("limits = 3")),
            "run one: unknown key `limits`; accepted: name, bin, example, caption, args, quick, limit_s, quick_limit_s, median, memory, exit, claim"
        );
        assert_eq!(
            error_of_claim("counts = 3"),
            "unknown key `counts`; accepted: says, by, verdict, on, refuted, when, notes, left_out, count, same, distinct, every, never, ratio"
        );
        assert_eq!(
            error_of_claim("count = { of = 'x', are = 3 }"),
            "count: unknown key `are`; accepted: of, is"
        );
        assert_eq!(
            error_of("figures.t = { pattern = '(x)', units = 's' }"),
            "figures: t: unknown key `units`; accepted: pattern, unit, take"
        );
    }

    #[test]
    fn what_a_run_needs_is_asked_for() {
        assert_eq!(
            error_of("[[run]]\ncaption = 'x'"),
            "run 1: name is missing; accepted is a text"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a/b'"),
            "run 1: name `a/b`: accepted: letters, digits, - and _"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a'\ncaption = 'x'\nlimit_s = 1"),
            "run a: args is missing; accepted is a list of texts"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a'\ncaption = 'x'\nargs = [1]"),
            "run a: args: accepted is a list of texts"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a'\ncaption = 'x'\nargs = []"),
            "run a: limit_s is missing; accepted are seconds"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a'\nargs = []\nlimit_s = 0"),
            "run a: limit_s: accepted are seconds above 0"
        );
        assert_eq!(
            error_of("[[run]]\nname = 'a'\nargs = []\nlimit_s = 1"),
            "run a: caption is missing; accepted is a text"
        );
        assert_eq!(
            error_of(&one_run("exit = 77")),
            "run one: exit 77: accepted: 0 to 255 but not 77, which means skipped"
        );
        assert_eq!(
            error_of("varies = []"),
            "no [[run]]; a listing has at least one"
        );
        assert_eq!(
            error_of("run = 3"),
            "run: accepted are tables headed [[run]]"
        );
    }

    #[test]
    fn names_are_unique() {
        let twice = one_run("") + &one_run("");
        assert_eq!(
            error_of(&twice),
            "two runs are named one; a run's name is unique in its listing"
        );
        assert_eq!(
            error_of("figures.wall_s = { pattern = '(x)' }"),
            "figures: wall_s is built in; accepted is any other name"
        );
        let claim = "[[run.claim]]\nsays = 'So'\nsame = '(x)'\n";
        assert_eq!(
            error_of(&one_run(&claim.repeat(2))),
            "run one: two claims say \"So\""
        );
    }

    #[test]
    fn patterns_are_checked_with_their_captures() {
        assert_eq!(
            error_of("varies = ['(']"),
            "varies: `(` is no regular expression: unclosed group"
        );
        assert_eq!(
            error_of("figures.t = { pattern = 't=.+' }"),
            "figures: t: pattern: `t=.+` has 0 captures; accepted is exactly one, as in 'id: (\\w+)'"
        );
        assert_eq!(
            error_of_claim("same = '(a)(b)'"),
            "same: `(a)(b)` has 2 captures; accepted is exactly one, as in 'id: (\\w+)'"
        );
        assert_eq!(
            error_of_claim("distinct = 'a'"),
            "distinct: `a` has 0 captures; accepted is exactly one, as in 'id: (\\w+)'"
        );
        assert_eq!(
            error_of_claim("never = { of = '[', among = 'x' }"),
            "never: of: `[` is no regular expression: unclosed character class"
        );
        assert_eq!(
            error_of_claim("never = { of = 'x' }"),
            "never: among is missing; accepted is a text"
        );
    }

    #[test]
    fn a_claim_has_exactly_one_check() {
        let accepted = "accepted is exactly one of count, same, distinct, every, never, ratio";
        assert_eq!(error_of_claim(""), format!("no check; {accepted}"));
        assert_eq!(
            error_of_claim("same = '(x)'\ncount = { of = 'x', is = 1 }"),
            format!("2 checks (count, same); {accepted}")
        );
        assert_eq!(
            error_of_claim("count = 3"),
            "count: accepted is a table, as { … = … }"
        );
        assert_eq!(
            error_of_claim("count = { of = 'x', is = 0 }"),
            "count: is: accepted is a whole number of 1 or more (for none: never)"
        );
        assert_eq!(
            error_of_claim("by = 'me'\nsame = '(x)'"),
            "by `me`: accepted: book, notes"
        );
        assert_eq!(
            error_of_claim("on = 'moon'\nsame = '(x)'"),
            "on `moon`: accepted: any, record, notes"
        );
    }

    #[test]
    fn what_becomes_of_the_notes_is_said_without_contradiction() {
        let accepted = "accepted where the claim is the book's own, and holds";
        for (keys, error) in [
            (
                "left_out = true",
                "left_out: accepted beside notes, which says what they leave out".to_owned(),
            ),
            ("notes = 'x'\nby = 'notes'", format!("notes: {accepted}")),
            ("notes = 'x'\nrefuted = true", format!("notes: {accepted}")),
            (
                "when = 'x'\nrefuted = true",
                "when: accepted where the claim holds, without refuted and left_out".to_owned(),
            ),
        ] {
            assert_eq!(error_of_claim(&format!("{keys}\nsame = '(x)'")), error);
        }
    }

    #[test]
    fn a_chart_is_of_runs_and_figures_that_there_are() {
        let chart = |lines: &str| {
            let head = one_run("") + "[[chart]]\nname = 'c'\ncaption = 'C'\n";
            error_of(&(head + lines))
        };
        assert_eq!(
            chart(""),
            "chart c: runs: accepted are names of this listing's runs"
        );
        assert_eq!(
            chart("runs = ['two']"),
            "chart c: runs: no run two; there are: one"
        );
        assert_eq!(
            chart("runs = ['one']"),
            "chart c: no [[chart.figure]]; a chart has at least one"
        );
        assert_eq!(
            chart("runs = ['one']\n[[chart.figure]]\nof = 'gone'\nheading = 'x'"),
            "chart c: figure gone: no figure gone in this file's [figures]"
        );
    }

    #[test]
    fn an_example_that_is_not_there_is_told() {
        assert_eq!(
            error_of(&one_run("example = 'gone'")),
            "run one: example `gone`: expected the name of a file in examples/, without .rs"
        );
    }

    #[test]
    fn a_ratio_needs_a_bound_that_can_hold() {
        let bound = |text: &str| {
            error_of_claim(&format!("ratio = {{ of = 'wall_s', to = 'wall_s'{text} }}"))
        };
        let accepted = "ratio: accepted is `is`, or `at_least`, `at_most` or both";
        assert_eq!(bound(""), accepted);
        assert_eq!(bound(", is = 1, at_least = 1"), accepted);
        assert_eq!(
            bound(", at_least = 3, at_most = 2"),
            "ratio: at_least 3 is above at_most 2"
        );
        assert_eq!(
            bound(", at_least = 'x'"),
            "ratio: at_least: accepted is a number"
        );
        assert_eq!(
            error_of_claim("ratio = { of = 'demo/one wall_s', to = 'wall_s', is = 1 }"),
            "ratio: of: accepted is a figure of this run, by its name alone"
        );
        assert_eq!(
            error_of_claim("ratio = { of = 'wall_s', to = 'a b c', is = 1 }"),
            "ratio: to: `a b c`: accepted is FIGURE or LISTING/RUN FIGURE"
        );
    }
}
