//! Builds the book with mdBook's libraries, in process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_html::HtmlHandlebars;

use crate::book::listing::Size;
use crate::chapter::live_runs::{LiveRun, LiveRuns};
use crate::chapter::preprocessor::{self, LivePreprocessor};
use crate::chapter::survey::runs_shown;
use crate::page::style;
use crate::record::cast::Record;
use crate::record::result::RunResult;
use crate::run::host;
use crate::run::session::Session;
use crate::verbs::records;

/// Builds the HTML book of `root` into `dest`, or where `book.toml` says, and returns that folder.
///
/// # Errors
///
/// When the book cannot be read, a directive names something that does not exist
/// (`src/chapter.md:41: …`, one line each), or the pages cannot be written.
pub fn build(root: &Path, dest: Option<&Path>) -> Result<PathBuf> {
    let live = LivePreprocessor {
        with_records: true,
        ..LivePreprocessor::default()
    };
    build_with(root, dest, live, SiteUrl::OfBookToml)
}

/// As [`build`], for a server that shows the book at its root, wherever `book.toml` has it
/// published: the page for what is not there finds its style.
///
/// # Errors
///
/// As [`build`].
pub fn build_for_serving(root: &Path, dest: &Path) -> Result<PathBuf> {
    let live = LivePreprocessor {
        with_records: true,
        ..LivePreprocessor::default()
    };
    build_with(root, Some(dest), live, SiteUrl::Root)
}

/// Under which path a site shows the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SiteUrl {
    /// `output.html.site-url`.
    OfBookToml,
    /// `/`, as mdBook's own server has it.
    Root,
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
    observe: &dyn Fn(&str),
) -> Result<(PathBuf, Vec<String>)> {
    let mut made = LiveRuns {
        host: Some(host::card(&session.book.root)?),
        runs: HashMap::new(),
    };
    let mut failed = Vec::new();
    for run in session.book.runs() {
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
        prose_only: false,
        with_records: true,
    };
    let root = &session.book.root;
    let built = build_with(root, dest, live, SiteUrl::OfBookToml)?;
    Ok((built, failed))
}

fn build_with(
    root: &Path,
    dest: Option<&Path>,
    live: LivePreprocessor,
    site_url: SiteUrl,
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
    if site_url == SiteUrl::Root {
        config.set("output.html.site-url", "/")?;
    }
    // The same order as plain `mdbook build` needs; given here, a book.toml without it works too.
    let before = format!("preprocessor.{}.before", preprocessor::NAME);
    if config.get::<Vec<String>>(&before)?.is_none() {
        config.set(&before, ["links"])?;
    }
    let config_of_index = config.clone();
    let mut book = MDBook::load_with_config(root, config)?;
    let shown = runs_shown(&book.book.items);
    // Takes the place of the external command of the same name, so that it runs once.
    book.with_preprocessor(live);
    let renderer = HtmlHandlebars::new();
    book.execute_build_process(&renderer)?;
    let built = book.build_dir_for("html");
    style_once(&built.join("print.html"))?;
    records::lay_beside(&built, root, &shown)?;
    // While its author writes, a book need not be searched.
    if site_url == SiteUrl::OfBookToml {
        index_prose(root, config_of_index, &built)?;
    }
    Ok(built)
}

/// Has the search of a built book find prose only: what programs print, and their code, have
/// most of a book's words, and would hide the section that explains one. mdBook indexes what a
/// page has, so the index is that of the same book without them.
fn index_prose(root: &Path, mut config: Config, built: &Path) -> Result<()> {
    let Some(index) = search_index(built)? else {
        return Ok(());
    };
    let folder = tempfile::tempdir().context("making a folder for the index of the search")?;
    config.build.build_dir = folder.path().to_owned();
    config.set("output.html.print.enable", false)?;
    let mut book = MDBook::load_with_config(root, config)?;
    book.with_preprocessor(LivePreprocessor {
        prose_only: true,
        ..LivePreprocessor::default()
    });
    book.execute_build_process(&HtmlHandlebars::new())?;
    if let Some(of_prose) = search_index(&book.build_dir_for("html"))? {
        std::fs::copy(of_prose, &index).with_context(|| format!("writing {}", index.display()))?;
    }
    Ok(())
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

/// The page for printing is all chapters, each with the style that it needs alone: one is
/// enough for all.
fn style_once(page: &Path) -> Result<()> {
    let Ok(html) = std::fs::read_to_string(page) else {
        // A book may be configured to have no such page.
        return Ok(());
    };
    let style = style::style();
    if let Some((before, after)) = html.split_once(&style) {
        let once = format!("{before}{style}{}", after.replace(&style, ""));
        std::fs::write(page, once).with_context(|| format!("writing {}", page.display()))?;
    }
    Ok(())
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
        let (dest, failed) = build_live(&session, None, &|_| {}).unwrap();
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
            build_for_serving(dir.path(), &dir.path().join("served")).unwrap(),
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
