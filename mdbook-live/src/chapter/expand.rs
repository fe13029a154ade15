//! Directives become Markdown.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use mdbook_preprocessor::book::{BookItem, Chapter};
use similar::{ChangeTag, TextDiff};

use super::block::push_block;
use super::cited;
use super::directives::{self, Directive, Place, RunFigure};
use super::glossary::{self, Glossary};
use super::ids::Ids;
use super::included;
use super::lessons::Lessons;
use super::live_runs::LiveRuns;
use super::record_files;
use super::resolve::Resolver;
use super::survey::Surveyed;
use super::texts::ChapterText;
use crate::book::listing::{RunRef, Size};
use crate::book::question::Problem;
use crate::book::surroundings::{Client, Ends};
use crate::page::claims::ClaimView;
use crate::page::diagram::draw;
use crate::page::exercise::ExerciseView;
use crate::page::form::{Form, TimelineView};
use crate::page::glossary::GlossaryEntry;
use crate::page::listing::{Changes, ListingView};
use crate::page::live::LiveView;
use crate::page::output::LineStyle;
use crate::page::player;
use crate::page::run::{RecordView, RunView, ShownRun};
use crate::record::timeline::Timeline;

/// Expands the chapters of a book, one after another.
pub(super) struct Expander<'a> {
    pub(super) data: Resolver<'a>,
    /// What the directives become.
    pub(super) form: &'a dyn Form,
    pub(super) others_may_follow: bool,
    pub(super) made: &'a LiveRuns,
    /// What each chapter says in words, in reading order.
    pub(super) texts: Vec<ChapterText>,
    /// The files of the whole book that lie beside its pages, each with what it is.
    pub(super) papers: &'a [(String, String)],
    /// Whether the files of records lie beside the pages.
    pub(super) with_records: bool,
    /// Each chapter with the runs that it shows.
    pub(super) surveyed: Vec<Surveyed>,
    pub(super) glossary: Glossary,
    /// How many listings each numbered chapter has shown; `None` is all that have no number.
    pub(super) listings_shown: BTreeMap<Option<u32>, usize>,
    /// How many questions, likewise.
    pub(super) questions_asked: BTreeMap<Option<u32>, usize>,
    /// Each chapter as a lesson, and the plans of courses.
    pub(super) lessons: Lessons,
    pub(super) problems: Vec<String>,
}

/// The page that is being made.
pub(super) struct Page {
    /// From the book's root.
    pub(super) path: PathBuf,
    /// Its chapter's number.
    pub(super) number: Option<u32>,
    pub(super) ids: Ids,
    /// Of its questions: paper has them at the chapter's end.
    pub(super) answers: Vec<String>,
    /// What the author says of it to those who have not opened it.
    description: Option<String>,
    /// Whether it has said what the kinds of memory count.
    memory_is_explained: bool,
    /// How many exercises it has shown.
    exercises: usize,
    /// Whether it has a record to play.
    plays: bool,
}

impl<'a> Expander<'a> {
    /// In reading order, so that listings are numbered as they are read.
    pub(super) fn expand_items(&mut self, items: &mut [BookItem]) {
        for item in items {
            if let BookItem::Chapter(chapter) = item {
                self.expand_chapter(chapter);
                self.expand_items(&mut chapter.sub_items);
            }
        }
    }

