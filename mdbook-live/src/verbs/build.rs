//! Builds the book with mdBook's libraries, in process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, PoisonError};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_html::HtmlHandlebars;

use crate::book::listing::{Book, Size};
use crate::chapter::live_runs::{LiveRun, LiveRuns};
use crate::chapter::preprocessor::{self, LivePreprocessor, WordsAlone};
use crate::chapter::survey::runs_shown;
use crate::chapter::texts::ChapterText;
use crate::record::cast::Record;
use crate::record::result::RunResult;
use crate::run::host;
use crate::run::session::Session;
use crate::verbs::paper::make::{Paper, make};
use crate::verbs::publish::Publication;
use crate::verbs::records;

/// Builds the HTML book of `root` into `dest`, or where `book.toml` says, and returns that folder.
///
/// # Errors
///
/// When the book cannot be read, a directive names something that does not exist
/// (`src/chapter.md:41: …`, one line each), or the pages cannot be written.
pub fn build(root: &Path, dest: Option<&Path>) -> Result<PathBuf> {
    build_with(root, dest, &[], Solutions::Shown)
}

/// Whether a book is built with the solutions of its exercises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solutions {
    /// Folded, below their exercises.
    Shown,
    /// For a class that is to find them.
    LeftOut,
}

/// As [`build`], with these files of the whole book beside the pages, which link to them.
///
/// # Errors
///
/// As [`build`], and when a file cannot be made; then no page is written.
pub fn build_with(
    root: &Path,
    dest: Option<&Path>,
    papers: &[Paper],
    solutions: Solutions,
) -> Result<PathBuf> {
    let live = LivePreprocessor {
        without_solutions: solutions == Solutions::LeftOut,
        with_records: true,
        ..LivePreprocessor::default()
    };
    build_pages(root, dest, live, papers)
}

/// As [`build`], with the Live columns filled: every run is made at its quick size on this
/// machine. Returns the folder, and what failed, a sentence each; a run that failed has its
/// column all the same, which says so.
///
/// # Errors
///
/// As [`build`], and when the session is stopped.
pub fn build_live(
    session: &Session<'_>,
    dest: Option<&Path>,
    papers: &[Paper],
    observe: &dyn Fn(&str),
) -> Result<(PathBuf, Vec<String>)> {
    let mut made = LiveRuns {
        host: Some(host::card(&session.book.root)?),
        runs: HashMap::new(),
    };
    let mut failed = Vec::new();
    for run in session.book.usual_runs() {
        let name = run.full_name();
        observe(&name);
        let result = match session.quick(run) {
            Ok(result) => result,
            Err(_) if session.stop.is_requested() => bail!("stopped"),
            Err(error) => {
                failed.push(format!("{name}: {error:#}"));
                continue;
            }
        };
        let record = Record::load(run, Size::Quick)?;
        let judged = session.judge(run, Size::Quick, &result, record.as_ref());
        failed.extend(judged.faults.iter().map(|fault| format!("{name} {fault}")));
        let result = RunResult::clone(&result);
        made.runs.insert(name, LiveRun { result, judged });
    }
    let live = LivePreprocessor {
        made: Arc::new(made),
        with_records: true,
        ..LivePreprocessor::default()
    };
    let built = build_pages(&session.book.root, dest, live, papers)?;
    Ok((built, failed))
}

