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

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::book::{Book as Chapters, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use super::consoles::Consoles;
use super::expand::Expander;
use super::front;
use super::glossary::Glossary;
use super::lessons::Lessons;
use super::live_runs::LiveRuns;
use super::resolve::Resolver;
use super::solutions;
use super::survey::survey;
use super::texts::ChapterText;
use super::timetable;
use crate::book::course::Course;
use crate::book::listing::Book;
use crate::page::form::{Form, Html};
use crate::plain::markdown::Markdown;

/// The name under which `book.toml` knows the preprocessor: `[preprocessor.live]`.
pub const NAME: &str = "live";

/// The preprocessor, for mdBook's libraries.
#[derive(Debug, Clone, Default)]
pub struct LivePreprocessor {
    /// The runs that were made for this build, by name: they fill the Live columns.
    pub made: Arc<LiveRuns>,
    /// Whether the solutions of exercises are left out.
    pub without_solutions: bool,
    /// What the chapters say in words, once they have been expanded.
    pub texts: Arc<Mutex<Vec<ChapterText>>>,
    /// The files of the whole book that this build puts beside its pages: "PDF" and its name.
    pub papers: Vec<(String, String)>,
    /// Whether the files of records will lie beside the pages, which then link to them. What
    /// only preprocesses lays none there.
    pub with_records: bool,
}

impl Preprocessor for LivePreprocessor {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut chapters: Chapters) -> Result<Chapters> {
        refuse_wrong_order(context)?;
        let book = Book::open(&context.root)?;
        let others_may_follow = others_are_configured(context)?;
        let not_terms = &book.config.not_terms;
        if self.without_solutions {
            chapters.for_each_chapter_mut(|chapter| {
                chapter.content = solutions::without_solutions(&chapter.content);
            });
        }
        Consoles::of(&book).show_runs(&mut chapters.items, &context.config.book.src);
        let course = Course::open(&context.root, &context.config.book.src)?;
        let form = form_for(&context.renderer);
        let mut expander = Expander {
            glossary: Glossary::of(&chapters.items, others_may_follow, not_terms, form)?,
            data: Resolver::new(&book, &context.config.book.src),
            form,
            others_may_follow,
            made: &self.made,
            papers: &self.papers,
            texts: Vec::new(),
            surveyed: survey(&chapters.items, others_may_follow, form),
            with_records: self.with_records,
            listings_shown: BTreeMap::new(),
            questions_asked: BTreeMap::new(),
            lessons: Lessons::of(&chapters.items, others_may_follow, course, &book),
            problems: Vec::new(),
        };
        expander.problems = timetable::problems(&expander.lessons);
        expander.expand_items(&mut chapters.items);
        if !expander.problems.is_empty() {
            bail!(expander.problems.join("\n"));
        }
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = expander.texts;
        // Other renderers have a title and contents of their own.
        if !is_html(&context.renderer) {
            return Ok(chapters);
        }
        let about = &context.config.book;
        let title = about.title.as_deref().unwrap_or_default();
        let description = about.description.as_deref().unwrap_or_default();
        front::add(&mut chapters.items, title, description);
        Ok(chapters)
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(supports(renderer))
    }
}

/// Gives each chapter its words alone, as another build of the book has found them.
pub struct WordsAlone {
    by_page: HashMap<PathBuf, String>,
}

impl WordsAlone {
    /// The words of these chapters.
    pub fn of(texts: &[ChapterText]) -> WordsAlone {
        let by_page = texts
            .iter()
            .map(|text| (text.page.clone(), text.prose.clone()));
        WordsAlone {
            by_page: by_page.collect(),
        }
    }

    fn replace(&self, items: &mut [BookItem]) {
        for item in items {
            let BookItem::Chapter(chapter) = item else {
                continue;
            };
            let page = chapter
                .path
                .as_deref()
                .map(|path| path.with_extension("html"));
            let text = page.and_then(|page| self.by_page.get::<Path>(&page));
            if let Some(text) = text {
                chapter.content.clone_from(text);
            }
            self.replace(&mut chapter.sub_items);
        }
    }
}

impl Preprocessor for WordsAlone {
    /// Takes the place of this crate's other one.
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, _: &PreprocessorContext, mut book: Chapters) -> Result<Chapters> {
        self.replace(&mut book.items);
        Ok(book)
    }
}

/// Whether the expanded chapters suit a renderer: each has its form.
pub fn supports(_renderer: &str) -> bool {
    true
}

/// Whether a renderer's chapters become pages of HTML.
fn is_html(renderer: &str) -> bool {
    renderer == "html"
}