    fn expand_chapter(&mut self, chapter: &mut Chapter) {
        let places = directives::find(&chapter.content, self.others_may_follow);
        let file = chapter
            .source_path
            .as_deref()
            .or(chapter.path.as_deref())
            .map_or_else(
                || chapter.name.clone(),
                |path| self.data.chapters.join(path).display().to_string(),
            );
        let folder = Path::new(&file).parent().unwrap_or(Path::new(""));
        for (line, problem) in
            included::problems(&chapter.content, &self.data.book.root.join(folder))
        {
            self.problems.push(format!("{file}:{line}: {problem}"));
        }
        let page = chapter.path.as_deref();
        let mut page = Page {
            path: page.map(|path| self.form.page_of(path)).unwrap_or_default(),
            number: chapter.number.as_ref().and_then(|n| n.first().copied()),
            ids: Ids::default(),
            answers: Vec::new(),
            description: None,
            memory_is_explained: false,
            exercises: 0,
            plays: false,
        };
        let links = self.links(&page.path, &chapter.content, &places);
        if places.is_empty() && links.is_empty() {
            let text = ChapterText::of(chapter, &chapter.content, None);
            self.texts.extend(text);
            chapter.content = self.form.chapter(std::mem::take(&mut chapter.content));
            return;
        }
        let mut expanded = self.form.head();
        let mut prose = String::new();
        let mut from = 0;
        let mut links = links.into_iter().peekable();
        let mut text_until = |expanded: &mut String, from: usize, end: usize| {
            let mut at = from;
            while let Some((range, link)) = links.next_if(|(range, _)| range.end <= end) {
                expanded.push_str(&chapter.content[at..range.start]);
                expanded.push_str(&link);
                at = range.end;
            }
            expanded.push_str(&chapter.content[at..end]);
        };
        for place in places {
            let begins = expanded.len();
            text_until(&mut expanded, from, place.range.start);
            prose.push_str(&expanded[begins..]);
            from = place.range.end;
            let is_prose = place.directive.as_ref().is_ok_and(Directive::is_prose);
            match self.expand_place(&place, &mut page) {
                Ok(text) => {
                    let is_block = place.directive.as_ref().is_ok_and(Directive::is_block);
                    for to in std::iter::once(&mut expanded).chain(is_prose.then_some(&mut prose)) {
                        if is_block {
                            push_block(to, &text);
                        } else {
                            to.push_str(&text);
                        }
                    }
                }
                Err(error) => {
                    // The first line of a block is its fence.
                    let in_block = error.downcast_ref::<Problem>().map(|problem| problem.line);
                    let line = place.line + in_block.unwrap_or(0);
                    self.problems.push(format!("{file}:{line}: {error:#}"));
                }
            }
        }
        let begins = expanded.len();
        text_until(&mut expanded, from, chapter.content.len());
        if page.plays {
            push_block(&mut expanded, &format!("\n{}", player::script()));
        }
        if !page.answers.is_empty() {
            push_block(&mut expanded, &self.form.answers(&page.answers));
        }
        prose.push_str(&expanded[begins..]);
        self.texts
            .extend(ChapterText::of(chapter, &prose, page.description));
        chapter.content = self.form.chapter(expanded);
    }

    /// What becomes a link in the prose of the page `here`: the first use of each term, and
    /// every citation. In the order of their places.
    fn links(&self, here: &Path, markdown: &str, places: &[Place]) -> Vec<(Range<usize>, String)> {
        let is_glossary = |place: &Place| matches!(place.directive, Ok(Directive::Glossary));
        if places.iter().any(is_glossary) {
            return Vec::new();
        }
        let up = "../".repeat(here.components().count().saturating_sub(1));
        let works = &self.data.book.config.cited;
        let prose = glossary::prose(markdown, places);
        let citations = cited::citations(markdown, &prose, works);
        let cited: Vec<Range<usize>> = citations.iter().map(|(range, _)| range.clone()).collect();
        let uses = self.glossary.uses(here, markdown, &prose, places, &cited);
        let terms = uses.into_iter().map(|found| {
            let term = &self.glossary.terms[found.term];
            let href = format!("{up}{}#{}", term.page.display(), term.id);
            let inner = directives::find(&term.sentence, self.others_may_follow);
            let title = glossary::plain(&term.sentence, &inner);
            let word = &markdown[found.range.clone()];
            let link = self.form.term(word, &href, title.as_deref());
            (found.range, link)
        });
        let citations = citations.into_iter().map(|(range, address)| {
            let link = self.form.citation(&markdown[range.clone()], &address);
            (range, link)
        });
        let mut links: Vec<(Range<usize>, String)> = terms.chain(citations).collect();
        links.sort_by_key(|(range, _)| range.start);
        links
    }

