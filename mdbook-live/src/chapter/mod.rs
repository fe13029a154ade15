//! mdBook's view of this crate: a preprocessor that expands the directives of every chapter.
//!
//! `book.toml` names it so, before mdBook's own `links`, which would take the backslash off
//! an escaped directive and move the lines that errors name:
//!
//! ```toml
//! [preprocessor.live]
//! command = "mdbook-live preprocess"
//! before = ["links"]
//! listings = ["listings/*"]
//! ```

pub mod directives;
pub mod excerpt;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use mdbook_preprocessor::book::{Book as Chapters, BookItem, Chapter};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use similar::{ChangeTag, TextDiff};

use crate::book::chart::{Chart, Shows};
use crate::book::claim::Claim;
use crate::book::listing::{Book, Program, RunRef, Size};
use crate::chapter::directives::{Directive, Place, RunFigure};
use crate::judge::checks::Judgement;
use crate::judge::evidence;
use crate::judge::figures::{self, Figure};
use crate::judge::freshness as sources;
use crate::judge::statements::{self, Row};
use crate::page::{
    self, Changes, ChartFigure, ChartRow, ChartView, ClaimView, ListingView, LiveView, PlotView,
    Point, RecordView, RunView, Series, VerdictsView,
};
use crate::record::cast::{HostCard, Record};
use crate::record::result::RunResult;
use crate::record::timeline::Timeline;

/// The name under which `book.toml` knows the preprocessor: `[preprocessor.live]`.
pub const NAME: &str = "live";

/// The preprocessor, for mdBook's libraries.
#[derive(Debug, Clone, Default)]
pub struct LivePreprocessor {
    /// The runs that were made for this build, by name: they fill the Live columns.
    pub made: Arc<LiveRuns>,
}

/// Live runs at their quick size.
#[derive(Debug, Default)]
pub struct LiveRuns {
    /// The machine; `None` where none was made.
    pub host: Option<HostCard>,
    /// Each with where its claims stand, by their places.
    pub runs: HashMap<String, (RunResult, HashMap<usize, Judgement>)>,
}

impl Preprocessor for LivePreprocessor {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut chapters: Chapters) -> Result<Chapters> {
        refuse_wrong_order(context)?;
        let book = Book::open(&context.root)?;
        let mut expander = Expander {
            book: &book,
            chapters: &context.config.book.src,
            others_may_follow: others_are_configured(context)?,
            made: &self.made,
            surveyed: Rc::default(),
            records: HashMap::new(),
            sources: HashMap::new(),
            listings_shown: BTreeMap::new(),
            problems: Vec::new(),
        };
        let mut surveyed = Vec::new();
        expander.survey(&chapters.items, &mut surveyed);
        expander.surveyed = Rc::new(surveyed);
        expander.expand_items(&mut chapters.items);
        if expander.problems.is_empty() {
            Ok(chapters)
        } else {
            Err(anyhow!(expander.problems.join("\n")))
        }
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(supports(renderer))
    }
}

/// Whether the expanded chapters suit a renderer: what they contain is HTML.
pub fn supports(renderer: &str) -> bool {
    renderer == "html"
}

/// Speaks mdBook's preprocessor protocol: `[context, book]` as JSON in, the book as JSON out.
pub fn preprocess(input: impl Read, mut output: impl Write) -> Result<()> {
    let (context, chapters) = mdbook_preprocessor::parse_input(input)
        .context("reading [context, book] from mdBook on standard input")?;
    let chapters = LivePreprocessor::default().run(&context, chapters)?;
    serde_json::to_writer(&mut output, &chapters).context("writing the book to mdBook")?;
    output.flush().context("writing the book to mdBook")
}

fn refuse_wrong_order(context: &PreprocessorContext) -> Result<()> {
    let before: Vec<String> = context
        .config
        .get(&format!("preprocessor.{NAME}.before"))?
        .unwrap_or_default();
    if context.config.build.use_default_preprocessors && !before.iter().any(|name| name == "links")
    {
        bail!("book.toml: [preprocessor.{NAME}] needs `before = [\"links\"]`");
    }
    Ok(())
}

/// Whether directives that are not ours may be some other preprocessor's.
fn others_are_configured(context: &PreprocessorContext) -> Result<bool> {
    let table = context.config.preprocessors::<serde_json::Value>()?;
    Ok(table
        .keys()
        .any(|name| !matches!(name.as_str(), NAME | "links" | "index")))
}