/// What directives become for a renderer.
fn form_for(renderer: &str) -> &'static dyn Form {
    if is_html(renderer) { &Html } else { &Markdown }
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

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;
    use crate::fixture_book::{book, write};
    use mdbook_driver::MDBook;

    /// The chapters of the fixture after the preprocessor, by path.
    pub(crate) fn expand(root: &Path) -> Result<HashMap<String, String>> {
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

    /// A book whose run `demo/fork` decides two statements of the reference, shown in `two.md`.
    fn book_of_the_reference() -> tempfile::TempDir {
        let dir = book();
        let runs = "[[run]]\nname = 'fork'\ncaption = 'Two'\nargs = ['fork']\ntimeout = '5s'\n\
                    [[run.claim]]\nsays = 'One id'\nreference = { becomes = 'holds', when = 'it is forked' }\n\
                    same = 'id: (0x[0-9a-f]+)'\n\
                    [[run.claim]]\nsays = 'There are two'\nreference = { says = 'There are three', becomes = 'does not hold' }\n\
                    count = { lines = 'id:', is = 2 }\n";
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
        let dir = book_of_the_reference();
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
        let dir = book_of_the_reference();
        write(dir.path(), "src/two.md", "# Two\n");
        let error = expand(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            "src/one.md:3: listings/demo/runs.toml: run fork: it decides a statement of the \
             reference, and no chapter shows it"
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
    fn a_run_shows_reference_record_verdicts_and_memory() {
        let text = expand_one("{{#run demo/fork}}\n").unwrap();
        for part in [
            "id=\"run-demo-fork\"",
            "listings/demo</code>",
            "cargo run -- fork</code>",
            "Main <span class=\"varies\">[ 0.00s]</span> id: 1",
            "<span class=\"bold\">Main</span>",
            "<span class=\"green\">[ 0.01s]</span></span> id: <span class=\"varies\">0x1</span> &lt;&amp;&gt;",
            "Stale",
            "One id everywhere",
            "0.2 s after the start, in 2 processes",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        // Plain mdBook lays no files beside its pages: none is linked.
        assert!(!text.contains("record-files\"") && !text.contains("AsciinemaPlayer"));
        assert_eq!(text.matches("</span> holds").count(), 2, "{text}");
        assert_eq!(text.matches("</span> does not hold").count(), 1, "{text}");
    }

    #[test]
    fn a_directive_in_an_included_file_stops_the_build() {
        let dir = book();
        write(dir.path(), "src/shared.inc", "\n{{#run demo/fork}}\n");
        write(
            dir.path(),
            "src/one.md",
            "# One\n\n{{#include shared.inc}}\n",
        );
        let error = expand(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            "src/one.md:3: shared.inc includes `{{#run demo/fork}}`, which is not expanded there; \
             expected in the chapter itself"
        );
    }

    #[test]
    fn a_file_of_no_listing_is_shown_by_its_path() {
        let dir = book();
        write(dir.path(), "code/ch01/hello.rs", "fn hello() {}\n");
        write(
            dir.path(),
            "src/one.md",
            "# One\n\n{{#listing code/ch01/hello.rs}}\n",
        );
        let text = expand(dir.path()).unwrap().remove("one.md").unwrap();
        assert!(text.contains("code/ch01/hello.rs</code>"), "{text}");
        assert!(text.contains("fn hello() {}"), "{text}");
        for outside in ["../x/y.rs", "code/../../y.rs"] {
            let error = error(&format!("{{{{#listing {outside}}}}}"));
            assert!(
                error.contains("no listing") || error.contains("no file"),
                "{error}"
            );
        }
    }

    #[test]
    fn ids_are_unique_and_links_lead_to_them() {
        let dir = book_of_the_reference();
        // A second place of the same run, and its timeline twice.
        let path = "listings/demo/recorded/fork.cast";
        let cast = fs::read_to_string(dir.path().join(path)).unwrap();
        write(
            dir.path(),
            path,
            &(cast + "[0.5, \"m\", \"demo waiting\"]\n"),
        );
        let text = "# Two\n\n{{#run demo/fork}}\n\n{{#run demo/fork}}\n\n{{#timeline demo/fork}}\n\n\
                    {{#timeline demo/fork}}\n\n{{#verdicts}}\n";
        write(dir.path(), "src/two.md", text);
        let text = expand(dir.path()).unwrap().remove("two.md").unwrap();
        let ids = regex::Regex::new(" id=\"([^\"]+)\"").unwrap();
        let ids: Vec<&str> = ids
            .captures_iter(&text)
            .map(|found| found.get(1).unwrap().as_str())
            .collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
        assert!(ids.contains(&"run-demo-fork-2"), "{ids:?}");
        assert!(text.contains("href=\"#run-demo-fork\""));
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
        let expanded = expand_one(markdown).unwrap();
        assert_eq!(
            expanded,
            format!("<p class=\"chapter-number\">Chapter 1</p>\n\n{markdown}")
        );
    }

    #[test]
    fn the_first_page_has_title_and_contents_for_paper() {
        let dir = book();
        let chapters = expand(dir.path()).unwrap();
        let front = &chapters["foreword.md"];
        assert!(
            front.starts_with("<div class=\"print-front\"><p class=\"title\">"),
            "{front}"
        );
        let entry = "- <span class=\"number\">1</span> [One](one.md)\n";
        assert!(front.contains(entry), "{front}");
        assert!(!chapters["one.md"].contains("<div class=\"print-front\""));
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
            (1, "src/one.md:5: no listing nowhere; expected demo", "demo"),
            (
                2,
                "src/one.md:6: no file src/mian.rs in listings/demo; did you mean src/main.rs?",
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
            (7, "src/one.md:11: malformed {{#run demo}}; expected ", ""),
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
    }
}