fn build_pages(
    root: &Path,
    dest: Option<&Path>,
    mut live: LivePreprocessor,
    papers: &[Paper],
) -> Result<PathBuf> {
    show_mdbooks_warnings();
    let path = root.join("book.toml");
    let mut config =
        Config::from_disk(&path).with_context(|| format!("reading {}", path.display()))?;
    config.update_from_env()?;
    if let Some(dest) = dest {
        config.build.build_dir = std::path::absolute(dest)
            .with_context(|| format!("finding the folder {}", dest.display()))?;
    }
    // The same order as plain `mdbook build` needs; given here, a book.toml without it works too.
    let before = format!("preprocessor.{}.before", preprocessor::NAME);
    if config.get::<Vec<String>>(&before)?.is_none() {
        config.set(&before, ["links"])?;
    }
    let publication = Publication::of(root, &config)?;
    let folder = tempfile::tempdir().context("making a folder for the book's files")?;
    let made = make(root, &config, papers, folder.path(), live.without_solutions)?;
    let links = made
        .iter()
        .map(|made| (made.paper.word().to_owned(), made.name()));
    live.papers = links.collect();
    let mut without_index = config.clone();
    // The empty path is the beginning of every chapter's.
    without_index.set(
        "output.html.search.chapter",
        serde_json::json!({ "": { "enable": false } }),
    )?;
    let mut book = MDBook::load_with_config(root, without_index)?;
    let texts = Arc::clone(&live.texts);
    let listings = Book::open(root)?;
    let shown = runs_shown(&book.book.items, &listings, &config.book.src);
    // Takes the place of the external command of the same name, so that it runs once.
    book.with_preprocessor(live);
    book.execute_build_process(&HtmlHandlebars::new())?;
    let built = book.build_dir_for("html");
    let texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    let not_found = config.html_config().unwrap_or_default();
    let not_found = not_found.get_404_output_file();
    let index = index_prose(root, config, &texts, &built)?;
    publication.complete(&built, &texts, &not_found, index.as_ref())?;
    records::lay_beside(&built, &listings, &shown)?;
    for made in &made {
        let path = built.join(made.name());
        std::fs::copy(&made.path, &path).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(built)
}

/// Has the search of a built book find prose only: what programs print, and their code, have
/// most of a book's words, and would hide the section that explains one. mdBook indexes what a
/// page has, so the index is that of the same book in words alone. Returns what the index is
/// called on the pages, and what it is called now: mdBook names it by what is in it.
fn index_prose(
    root: &Path,
    mut config: Config,
    texts: &[ChapterText],
    built: &Path,
) -> Result<Option<(String, String)>> {
    let Some(empty) = search_index(built)? else {
        return Ok(None);
    };
    let folder = tempfile::tempdir().context("making a folder for the index of the search")?;
    config.build.build_dir = folder.path().to_owned();
    config.set("output.html.print.enable", false)?;
    let mut book = MDBook::load_with_config(root, config)?;
    book.with_preprocessor(WordsAlone::of(texts));
    book.execute_build_process(&HtmlHandlebars::new())?;
    let Some(of_prose) = search_index(&book.build_dir_for("html"))? else {
        return Ok(None);
    };
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let index = built.join(name(&of_prose));
    std::fs::remove_file(&empty)
        .and_then(|()| std::fs::copy(&of_prose, &index))
        .with_context(|| format!("writing {}", index.display()))?;
    Ok(Some((name(&empty), name(&of_prose))))
}

/// The file with the index of a book's search, where it has one.
fn search_index(built: &Path) -> Result<Option<PathBuf>> {
    let files = std::fs::read_dir(built).with_context(|| format!("reading {}", built.display()))?;
    let mut paths = files.flatten().map(|file| file.path());
    Ok(paths.find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("searchindex") && name.ends_with(".js")
    }))
}