struct Expander<'a> {
    book: &'a Book,
    /// The chapters' folder, from the book's root.
    chapters: &'a Path,
    others_may_follow: bool,
    made: &'a LiveRuns,
    /// Each chapter with the runs that it shows.
    surveyed: Rc<Vec<Surveyed>>,
    /// Each record is read once.
    records: HashMap<String, Option<Rc<Record>>>,
    /// The hash of each listing's sources, by its name and program: taken once for all its runs.
    sources: HashMap<(&'a str, &'a Program), String>,
    /// How many listings each numbered chapter has shown; `None` is all that have no number.
    listings_shown: BTreeMap<Option<u32>, usize>,
    problems: Vec<String>,
}

/// A chapter, and the runs that it shows.
struct Surveyed {
    title: String,
    /// Its page, from the book's root.
    page: PathBuf,
    /// Their full names, in reading order.
    runs: Vec<String>,
}

impl<'a> Expander<'a> {
    /// Notes where each run is shown, before any chapter is expanded: a table of verdicts
    /// links to chapters that come later.
    fn survey(&self, items: &[BookItem], surveyed: &mut Vec<Surveyed>) {
        for item in items {
            let BookItem::Chapter(chapter) = item else {
                continue;
            };
            if let Some(path) = &chapter.path {
                let mut runs = Vec::new();
                for place in directives::find(&chapter.content, self.others_may_follow) {
                    if let Ok(Directive::Run(run)) = place.directive
                        && !runs.contains(&run)
                    {
                        runs.push(run);
                    }
                }
                surveyed.push(Surveyed {
                    title: chapter.name.clone(),
                    page: path.with_extension("html"),
                    runs,
                });
            }
            self.survey(&chapter.sub_items, surveyed);
        }
    }

