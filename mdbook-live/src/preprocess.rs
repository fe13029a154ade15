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

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, bail};
use mdbook_preprocessor::book::{Book as Chapters, BookItem, Chapter};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::check;
use crate::claims::Standing;
use crate::directives::{self, Directive, Place, RunFigure};
use crate::excerpt;
use crate::figures::{self, Figure};
use crate::page::{self, ClaimView, ListingView, RecordView, RunView};
use crate::record::Record;
use crate::runs::{Book, RunRef, Size};
use crate::sources;

/// The name under which `book.toml` knows the preprocessor: `[preprocessor.live]`.
pub const NAME: &str = "live";

/// The preprocessor, for mdBook's libraries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live;

impl Preprocessor for Live {
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
            records: HashMap::new(),
            sources: HashMap::new(),
            listings_shown: BTreeMap::new(),
            problems: Vec::new(),
        };
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
    let chapters = Live.run(&context, chapters)?;
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
    /// Each record is read once.
    records: HashMap<String, Option<Rc<Record>>>,
    /// The hash of each listing's sources, by its name and example: taken once for all its runs.
    sources: HashMap<(&'a str, Option<&'a str>), String>,
    /// How many listings each numbered chapter has shown; `None` is all that have no number.
    listings_shown: BTreeMap<Option<u32>, usize>,
    problems: Vec<String>,
}

impl<'a> Expander<'a> {
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
            match self.expand_place(&place, number, &mut ids) {
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
        chapter: Option<u32>,
        ids: &mut BTreeSet<String>,
    ) -> Result<String> {
        match &place.directive {
            Err(problem) => Err(anyhow!(problem.clone())),
            Ok(Directive::Listing {
                listing,
                file,
                anchor,
                caption,
            }) => {
                let path = self.file_of_listing(listing, file)?;
                let shown_path = self.shown(&path);
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("reading {shown_path} as text"))?;
                let code =
                    excerpt::of(&text, anchor.as_deref()).with_context(|| shown_path.clone())?;
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
        let standings = match &record {
            Some(record) => check::judge_record(self.book, run, record),
            None => {
                let open = || Standing::Open("There is no record yet.".to_owned());
                let claims = run.run.claims.iter();
                claims.map(|claim| (claim, open())).collect()
            }
        };
        let claims = standings
            .into_iter()
            .map(|(claim, standing)| ClaimView { claim, standing })
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
            claims,
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
        figures::require_known(run.listing, &name.figure)?;
        let Some(record) = self.record(run)? else {
            return Ok(None);
        };
        let figure = figures::of_record(run, &record, &name.figure)?;
        Ok(Some((figure, format!("recorded {}", record.header.date()))))
    }

    /// What has changed since the record, with each listing's sources hashed only once
    /// as long as nothing has.
    fn staleness(&mut self, run: RunRef<'a>, record: &Record) -> Result<Option<String>> {
        let key = (&*run.listing.name, run.run.example.as_deref());
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
        let chapters = Live.run(&context, book.book.clone())?;
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
            "MainProcess [ 0.00s] id: 1",
            "<span class=\"bold\">MainProcess</span>",
            "<span class=\"green\">[ 0.01s]</span> id: 0x1 &lt;&amp;&gt;",
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