/// mdBook tells what it could not include, and the like, by `tracing` alone.
fn show_mdbooks_warnings() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails where the program that uses this library has its own subscriber: that one serves.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_writer(std::io::stderr)
            .without_time()
            .with_target(false)
            .try_init();
    });
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture_book::{book, write};
    use crate::page::player;

    fn page(markdown: &str) -> String {
        let dir = book();
        write(dir.path(), "src/one.md", markdown);
        let dest = build(dir.path(), None).unwrap();
        assert_eq!(dest, dir.path().join("book"));
        fs::read_to_string(dest.join("one.html")).unwrap()
    }

    #[test]
    fn a_listing_reaches_the_page_as_it_is_in_its_file() {
        let page = page("# One\n\n{{#listing demo/src/main.rs The whole}}\n\nAfter.\n");
        let code = "<pre><code class=\"language-rust noplayground\">//! Demo.\n\nfn main() {\n    \
                    let text = \"\n# not hidden\n## twice\n\";\n    \
                    print!(\"{text}\");\n}</code></pre>";
        assert!(page.contains(code), "{page}");
        let figure = page.split("<figure class=\"listing\"").nth(1).unwrap();
        let (figure, after) = figure.split_once("</figure>").unwrap();
        assert!(figure.contains("fn main()"));
        assert!(after.contains("<p>After.</p>"));
        assert!(!page.contains("class=\"playground\""));
    }

    #[test]
    fn a_run_reaches_the_page_whole_with_escapes_shown_as_text() {
        let page = page("# One\n\n{{#run demo/fork}}\n\nAfter \\{{#run demo/fork}}.\n");
        let (run, after) = page
            .split("<section class=\"run\"")
            .nth(1)
            .unwrap()
            .split_once("</section>")
            .unwrap();
        assert!(run.contains("ForkProcess-1"), "{run}");
        assert!(run.contains("<table>"), "{run}");
        assert!(run.contains("{{#run x/y}}"), "{run}");
        assert!(
            after.contains("<p>After {{#run demo/fork}}.</p>"),
            "{after}"
        );
    }

    #[test]
    fn dest_takes_the_pages_and_the_books_own_folder_stays_away() {
        let dir = book();
        let dest = tempfile::tempdir().unwrap();
        let built = build(dir.path(), Some(dest.path())).unwrap();
        assert_eq!(built, dest.path());
        assert!(dest.path().join("index.html").is_file());
        assert!(!dir.path().join("book").exists());
    }

    #[test]
    fn a_live_build_fills_the_columns_and_names_what_failed() {
        let dir = book();
        let run = |name: &str, script: &str| {
            format!(
                "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '{script}']\ntimeout = '60s'\n\
                 [[run.claim]]\nsays = 'A line'\ncount = {{ lines = 'made here', is = 1 }}\n"
            )
        };
        let runs = run("well", "echo made here")
            + &run("fails", "exit 3")
            + &run("skips", "echo no room; exit 77");
        write(dir.path(), "listings/demo/runs.toml", &runs);
        write(
            dir.path(),
            "src/one.md",
            "# One\n\n{{#run demo/well}}\n\n{{#run demo/fails}}\n\n{{#run demo/skips}}\n",
        );
        let book = crate::book::listing::Book::open(dir.path()).unwrap();
        let session = Session::new(&book, crate::run::stop::Stop::default());
        session.use_program("demo", "/bin/sh");
        let (dest, failed) = build_live(&session, None, &[], &|_| {}).unwrap();
        assert_eq!(
            failed,
            ["demo/fails ended with exit code 3, not 0, and printed nothing"]
        );
        let page = fs::read_to_string(dest.join("one.html")).unwrap();
        for part in [
            "<figure class=\"run-column live\" style=",
            "made here",
            "Live: holds",
            "The live run </strong>ended with exit code 3",
            "The live run was skipped: no room",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(
            !page.contains("live-controls\""),
            "no button that nobody answers"
        );
        // Without it there is no such column.
        let page = fs::read_to_string(build(dir.path(), None).unwrap().join("one.html")).unwrap();
        assert!(!page.contains("run-column live"));
    }

    #[test]
    fn the_page_for_printing_has_the_style_once() {
        let dir = book();
        for chapter in ["src/one.md", "src/two.md"] {
            write(dir.path(), chapter, "# A chapter\n\n{{#run demo/fork}}\n");
        }
        let dest = build(dir.path(), None).unwrap();
        let print = fs::read_to_string(dest.join("print.html")).unwrap();
        assert_eq!(print.matches("<style>").count(), 1);
        assert_eq!(print.matches("const markLine").count(), 1);
        assert_eq!(print.matches("AsciinemaPlayer.create").count(), 1);
        assert_eq!(print.matches("<section class=\"run\"").count(), 2);
    }

    #[test]
    fn the_files_of_the_records_that_are_shown_lie_beside_the_pages_with_their_player() {
        let dir = book();
        let summary = "# Summary\n\n- [One](one.md)\n- [Deep](part/deep.md)\n";
        write(dir.path(), "src/SUMMARY.md", summary);
        let text = "# One\n\n{{#run demo/fork}}\n\n{{#run demo/new}}\n";
        write(dir.path(), "src/one.md", text);
        write(
            dir.path(),
            "src/part/deep.md",
            "# Deep\n\n{{#run demo/fork}}\n",
        );
        for dest in [
            build(dir.path(), None).unwrap(),
            build(dir.path(), Some(&dir.path().join("served"))).unwrap(),
        ] {
            let recorded =
                |name: &str| fs::read(dir.path().join("listings/demo/recorded").join(name));
            for name in ["fork.cast", "fork.memory.csv"] {
                let beside = fs::read(dest.join("records/demo").join(name)).unwrap();
                assert_eq!(beside, recorded(name).unwrap(), "{name}");
            }
            // `demo/fast` has a record, and no page shows it; `demo/new` has none.
            assert_eq!(fs::read_dir(dest.join("records/demo")).unwrap().count(), 2);
            for (page, to_root) in [("one.html", ""), ("part/deep.html", "../")] {
                let page = fs::read_to_string(dest.join(page)).unwrap();
                assert_eq!(page.matches("class=\"record-files\"").count(), 1);
                for (attribute, file) in [
                    ("href", "records/demo/fork.cast".to_owned()),
                    ("href", "records/demo/fork.memory.csv".to_owned()),
                    ("data-player", format!("{}/", player::PLAYER_FOLDER)),
                ] {
                    assert!(dest.join(&file).exists(), "{file}");
                    let link = format!("{attribute}=\"{to_root}{file}\"");
                    assert!(page.contains(&link), "{link} is not in {page}");
                }
                // It is asked for by a click.
                assert!(!page.contains("<script src=\"records"));
            }
        }
    }

    #[test]
    fn a_book_that_shows_no_record_has_no_player() {
        let dir = book();
        write(dir.path(), "src/one.md", "# One\n\n{{#run demo/new}}\n");
        let dest = build(dir.path(), None).unwrap();
        assert!(!dest.join("records").exists());
        let page = fs::read_to_string(dest.join("one.html")).unwrap();
        assert!(!page.contains("AsciinemaPlayer"));
    }

    #[test]
    fn a_search_finds_prose_and_no_output() {
        let dir = book();
        let text = "# One\n\nA sentence about zebras.\n\n{{#run demo/fork}}\n\n\
                    {{#listing demo/src/main.rs}}\n";
        write(dir.path(), "src/one.md", text);
        let dest = build(dir.path(), None).unwrap();
        let index = search_index(&dest).unwrap().expect("mdBook makes one");
        let index = fs::read_to_string(index).unwrap();
        assert!(index.contains("zebras"));
        assert!(!index.contains("everywhere"), "a word of a claim");
        assert!(!index.contains("println"), "a word of the listing");
        // The page that looks for it finds it.
        let page = fs::read_to_string(dest.join("one.html")).unwrap();
        let name = search_index(&dest).unwrap().unwrap();
        assert!(page.contains(&*name.file_name().unwrap().to_string_lossy()));
    }

    #[test]
    fn an_unknown_name_stops_the_build_with_file_and_line() {
        let dir = book();
        write(dir.path(), "src/two.md", "# Two\n\n{{#run demo/gone}}\n");
        let error = format!("{:#}", build(dir.path(), None).unwrap_err());
        assert!(error.contains("src/two.md:3: "), "{error}");
        assert!(!dir.path().join("book").exists());
    }

    #[test]
    fn nothing_on_a_page_is_loaded_from_another_host() {
        let page = page("# One\n\n{{#run demo/fork}}\n{{#listing demo/src/main.rs}}\n");
        for from in [
            "src=\"http",
            "rel=\"stylesheet\" href=\"http",
            "url(http",
            "@import",
        ] {
            assert!(!page.contains(from), "{from}");
        }
    }
}