    /// The table of verdicts on the page `here`: of the runs that it shows, or of all.
    fn expand_verdicts(&mut self, here: &Path, all: bool) -> Result<String> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        let mut parts: Vec<(String, String, Vec<Row>)> = Vec::new();
        let mut shown = BTreeSet::new();
        for chapter in Rc::clone(&self.surveyed).iter() {
            let page = chapter.page.display();
            let link = match chapter.page == here {
                true => String::new(),
                false => format!("{up}{page}"),
            };
            let mut rows = Vec::new();
            for name in &chapter.runs {
                if (!all && chapter.page != here) || !shown.insert(name.clone()) {
                    continue;
                }
                let Ok(run) = self.book.run(name) else {
                    // RunEvent where the run itself is expanded.
                    continue;
                };
                let href = format!(
                    "{link}#{}",
                    unique(&mut BTreeSet::new(), &format!("run-{name}"))
                );
                for (claim, standing) in self.standings(run)? {
                    statements::add(&mut rows, claim, &standing, name, &href);
                }
            }
            if !rows.is_empty() {
                parts.push((chapter.title.clone(), link, rows));
            }
        }
        if all {
            let placed = |run: &RunRef<'_>| shown.contains(&run.full_name());
            let speaks = |run: &RunRef<'_>| {
                let claims = &run.run.claims;
                claims.iter().any(|claim| claim.of_the_notes().is_some())
            };
            if let Some(run) = self.book.runs().find(|run| speaks(run) && !placed(run)) {
                bail!(
                    "{}: run {}: it decides a statement of the notes, and no chapter shows it",
                    self.shown(&run.listing.dir.join("runs.toml")),
                    run.run.name
                );
            }
        }
        if parts.is_empty() {
            bail!("no run of this chapter decides a statement of the notes");
        }
        let views: Vec<VerdictsView<'_>> = parts
            .iter()
            .map(|(title, link, rows)| VerdictsView {
                chapter: all.then_some((title.as_str(), link.as_str())),
                rows,
            })
            .collect();
        Ok(page::verdicts(&views))
    }

    /// Where the claims of a run stand on its record.
    fn standings(&mut self, run: RunRef<'a>) -> Result<Vec<(&'a Claim, Judgement)>> {
        Ok(match self.record(run)? {
            Some(record) => evidence::judge_record(self.book, run, &record),
            None => {
                let open = || Judgement::Undecided("There is no record yet.".to_owned());
                run.run.claims.iter().map(|claim| (claim, open())).collect()
            }
        })
    }

    /// In reading order, so that listings are numbered as they are read.
    fn expand_items(&mut self, items: &mut [BookItem]) {
        for item in items {
            if let BookItem::Chapter(chapter) = item {
                self.expand_chapter(chapter);
                self.expand_items(&mut chapter.sub_items);
            }
        }
    }

    fn expand_chapter(&mut self, chapter: &mut Chapter) {
        let places = directives::find(&chapter.content, self.others_may_follow);
        if places.is_empty() {
            return;
        }
        let file = chapter
            .source_path
            .as_deref()
            .or(chapter.path.as_deref())
            .map_or_else(
                || chapter.name.clone(),
                |path| self.chapters.join(path).display().to_string(),
            );
        let number = chapter.number.as_ref().and_then(|n| n.first().copied());
        let mut ids = BTreeSet::new();
        let mut expanded = format!("{}\n\n", page::style());
        let mut from = 0;
        for place in places {
            expanded.push_str(&chapter.content[from..place.range.start]);
            from = place.range.end;
            let page = chapter
                .path
                .as_deref()
                .map(|path| path.with_extension("html"));
            let page = page.unwrap_or_default();
            match self.expand_place(&place, &page, number, &mut ids) {
                Ok(text) if place.directive.as_ref().is_ok_and(Directive::is_block) => {
                    push_block(&mut expanded, &text);
                }
                Ok(text) => expanded.push_str(&text),
                Err(error) => self
                    .problems
                    .push(format!("{file}:{}: {error:#}", place.line)),
            }
        }
        expanded.push_str(&chapter.content[from..]);
        chapter.content = expanded;
    }

    fn expand_place(
        &mut self,
        place: &Place,
        page: &Path,
        chapter: Option<u32>,
        ids: &mut BTreeSet<String>,
    ) -> Result<String> {
        match &place.directive {
            Err(problem) => Err(anyhow!(problem.clone())),
            Ok(Directive::Listing {
                listing,
                file,
                anchor,
                since,
                caption,
            }) => {
                let (shown_path, code) = self.excerpt(listing, file, anchor.as_deref())?;
                let since = match since {
                    None => None,
                    Some((earlier, anchor)) => {
                        let (_, before) = self.excerpt(listing, earlier, anchor.as_deref())?;
                        let name = earlier.rsplit('/').next().unwrap_or(earlier);
                        Some((name.to_owned(), changed(&before, &code)))
                    }
                };
                let count = self.listings_shown.entry(chapter).or_default();
                *count += 1;
                let number = match chapter {
                    Some(chapter) => format!("{chapter}-{count}"),
                    None => count.to_string(),
                };
                let mut id = format!("listing-{listing}/{file}");
                if let Some(anchor) = anchor {
                    id.push('-');
                    id.push_str(anchor);
                }
                Ok(page::listing(&ListingView {
                    number: &number,
                    id: &unique(ids, &id),
                    path: &shown_path,
                    caption,
                    code: &code,
                    since: since
                        .as_ref()
                        .map(|(name, changes)| (name.as_str(), changes)),
                }))
            }
            Ok(Directive::Run(name)) => {
                let run = self.book.run(name)?;
                let id = unique(ids, &format!("run-{name}"));
                self.expand_run(run, &id)
            }
            Ok(Directive::Figure(name)) => Ok(match self.figure(name)? {
                Some((figure, source)) => page::figure(&format!("{name}, {source}"), &figure),
                None => page::figure_not_recorded(&name.to_string()),
            }),
            Ok(Directive::Quotient(of, to)) => self.expand_quotient(of, to),
            Ok(Directive::Chart { name, bars }) => {
                let id = unique(ids, &format!("chart-{name}"));
                self.expand_chart(name, *bars, &id)
            }
            Ok(Directive::Diagram(name)) => {
                let folder = self.book.root.join(self.chapters).join("diagrams");
                let path = folder.join(format!("{name}.pikchr"));
                let shown = self.shown(&path);
                let source =
                    fs::read_to_string(&path).with_context(|| format!("reading {shown}"))?;
                let drawn = page::diagram::draw(&source).with_context(|| shown)?;
                let id = unique(ids, &format!("diagram-{name}"));
                Ok(page::diagram_figure(&drawn, &id))
            }
            Ok(Directive::Timeline(name)) => {
                let run = self.book.run(name)?;
                let drawn = self.record(run)?.and_then(|record| {
                    let seconds = record.header.duration;
                    let timeline = Timeline::of(&record.marks, &record.memory, seconds)?;
                    Some(page::timeline(&timeline, name, &record.header.date()))
                });
                Ok(drawn.unwrap_or_else(|| page::timeline_not_recorded(name)))
            }
            Ok(Directive::Verdicts { all }) => self.expand_verdicts(page, *all),
        }
    }

    fn expand_run(&mut self, run: RunRef<'a>, id: &str) -> Result<String> {
        let name = run.full_name();
        let notes_path = run.notes_path();
        let notes = match fs::read_to_string(&notes_path) {
            Ok(notes) => Some(notes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).context(format!("reading {}", self.shown(&notes_path)));
            }
        };
        let record = self.record(run)?;
        let made = self.made.runs.get(&name);
        let claims = self
            .standings(run)?
            .into_iter()
            .enumerate()
            .map(|(index, (claim, standing))| ClaimView {
                claim,
                standing,
                live: made.and_then(|(_, standings)| standings.get(&index).cloned()),
            })
            .collect();
        let view = match &record {
            Some(record) => Some(RecordView {
                record,
                stale: self.staleness(run, record)?,
            }),
            None => None,
        };
        Ok(page::run(&RunView {
            id,
            name: &name,
            caption: &run.run.caption,
            folder: &self.shown(&run.listing.dir),
            command: &run.command(Size::Recorded),
            notes: notes.as_deref(),
            record: view,
            live: made
                .zip(self.made.host.as_ref())
                .map(|((outcome, _), host)| LiveView {
                    outcome,
                    host,
                    exit: run.run.exit,
                    recorded: record.as_ref().map(|record| record.lines()),
                }),
            varies: &run.listing.varies,
            claims,
        }))
    }

    fn expand_chart(&mut self, name: &str, bars: bool, id: &str) -> Result<String> {
        let (listing, chart) = self.book.chart(name)?;
        let (runs, charted_figures) = match &chart.shows {
            Shows::Figures { runs, figures } => (runs, figures),
            Shows::Plot { run, .. } => {
                let run = self.book.run(&format!("{}/{run}", listing.name))?;
                return self.expand_plot(chart, run, bars, id);
            }
        };
        let mut figures = Vec::new();
        for charted in charted_figures {
            let mut rows = Vec::new();
            for run in runs {
                let full_name = format!("{}/{run}", listing.name);
                let of_run = self.book.run(&full_name)?;
                let notes = match &charted.notes {
                    Some((figure, _)) if of_run.notes_path().is_file() => {
                        Some(figures::of_notes(of_run, figure)?)
                    }
                    _ => None,
                };
                let recorded = match self.record(of_run)? {
                    Some(record) => Some(figures::of_record(of_run, &record, &charted.of)?),
                    None => None,
                };
                rows.push(ChartRow {
                    run: run.clone(),
                    notes,
                    recorded,
                });
            }
            let notes = charted.notes.as_ref();
            figures.push(ChartFigure {
                heading: charted.heading.clone(),
                notes_heading: notes.and_then(|(_, heading)| heading.clone()),
                rows,
            });
        }
        Ok(page::chart(&ChartView {
            id,
            caption: &chart.caption,
            figures,
            bars,
        }))
    }

    fn expand_plot(
        &mut self,
        chart: &Chart,
        run: RunRef<'a>,
        drawn: bool,
        id: &str,
    ) -> Result<String> {
        let Shows::Plot {
            x_unit,
            y_unit,
            series,
            ..
        } = &chart.shows
        else {
            bail!("{} shows no lines", chart.name);
        };
        let Some(record) = self.record(run)? else {
            return Ok(page::figure_not_recorded(&run.full_name()));
        };
        let recorded = record.lines();
        let mut lines = Vec::new();
        for (name, pattern) in series {
            let mut points = Vec::new();
            for line in &recorded {
                let Some(found) = pattern.captures(&line.text) else {
                    continue;
                };
                let number = |at: usize| -> Result<f64> {
                    let text = found.get(at).map_or("", |part| part.as_str());
                    text.replace('_', "")
                        .parse()
                        .with_context(|| format!("{name}: `{text}` is no number"))
                };
                points.push(Point {
                    x: number(1)?,
                    y: number(2)?,
                    spread: (number(3)?, number(4)?),
                });
            }
            if points.is_empty() {
                bail!("series {name}: `{}` matches no line", pattern.as_str());
            }
            lines.push(Series {
                name: name.clone(),
                points,
            });
        }
        Ok(page::plot(&PlotView {
            id,
            caption: &chart.caption,
            x_unit,
            y_unit,
            series: lines,
            drawn,
        }))
    }

    fn expand_quotient(&mut self, of: &RunFigure, to: &RunFigure) -> Result<String> {
        let title = format!("{of} / {to}");
        // Both are looked up before either may be missing: an unknown name is an error always.
        let (Some((dividend, source)), Some((divisor, _))) = (self.figure(of)?, self.figure(to)?)
        else {
            return Ok(page::figure_not_recorded(&title));
        };
        if dividend.unit != divisor.unit {
            bail!("{title}: the units differ, {dividend} and {divisor}");
        }
        if divisor.value == 0.0 {
            bail!("{title}: the divisor is {divisor}");
        }
        let title = format!("{title} = {dividend} / {divisor}, {source}");
        Ok(page::quotient(&title, dividend.value / divisor.value))
    }

    /// A figure and where it is from; `None` where there is no record yet.
    fn figure(&mut self, name: &RunFigure) -> Result<Option<(Figure, String)>> {
        let run = self.book.run(&name.run)?;
        if name.in_notes {
            let figure = figures::of_notes(run, &name.figure)?;
            return Ok(Some((figure, "as the notes recorded it".to_owned())));
        }
        // Before the record: a name that does not exist is an error with a record and without.
        run.listing.require_figure(&name.figure)?;
        let Some(record) = self.record(run)? else {
            return Ok(None);
        };
        let figure = figures::of_record(run, &record, &name.figure)?;
        Ok(Some((figure, format!("recorded {}", record.header.date()))))
    }

    /// What has changed since the record, with each listing's sources hashed only once
    /// as long as nothing has.
    fn staleness(&mut self, run: RunRef<'a>, record: &Record) -> Result<Option<String>> {
        let key = (&*run.listing.name, &run.run.program);
        let sources = match self.sources.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(
                sources::of_run(run)
                    .with_context(|| format!("hashing the sources of {}", run.listing.name))?,
            ),
        };
        let recorded = &record.header.live;
        if recorded.sources == *sources && recorded.args == run.run.args {
            return Ok(None);
        }
        record.staleness(run)
    }

    fn record(&mut self, run: RunRef<'a>) -> Result<Option<Rc<Record>>> {
        let name = run.full_name();
        if let Some(record) = self.records.get(&name) {
            return Ok(record.clone());
        }
        let record = Record::load(run)?.map(Rc::new);
        self.records.insert(name, record.clone());
        Ok(record)
    }

    /// A file of a listing as a reader knows it, and what is shown of it.
    fn excerpt(&self, listing: &str, file: &str, anchor: Option<&str>) -> Result<(String, String)> {
        let path = self.file_of_listing(listing, file)?;
        let shown = self.shown(&path);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {shown} as text"))?;
        let code = excerpt::of(&text, anchor).with_context(|| shown.clone())?;
        Ok((shown, code))
    }

    /// The path of a file of a listing, or of a crate beside the listings that has no runs.
    fn file_of_listing(&self, listing: &str, file: &str) -> Result<PathBuf> {
        let dir = self
            .book
            .listing(listing)
            .map(|listing| listing.dir.clone())
            .or_else(|| self.crate_beside(listing));
        let Some(dir) = dir else {
            let names: Vec<&str> = self
                .book
                .listings
                .iter()
                .map(|listing| listing.name.as_str())
                .collect();
            bail!("no listing {listing}; there are: {}", names.join(", "));
        };
        let inside = Path::new(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = dir.join(file);
        if inside && path.is_file() {
            return Ok(path);
        }
        let mut files = Vec::new();
        collect_files(&dir, &dir, &mut files);
        bail!(
            "no file {file} in {}; there are: {}",
            self.shown(&dir),
            files.join(", ")
        )
    }

    fn crate_beside(&self, name: &str) -> Option<PathBuf> {
        if !matches!(
            Path::new(name).components().collect::<Vec<_>>()[..],
            [Component::Normal(_)]
        ) {
            return None;
        }
        self.book
            .listings
            .iter()
            .filter_map(|listing| listing.dir.parent())
            .map(|parent| parent.join(name))
            .find(|dir| dir.join("Cargo.toml").is_file())
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.book.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// Which lines of `after` are not in `before`, and how many of `before` are not in `after`.
fn changed(before: &str, after: &str) -> Changes {
    let mut changes = Changes::default();
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        match change.tag() {
            ChangeTag::Delete => changes.removed += 1,
            tag => changes.new.push(tag == ChangeTag::Insert),
        }
    }
    changes
}

/// The text files that a chapter might show, for an error message.
fn collect_files(root: &Path, dir: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || matches!(&*name, "target" | "recorded" | "notes") {
            continue;
        }
        if path.is_dir() {
            collect_files(root, &path, files);
        } else if matches!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("rs" | "toml" | "py" | "sh" | "c" | "md" | "txt")
        ) {
            files.push(
                path.strip_prefix(root)
                    .unwrap_or(&path)
                    .display()
                    .to_string(),
            );
        }
    }
}