    /// The terms of the book in the order of the alphabet, each with its chapter's own words.
    fn expand_glossary(&mut self, here: &Path) -> Result<String> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        let mut terms = self.glossary.terms.clone();
        terms.sort_by_key(|term| term.names[0].to_lowercase());
        let mut entries = Vec::new();
        for term in &terms {
            let mut said = String::new();
            let mut from = 0;
            for place in directives::find(&term.sentence, self.others_may_follow) {
                said.push_str(&term.sentence[from..place.range.start]);
                from = place.range.end;
                match &place.directive {
                    Ok(Directive::Define(definition)) => {
                        said.push_str(&format!("*{}*", definition.shown));
                    }
                    Ok(Directive::Figure(name)) => said.push_str(&self.expand_figure(name)?),
                    _ => bail!(
                        "the definition of {} has {}, which no glossary can show",
                        term.names[0],
                        &term.sentence[place.range]
                    ),
                }
            }
            said.push_str(&term.sentence[from..]);
            entries.push(GlossaryEntry {
                names: &term.names,
                said,
                chapter: &term.chapter,
                href: format!("{up}{}#{}", term.page.display(), term.id),
            });
        }
        if entries.is_empty() {
            bail!("no chapter defines a term; expected {{{{#define TERM}}}} in one");
        }
        Ok(self.form.glossary(&entries))
    }

    fn expand_figure(&mut self, name: &RunFigure) -> Result<String> {
        Ok(match self.data.figure(name)? {
            Some((figure, source)) => self.form.figure(&format!("{name}, {source}"), &figure),
            None => self.form.figure_not_recorded(&name.to_string()),
        })
    }

    fn expand_place(&mut self, place: &Place, page: &mut Page) -> Result<String> {
        let ids = &mut page.ids;
        match &place.directive {
            Err(problem) => Err(anyhow!(problem.clone())),
            Ok(Directive::Listing {
                listing,
                file,
                anchor,
                since,
                caption,
            }) => {
                let (shown_path, code) = self.data.excerpt(listing, file, anchor.as_deref())?;
                let since = match since {
                    None => None,
                    Some((earlier, anchor)) => {
                        let (listing, _) = self.data.listing_of(listing, file);
                        let (_, before) =
                            self.data.excerpt(&listing, earlier, anchor.as_deref())?;
                        let name = earlier.rsplit('/').next().unwrap_or(earlier);
                        Some((name.to_owned(), changed(&before, &code)))
                    }
                };
                let count = self.listings_shown.entry(page.number).or_default();
                *count += 1;
                let number = match page.number {
                    Some(chapter) => format!("{chapter}-{count}"),
                    None => count.to_string(),
                };
                let mut id = format!("listing-{listing}/{file}");
                if let Some(anchor) = anchor {
                    id.push('-');
                    id.push_str(anchor);
                }
                Ok(self.form.listing(&ListingView {
                    number: &number,
                    id: &ids.unique(&id),
                    path: &shown_path,
                    caption,
                    code: &code,
                    whole: anchor.is_none(),
                    since: since
                        .as_ref()
                        .map(|(name, changes)| (name.as_str(), changes)),
                }))
            }
            Ok(Directive::Run(name)) => {
                let run = self.data.book.run(name)?;
                Ok(self.expand_run(run, page)?.text)
            }
            Ok(Directive::Runs { runs, caption }) => {
                let mut shown = Vec::new();
                for name in runs {
                    let run = self.data.book.run(name)?;
                    shown.push(self.expand_run(run, page)?);
                }
                Ok(self.form.runs(caption, &shown, self.reference_says()))
            }
            Ok(Directive::Exercise(name)) => {
                page.exercises += 1;
                let number = page.exercises;
                let id = page.ids.unique(&format!("exercise-{name}"));
                let exercise = self.data.book.exercise(name)?;
                Ok(self.form.exercise(&ExerciseView {
                    exercise,
                    number,
                    id: &id,
                    folder: &self.data.shown(&exercise.listing.dir),
                    tool: &self.data.book.config.tool,
                }))
            }
            Ok(Directive::Figure(name)) => self.expand_figure(name),
            Ok(Directive::Define(definition)) => {
                let id = ids.unique(&glossary::id_of(definition));
                Ok(self.form.defined(&definition.shown, &id))
            }
            Ok(Directive::Glossary) => self.expand_glossary(&page.path),
            Ok(Directive::Papers) => Ok(self.form.papers(self.papers, &page.path)),
            Ok(Directive::Quotient(of, to)) => self.expand_quotient(of, to),
            Ok(Directive::Chart { name, bars }) => {
                let id = ids.unique(&format!("chart-{name}"));
                self.expand_chart(name, *bars, &id)
            }
            Ok(Directive::Diagram(name)) => {
                let folder = self
                    .data
                    .book
                    .root
                    .join(self.data.chapters)
                    .join("diagrams");
                let path = folder.join(format!("{name}.pikchr"));
                let shown = self.data.shown(&path);
                let source =
                    fs::read_to_string(&path).with_context(|| format!("reading {shown}"))?;
                let drawn = draw(&self.data.book.config.diagram, &source).with_context(|| shown)?;
                let id = ids.unique(&format!("diagram-{name}"));
                Ok(self.form.diagram(&drawn, &id))
            }
            Ok(Directive::Timeline(name)) => {
                let run = self.data.book.run(name)?;
                let drawn = self.data.record(run)?.and_then(|judged| {
                    let record = &judged.record;
                    let config = &self.data.book.config.timeline;
                    let seconds = record.header.duration;
                    let account = record.header.live.account.as_ref();
                    let observed = |of| Timeline::of_account(of, &record.memory, seconds);
                    let timeline = Timeline::of(config, &record.marks, &record.memory, seconds)
                        .or_else(|| account.and_then(observed))?;
                    let id = ids.unique(&format!("timeline-{name}"));
                    Some(self.form.timeline(&TimelineView {
                        config,
                        timeline: &timeline,
                        name,
                        id: &id,
                        date: &record.header.date(),
                    }))
                });
                Ok(drawn.unwrap_or_else(|| self.form.timeline_not_recorded(name)))
            }
            Ok(Directive::Verdicts { all }) => self.expand_verdicts(&page.path, *all),
            Ok(Directive::Question(text)) => self.expand_question(text, page),
            Ok(Directive::Lesson(directive)) => self.expand_lesson(directive, &page.path),
            Ok(Directive::Description(words)) => {
                if page.description.replace(words.clone()).is_some() {
                    bail!("a second description; expected one in a chapter");
                }
                Ok(String::new())
            }
            Ok(Directive::Reports(figures)) => self.expand_reports(&page.path, figures),
        }
    }

    fn reference_says(&self) -> &'a str {
        let reference = self.data.book.config.reference.as_ref();
        reference.map_or("The reference says", |reference| &reference.says)
    }

    fn expand_run(&mut self, run: RunRef<'a>, page: &mut Page) -> Result<ShownRun> {
        let name = run.full_name();
        let id = page.ids.of_run(&name);
        let record = self.data.record(run)?;
        let made = self.made.runs.get(&name);
        let live = |at: usize| {
            let judged = made?.judged.claims.iter();
            let mut judged = judged.filter(|(place, _)| *place == at);
            Some(judged.next()?.1.clone())
        };
        let mut counters = self.data.counters(run)?.into_iter();
        let claims = self.data.judgements(run)?.into_iter().enumerate();
        let claims = claims.map(|(at, (claim, judgement))| ClaimView {
            id: page.ids.of_claim(&id, &claim.says),
            claim,
            judgement,
            live: live(at),
            counters: counters.next().unwrap_or_default(),
        });
        let claims = claims.collect();
        let links = self.with_records && record.is_some();
        let files = links.then(|| record_files::of(run, &page.path));
        page.plays |= links;
        let record = match &record {
            Some(judged) => Some(RecordView {
                files,
                record: &judged.record,
                stale: self.data.staleness(run, &judged.record)?,
            }),
            None => None,
        };
        let config = &self.data.book.config;
        let mut view = RunView {
            id: &id,
            name: &name,
            caption: &run.run.caption,
            folder: &self.data.shown(&run.listing.dir),
            command: &run.command(Size::Recorded),
            reference: config.reference.as_ref().zip(run.reference()?),
            reference_says: self.reference_says(),
            record,
            live: made
                .zip(self.made.host.as_ref())
                .map(|(made, host)| LiveView {
                    result: &made.result,
                    judged: &made.judged,
                    host,
                }),
            has_one_size: run.has_one_size(),
            style: LineStyle::of(run),
            claims,
            explains_memory: false,
            data_limit: run.run.data_limit,
            program: &run.run.program,
            ends: run.run.ends.as_ref().map(Ends::words),
            client: run.run.client.as_ref().map(Client::typed),
        };
        view.explains_memory = view.peak().is_some() && !page.memory_is_explained;
        page.memory_is_explained |= view.explains_memory;
        Ok(self.form.run(&view))
    }

    fn expand_quotient(&mut self, of: &RunFigure, to: &RunFigure) -> Result<String> {
        let title = format!("{of} / {to}");
        // Both are looked up before either may be missing: an unknown name is an error always.
        let (Some((dividend, source)), Some((divisor, _))) =
            (self.data.figure(of)?, self.data.figure(to)?)
        else {
            return Ok(self.form.figure_not_recorded(&title));
        };
        if dividend.unit != divisor.unit {
            bail!("{title}: the units differ, {dividend} and {divisor}");
        }
        if divisor.value == 0.0 {
            bail!("{title}: the divisor is {divisor}");
        }
        let title = format!("{title} = {dividend} / {divisor}, {source}");
        Ok(self.form.quotient(&title, dividend.value / divisor.value))
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