/// Appends a block with the indent of the line that it begins on, so that it stays in its list item.
fn push_block(markdown: &mut String, block: &str) {
    let line_start = markdown.rfind('\n').map_or(0, |at| at + 1);
    let indent = markdown.split_off(line_start);
    // The author need not leave a blank line around the directive; Markdown needs one.
    markdown.push('\n');
    for line in block.lines() {
        if !line.is_empty() {
            markdown.push_str(&indent);
            markdown.push_str(line);
        }
        markdown.push('\n');
    }
}

/// An id made of letters, digits and hyphens, with a number added where it is taken.
fn unique(ids: &mut BTreeSet<String>, name: &str) -> String {
    let base: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let mut id = base.clone();
    let mut count = 1;
    while !ids.insert(id.clone()) {
        count += 1;
        id = format!("{base}-{count}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::{book, write};
    use mdbook_driver::MDBook;

    /// The chapters of the fixture after the preprocessor, by path.
    fn expand(root: &Path) -> Result<HashMap<String, String>> {
        let book = MDBook::load(root)?;
        let context =
            PreprocessorContext::new(root.to_owned(), book.config.clone(), "html".to_owned());
        let chapters = LivePreprocessor::default().run(&context, book.book.clone())?;
        Ok(chapters
            .chapters()
            .map(|chapter| {
                let path = chapter.source_path.clone().unwrap_or_default();
                (path.display().to_string(), chapter.content.clone())
            })
            .collect())
    }

    fn expand_one(markdown: &str) -> Result<String> {
        let dir = book();
        write(dir.path(), "src/one.md", markdown);
        Ok(expand(dir.path())?.remove("one.md").unwrap())
    }

    fn error(markdown: &str) -> String {
        expand_one(markdown).unwrap_err().to_string()
    }

    /// A book whose run `demo/fork` decides two statements of the notes, shown in `two.md`.
    fn book_of_the_notes() -> tempfile::TempDir {
        let dir = book();
        let runs = "[[run]]\nname = 'fork'\ncaption = 'Two'\nargs = ['fork']\nlimit_s = 5\n\
                    [[run.claim]]\nsays = 'One id'\nby = 'notes'\nwhen = 'it is forked'\n\
                    same = 'id: (0x[0-9a-f]+)'\n\
                    [[run.claim]]\nsays = 'There are two'\nnotes = 'There are three'\n\
                    count = { of = 'id:', is = 2 }\n";
        write(dir.path(), "listings/demo/runs.toml", runs);
        write(
            dir.path(),
            "src/two.md",
            "# Two\n\n{{#run demo/fork}}\n\n{{#verdicts}}\n",
        );
        write(dir.path(), "src/one.md", "# One\n\n{{#verdicts all}}\n");
        dir
    }

    #[test]
    fn verdicts_name_the_statement_what_became_of_it_and_the_run() {
        let dir = book_of_the_notes();
        let chapters = expand(dir.path()).unwrap();
        for (chapter, link) in [
            ("two.md", "#run-demo-fork"),
            ("one.md", "two.html#run-demo-fork"),
        ] {
            let text = &chapters[chapter];
            for part in [
                "One id</td>",
                "holds when</strong></span> it is forked",
                "There are three</td>",
                "does not hold</strong>",
                "There are two.",
                &format!("<a href=\"{link}\"><code>demo/fork</code></a>"),
            ] {
                assert!(text.contains(part), "{chapter}: {part} is not in {text}");
            }
        }
        assert!(chapters["one.md"].contains("<a href=\"two.html\">Two</a>"));
        assert!(!chapters["two.md"].contains("rowgroup"));
    }

    #[test]
    fn a_statement_that_no_chapter_shows_is_told_where_all_are_asked_for() {
        let dir = book_of_the_notes();
        write(dir.path(), "src/two.md", "# Two\n");
        let error = expand(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            "src/one.md:3: listings/demo/runs.toml: run fork: it decides a statement of the \
             notes, and no chapter shows it"
        );
        write(dir.path(), "src/one.md", "# One\n\n{{#verdicts}}\n");
        let error = expand(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("src/one.md:3: no run of this chapter"),
            "{error}"
        );
    }

    #[test]
    fn a_step_marks_what_is_new_since_the_one_before() {
        let dir = book();
        write(dir.path(), "listings/demo/src/s1.rs", "one\ntwo\nthree\n");
        write(
            dir.path(),
            "listings/demo/src/s2.rs",
            "one\nnew\nthree\nfour\n",
        );
        let step = |since: &str| {
            let text = format!("# One\n\n{{{{#listing demo/src/s2.rs since={since} Second}}}}\n");
            write(dir.path(), "src/one.md", &text);
            Ok::<String, anyhow::Error>(expand(dir.path())?.remove("one.md").unwrap())
        };
        let text = step("src/s1.rs").unwrap();
        assert!(
            text.contains("2 lines new since <code>s1.rs</code>"),
            "{text}"
        );
        assert!(text.contains("1 line gone"), "{text}");
        assert!(text.contains("<i></i><i class=\"new\"></i><i></i><i class=\"new\"></i>"));
        let error = step("src/s0.rs").unwrap_err().to_string();
        assert!(
            error.starts_with("src/one.md:3: no file src/s0.rs"),
            "{error}"
        );
    }

    #[test]
    fn listings_are_numbered_by_chapter_in_reading_order() {
        let dir = book();
        let listing = "{{#listing demo/src/main.rs}}\n";
        write(dir.path(), "src/foreword.md", listing);
        write(dir.path(), "src/one.md", &listing.repeat(2));
        write(dir.path(), "src/two.md", listing);
        write(dir.path(), "src/half.md", listing);
        let chapters = expand(dir.path()).unwrap();
        for (path, numbers) in [
            ("foreword.md", &["Listing 1"][..]),
            ("one.md", &["Listing 1-1", "Listing 1-2"]),
            ("two.md", &["Listing 2-1"]),
            ("half.md", &["Listing 2-2"]),
        ] {
            for number in numbers {
                assert!(
                    chapters[path].contains(&format!(">{number}</a>")),
                    "{path}: {number}"
                );
            }
        }
        let one = &chapters["one.md"];
        assert!(one.contains("id=\"listing-demo-src-main-rs\""));
        assert!(one.contains("id=\"listing-demo-src-main-rs-2\""));
    }

    #[test]
    fn a_listing_shows_a_file_or_an_anchor_and_a_crate_without_runs_too() {
        let text = expand_one(
            "{{#listing demo/src/main.rs:main The heart}}\n{{#listing beside/Cargo.toml}}\n",
        )
        .unwrap();
        assert!(
            text.contains("id=\"listing-demo-src-main-rs-main\""),
            "{text}"
        );
        assert!(
            text.contains("\n\n```rust,noplayground\nfn main() {\n"),
            "{text}"
        );
        assert!(!text.contains("ANCHOR"), "{text}");
        assert!(!text.contains("//! Demo."), "{text}");
        assert!(
            text.contains("\n\n```toml\n[package]\nname = \"beside\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_run_shows_notes_record_verdicts_and_memory() {
        let text = expand_one("{{#run demo/fork}}\n").unwrap();
        for part in [
            "id=\"run-demo-fork\"",
            "listings/demo</code>",
            "cargo run -- fork</code>",
            "MainProcess <span class=\"varies\">[ 0.00s]</span> id: 1",
            "<span class=\"bold\">MainProcess</span>",
            "<span class=\"green\">[ 0.01s]</span></span> id: <span class=\"varies\">0x1</span> &lt;&amp;&gt;",
            "Stale",
            "One id everywhere",
            "0.2 s after the start, in 2 processes",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(text.matches("</span> holds").count(), 2, "{text}");
        assert_eq!(text.matches("</span> does not hold").count(), 1, "{text}");
    }

    #[test]
    fn a_run_without_a_record_is_told_in_a_sentence() {
        let text = expand_one("{{#run demo/new}}\n").unwrap();
        assert!(text.contains("has not been recorded yet"), "{text}");
        assert!(text.contains("There is no record yet."), "{text}");
    }

    #[test]
    fn figures_and_quotients_come_from_records() {
        let text = expand_one(
            "{{#figure demo/fork total_time_s}}, {{#figure demo/fork tree_peak}}, \
             {{#figure demo/fork total_time_s / demo/fast total_time_s}}, \
             {{#figure demo/new total_time_s}}.\n",
        )
        .unwrap();
        assert!(text.contains(">0.50\u{a0}s</span>, "), "{text}");
        assert!(text.contains("\u{a0}MiB</span>, "), "{text}");
        assert!(text.contains(">2.0×</span>, "), "{text}");
        assert!(text.contains(">(not recorded yet)</span>."), "{text}");
    }

    #[test]
    fn a_chapter_without_directives_is_left_as_it_is() {
        let markdown = "# One\n\n`{{#run demo/fork}}` and \\{{#run demo/fork}}\n";
        assert_eq!(expand_one(markdown).unwrap(), markdown);
    }

    #[test]
    fn a_block_stays_in_its_list_item() {
        let text = expand_one("- Item\n\n  {{#listing demo/Cargo.toml}}\n\n  more\n").unwrap();
        assert!(text.contains("\n  <figure class=\"listing\""), "{text}");
        assert!(text.contains("\n  ```toml\n  [package]\n"), "{text}");
        assert!(text.contains("\n  </figure>\n"), "{text}");
    }

    #[test]
    fn every_unknown_name_is_told_with_file_and_line() {
        let error = error(
            "# One\n\n{{#run demo/frok}}\n\n{{#listing nowhere/src/main.rs}}\n\
             {{#listing demo/src/mian.rs}}\n{{#listing demo/../beside/Cargo.toml}}\n\
             {{#listing demo/src/main.rs:mian}}\n\n{{#figure demo/fork total}}\n\
             {{#figure demo/new total}} {{#run demo}}\n",
        );
        let lines: Vec<&str> = error.lines().collect();
        for (line, starts, contains) in [
            (0, "src/one.md:3: ", "demo/frok"),
            (0, "src/one.md:3: ", "demo/fork"),
            (1, "src/one.md:5: no listing nowhere; there are: ", "demo"),
            (
                2,
                "src/one.md:6: no file src/mian.rs in listings/demo; there are: ",
                "src/main.rs",
            ),
            (
                3,
                "src/one.md:7: no file ../beside/Cargo.toml in listings/demo",
                "",
            ),
            (
                4,
                "src/one.md:8: listings/demo/src/main.rs: no anchor mian; there are: main",
                "",
            ),
            (5, "src/one.md:10: ", "total_time_s"),
            (6, "src/one.md:11: ", "total_time_s"),
            (
                7,
                "src/one.md:11: malformed {{#run demo}}; accepted are ",
                "",
            ),
        ] {
            assert!(
                lines[line].starts_with(starts),
                "{starts} does not begin {}",
                lines[line]
            );
            assert!(
                lines[line].contains(contains),
                "{contains} is not in {}",
                lines[line]
            );
        }
        assert_eq!(lines.len(), 8, "{error}");
    }

    #[test]
    fn a_quotient_of_different_units_is_refused() {
        let error = error("{{#figure demo/fork tree_peak / demo/fast total_time_s}}\n");
        assert!(error.contains("the units differ"), "{error}");
    }

    #[test]
    fn the_order_that_would_expand_escapes_is_refused() {
        let dir = book();
        let config = fs::read_to_string(dir.path().join("book.toml")).unwrap();
        write(
            dir.path(),
            "book.toml",
            &config.replace("before = [\"links\"]\n", ""),
        );
        let error = expand(dir.path()).unwrap_err().to_string();
        assert!(error.contains("before = [\"links\"]"), "{error}");
    }

    #[test]
    fn the_protocol_reads_and_writes_json() {
        let dir = book();
        let book = MDBook::load(dir.path()).unwrap();
        let context =
            PreprocessorContext::new(dir.path().to_owned(), book.config.clone(), "html".into());
        let input = serde_json::to_vec(&(&context, &book.book)).unwrap();
        let mut output = Vec::new();
        preprocess(&input[..], &mut output).unwrap();
        let chapters: Chapters = serde_json::from_slice(&output).unwrap();
        assert!(
            chapters
                .chapters()
                .any(|chapter| chapter.content.contains("0.50\u{a0}s"))
        );
        let error = preprocess(&b"{"[..], Vec::new()).unwrap_err();
        assert!(format!("{error:#}").contains("reading [context, book]"));
        assert!(supports("html") && !supports("markdown"));
    }
}
