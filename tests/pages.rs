//! The built book: its links, its listings, its runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use fork_spawn_share::root;
use mdbook_live::{Book, Size};
use scraper::{Html, Selector};

/// The book, built once for all tests of this file.
static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    mdbook_live::build(root(), Some(folder.path())).expect("the book builds");
    let pages = html_files(folder.path())
        .into_iter()
        .map(|path| {
            let html = fs::read_to_string(&path).expect("a page");
            let name = path
                .strip_prefix(folder.path())
                .expect("inside")
                .to_path_buf();
            (name, html)
        })
        .collect();
    Built { folder, pages }
});

struct Built {
    folder: tempfile::TempDir,
    /// Each page's HTML, by its path in the book.
    pages: BTreeMap<PathBuf, String>,
}

impl Built {
    /// The pages of chapters: not the one that holds all of them for printing.
    fn chapters(&self) -> impl Iterator<Item = (&PathBuf, &String)> {
        let other = ["print.html", "404.html", "404-page.html", "toc.html"];
        self.pages
            .iter()
            .filter(move |(path, _)| !other.iter().any(|name| path.ends_with(name)))
    }
}

fn html_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(html_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            files.push(path);
        }
    }
    files
}

fn select(css: &str) -> Selector {
    Selector::parse(css).expect("a selector")
}

fn book() -> Book {
    Book::open(root()).expect("every runs.toml is right")
}

/// The text of every code block of a page.
fn code_blocks(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let pre = select("pre");
    page.select(&pre)
        .map(|block| block.text().collect())
        .collect()
}

#[test]
fn every_internal_link_and_anchor_resolves() {
    let link = select("a[href], link[href], img[src], script[src]");
    let with_id = select("[id]");
    let ids: BTreeMap<&PathBuf, BTreeSet<String>> = BUILT
        .pages
        .iter()
        .map(|(path, html)| {
            let page = Html::parse_document(html);
            let ids = page
                .select(&with_id)
                .filter_map(|e| e.attr("id").map(str::to_string));
            (path, ids.collect())
        })
        .collect();
    let mut broken = Vec::new();
    let mut followed = 0;
    for (path, html) in BUILT.chapters() {
        let page = Html::parse_document(html);
        for element in page.select(&link) {
            let target = element
                .attr("href")
                .or(element.attr("src"))
                .expect("selected by it");
            if target.contains("://")
                || target.starts_with("mailto:")
                || target.starts_with("data:")
            {
                continue;
            }
            followed += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => normal(&path.parent().expect("a file").join(file)),
            };
            if !BUILT.folder.path().join(&file).exists() {
                broken.push(format!("{}: no file {target}", path.display()));
            } else if !anchor.is_empty() && !ids.get(&file).is_some_and(|ids| ids.contains(anchor))
            {
                broken.push(format!("{}: no anchor {target}", path.display()));
            }
        }
    }
    assert!(followed > 100, "only {followed} links were found");
    assert!(
        broken.is_empty(),
        "expected each link to lead to a file of the book and an id of its page:\n{}",
        broken.join("\n")
    );
}

/// `path` without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// The Rust files of a listing's `src`.
fn sources(listing: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![listing.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("sources").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files
}

#[test]
fn every_file_of_a_listing_appears_in_full_in_a_chapter() {
    let shown: Vec<String> = BUILT
        .chapters()
        .flat_map(|(_, html)| code_blocks(html))
        .collect();
    for listing in book()
        .listings
        .iter()
        .filter(|listing| !listing.dir.starts_with(root().join("benches")))
    {
        for file in sources(&listing.dir) {
            let source = fs::read_to_string(&file).expect("a source");
            let without_anchors: String = source
                .lines()
                .filter(|line| !line.contains("// ANCHOR"))
                .map(|line| format!("{line}\n"))
                .collect();
            assert!(
                shown
                    .iter()
                    .any(|block| block.trim_end() == without_anchors.trim_end()),
                "{} is in no chapter in full; expected {{{{#listing {}/{}}}}} in one",
                file.display(),
                listing.name,
                file.strip_prefix(&listing.dir).expect("inside").display()
            );
        }
    }
}

#[test]
fn every_run_is_shown_once_with_its_command_and_the_notes_beside_it() {
    for run in book().runs() {
        let name = run.full_name();
        let id = format!("run-{}", name.replace('/', "-"));
        let pages: Vec<_> = BUILT
            .chapters()
            .filter(|(path, _)| !path.ends_with("index.html"))
            .map(|(_, html)| Html::parse_document(html))
            .filter(|page| {
                page.select(&select(&format!("[id=\"{id}\"]")))
                    .next()
                    .is_some()
            })
            .collect();
        assert_eq!(
            pages.len(),
            1,
            "{name} is shown in {} chapters; expected {{{{#run {name}}}}} in one",
            pages.len()
        );
        let section = select(&format!("[id=\"{id}\"]"));
        let section = pages[0].select(&section).next().expect("just found");
        let text: String = section.text().collect();
        let command = run.command(Size::Recorded);
        assert!(
            text.contains(&command),
            "{name} does not show its command; expected `{command}`"
        );
        if let Some(Ok(notes)) = run.reference_path().map(fs::read_to_string) {
            let beside: Vec<String> = section
                .select(&select("pre"))
                .map(|pre| pre.text().collect())
                .collect();
            assert!(
                beside.iter().any(|pre| pre.trim_end() == notes.trim_end()),
                "{name} does not show what the notes' program printed; expected {}",
                run.reference_path().expect("just read").display()
            );
        }
    }
}

#[test]
fn each_of_the_notes_fifteen_outputs_belongs_to_a_run() {
    let book = book();
    let with_notes = book
        .runs()
        .filter(|run| run.reference_path().is_some_and(|path| path.exists()))
        .count();
    assert_eq!(
        with_notes, 15,
        "expected each of the notes' 15 outputs as notes/RUN.txt of a listing"
    );
    for listing in &book.listings {
        for notes in fs::read_dir(listing.dir.join("notes"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let run = notes
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            assert!(
                listing.runs.iter().any(|r| r.name == run),
                "{} belongs to no run; expected one that is named `{run}` in the listing's runs.toml",
                notes.path().display()
            );
        }
    }
}

#[test]
fn no_line_of_a_listing_is_pasted_where_an_include_belongs() {
    let listings: BTreeSet<String> = book()
        .listings
        .iter()
        .flat_map(|listing| sources(&listing.dir))
        .flat_map(|file| {
            let source = fs::read_to_string(file).expect("a source");
            source
                .lines()
                .map(|line| line.trim().to_string())
                .collect::<Vec<_>>()
        })
        .filter(|line| line.len() > 30)
        .collect();
    assert!(listings.len() > 200, "{}", listings.len());
    for chapter in fs::read_dir(root().join("src"))
        .expect("chapters")
        .flatten()
    {
        if chapter.path().extension().is_none_or(|kind| kind != "md") {
            continue;
        }
        let text = fs::read_to_string(chapter.path()).expect("a chapter");
        for line in text.lines().map(str::trim) {
            assert!(
                !listings.contains(line),
                "{}: `{line}` is a line of a listing; expected {{{{#listing …}}}} or \
                 {{{{#include …}}}} of its file",
                chapter.path().display()
            );
        }
    }
}

/// The sources of the numbered chapters, by name.
fn numbered_chapters() -> Vec<(String, String)> {
    let summary = fs::read_to_string(root().join("src/SUMMARY.md")).expect("a summary");
    let numbered = summary
        .lines()
        .filter(|line| line.trim_start().starts_with("- ["));
    let chapters: Vec<(String, String)> = numbered
        .map(|line| {
            let (_, rest) = line.split_once("](").expect("a link");
            let file = rest.trim_end_matches(')');
            let text = fs::read_to_string(root().join("src").join(file)).expect("a chapter");
            (file.to_owned(), text)
        })
        .collect();
    assert!(chapters.len() >= 7, "{}", chapters.len());
    chapters
}

/// What follows a directive's name in a chapter, wherever that is there.
fn directives<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("{{{{#{name} ");
    let after = text.split(&opening).skip(1);
    let arguments = after.map(|after| after.split_once("}}").expect("its end").0);
    arguments.collect()
}

/// The numbers of `KEY=NUMBER` words.
fn numbers(arguments: &str) -> BTreeMap<&str, u32> {
    let words = arguments.split_whitespace();
    let numbers = words.filter_map(|word| {
        let (key, value) = word.split_once('=')?;
        Some((key, value.parse().ok()?))
    });
    numbers.collect()
}

/// The rows of a page's tables with such heads, each as the text of its cells.
fn tables(page: &str, heads: &[&str]) -> Vec<Vec<Vec<String>>> {
    let page = Html::parse_document(&BUILT.pages[Path::new(page)]);
    let text = |cell: scraper::ElementRef<'_>| cell.text().collect::<String>().trim().to_owned();
    let (all, row, cell) = (select("main table"), select("tbody tr"), select("td"));
    let tables = page.select(&all).filter(|table| {
        let found: Vec<String> = table.select(&select("thead th")).map(text).collect();
        found == heads
    });
    let rows = |table: scraper::ElementRef<'_>| {
        let rows = table.select(&row);
        rows.map(|row| row.select(&cell).map(text).collect())
            .collect()
    };
    tables.map(rows).collect()
}

#[test]
fn every_chapter_says_what_it_takes_and_the_table_adds_them_up() {
    let table = tables(
        "teaching.html",
        &["Chapter", "To read", "To teach", "Exercises"],
    );
    let [table] = &table[..] else {
        panic!("src/teaching.md: expected `{{{{#lessons}}}}` once");
    };
    let mut all = [0, 0, 0];
    let book = Book::open(root()).expect("the book");
    let chapters = numbered_chapters();
    assert_eq!(
        table.len(),
        chapters.len() + 1,
        "a row for each, and the sums"
    );
    for ((file, text), row) in chapters.iter().zip(table) {
        let opening = text.split("\n## ").next().expect("an opening");
        let (lessons, minutes) = (directives(opening, "lesson"), directives(text, "minutes"));
        let ([lesson], [minutes]) = (&lessons[..], &minutes[..]) else {
            panic!(
                "{file}: expected `{{{{#lesson read=… exercises=…}}}}` once, before its first \
                 section, and `{{{{#minutes …}}}}` once, in the instructor's notes"
            );
        };
        let lesson = numbers(lesson);
        let read = lesson["read"];
        // Those that are judged say their minutes themselves.
        let graded = directives(text, "exercise").into_iter();
        let graded = graded.map(|name| book.exercise(name).expect("it is there").exercise.minutes);
        let exercises = lesson.get("exercises").unwrap_or(&0) + graded.sum::<u32>();
        let teach: u32 = numbers(minutes).values().sum();
        // Its text, without what is folded and without code.
        let body = text.split("\n## Exercises").next().expect("a beginning");
        let words = body
            .split("```")
            .step_by(2)
            .map(|prose| prose.split_whitespace().count());
        let words = words.sum::<usize>() as u32;
        assert!(
            (60..=200).contains(&(words / read)),
            "{file}: expected minutes to read of 60 to 200 words each, found {read} for {words}"
        );
        let told =
            format!("{read} minutes to read, {teach} to teach, {exercises} for the exercises.");
        let page = &BUILT.pages[Path::new(&file.replace(".md", ".html"))];
        assert!(
            page.contains(&told),
            "{file}: expected `{told}` on its page"
        );
        let found = [&row[1], &row[2], &row[3]].map(|cell| cell.parse::<u32>().ok());
        assert_eq!(found, [read, teach, exercises].map(Some), "{file}: {row:?}");
        for (sum, minutes) in all.iter_mut().zip([read, teach, exercises]) {
            *sum += minutes;
        }
    }
    let sums = table.last().expect("a row").iter().skip(1);
    let sums: Vec<Option<u32>> = sums.map(|cell| cell.parse().ok()).collect();
    assert_eq!(sums, all.map(Some), "the sums of the table");
}

#[test]
fn every_plan_goes_by_the_clock_and_has_its_breaks() {
    let course = fs::read_to_string(root().join("src/course.toml")).expect("the plans");
    let plans = tables(
        "teaching.html",
        &["At", "What", "Minutes", "So far", "Left"],
    );
    let sessions = course.matches("[[plan.session]]").count();
    assert_eq!(plans.len(), sessions, "expected a table for each session");
    assert!(sessions >= 16, "{sessions}");
    let minutes = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{text}"));
    let clock = |text: &str| {
        let (hours, rest) = text.split_once(':').expect("a time");
        minutes(hours) * 60 + minutes(rest)
    };
    let said = |key: &str| -> Vec<&str> {
        let key = format!("{key} = \"");
        let lines = course.lines();
        let values = lines.filter_map(|line| line.strip_prefix(&key)?.strip_suffix('"'));
        values.collect()
    };
    // "90min", "8h", "3h 30min".
    let minutes_of = |length: &str| -> u32 {
        let parts = length.split(' ').map(|part| match part.strip_suffix('h') {
            Some(hours) => minutes(hours) * 60,
            None => minutes(part.trim_end_matches("min")),
        });
        parts.sum()
    };
    let sessions = said("starts").into_iter().zip(said("length"));
    for (plan, (starts, length)) in plans.iter().zip(sessions) {
        let [parts @ .., end] = &plan[..] else {
            panic!("a session without parts");
        };
        let (starts, length) = (clock(starts), minutes_of(length));
        let (mut passed, mut without_break) = (0, 0);
        for part in parts {
            assert_eq!(clock(&part[0]), starts + passed, "when {} begins", part[1]);
            passed += minutes(&part[2]);
            assert_eq!(minutes(&part[3]), passed, "so far, after {}", part[1]);
            assert_eq!(
                minutes(&part[4]),
                length - passed,
                "left, after {}",
                part[1]
            );
            without_break = match &part[1][..] {
                "Break" | "Lunch" => 0,
                _ => without_break + minutes(&part[2]),
            };
            assert!(
                without_break <= 90,
                "{without_break} minutes up to {}",
                part[1]
            );
        }
        assert_eq!((&end[1][..], clock(&end[0])), ("End", starts + passed));
    }
}

/// What a chapter lacks of its objectives, key points and questions.
fn lacking(text: &str) -> Vec<String> {
    let items = |list: &str| {
        list.lines()
            .take_while(|line| line.starts_with("- "))
            .count()
    };
    let opening = text.split("\n## ").next().expect("an opening");
    let objectives = opening.split_once("\n\nAfter this chapter you can:\n\n");
    let objectives = objectives.map_or(0, |(_, list)| items(list));
    let (before, after) = text.split_once("\n## Exercises\n").unwrap_or((text, ""));
    let key_points = before.split_once("\n## Key points\n\n");
    let key_points = key_points.map_or(0, |(_, list)| items(list));
    let questions = before.matches("\n```question\n").count();
    let mut lacking = Vec::new();
    if !(2..=6).contains(&objectives) {
        lacking.push(format!(
            "2 to 6 objectives, a list after `After this chapter you can:` in its opening, found {objectives}"
        ));
    }
    if !(3..=6).contains(&key_points) || after.contains("\n## Key points\n") {
        lacking.push(format!(
            "3 to 6 key points, a list in `## Key points` before its exercises, found {key_points}"
        ));
    }
    if questions < 2 {
        lacking.push(format!(
            "2 questions or more, each in a block ```question, found {questions}"
        ));
    }
    lacking
}

#[test]
fn every_chapter_has_objectives_key_points_and_questions() {
    for (file, text) in numbered_chapters() {
        let lacking = lacking(&text);
        assert!(
            lacking.is_empty(),
            "{file}: expected {}",
            lacking.join("; ")
        );
    }
}

#[test]
fn every_chapter_has_what_a_reader_and_a_teacher_expect() {
    let book = Book::open(root()).expect("the book is right");
    for (file, text) in numbered_chapters() {
        for heading in [
            "Predict",
            "It goes wrong",
            "At work",
            "Exercises",
            "Instructor's notes",
            "Sources",
        ] {
            let line = format!("\n## {heading}\n");
            assert!(
                text.contains(&line),
                "{file}: expected a section `## {heading}`"
            );
        }
        let exercises = directives(&text, "exercise");
        let levels: BTreeSet<u8> = exercises
            .iter()
            .map(|name| book.exercise(name).expect("it is there").exercise.level)
            .collect();
        assert!(
            exercises.len() >= 3 && levels.len() == 3,
            "{file}: expected three exercises or more, of levels 1, 2 and 3; it has {} of {levels:?}",
            exercises.len()
        );
        let solutions = text
            .matches("<details class=\"solution\"><summary>")
            .count();
        assert!(
            solutions >= exercises.len(),
            "{file}: expected a solution for each of {} exercises, in `<details class=\"solution\"><summary>`; it has {solutions}",
            exercises.len()
        );
        assert!(
            text.contains("<details class=\"instructor\">"),
            "{file}: expected the notes for teachers in `<details class=\"instructor\">`"
        );
    }
}

#[test]
fn no_word_is_used_before_it_is_explained() {
    let order: Vec<String> = numbered_chapters()
        .into_iter()
        .map(|(file, _)| file.replace(".md", ".html"))
        .collect();
    let mut early = Vec::new();
    let mut terms = 0;
    let mut uses = 0;
    let place = |order: &[String], page: &str| order.iter().position(|known| known == page);
    for (at, page) in order.iter().enumerate() {
        let html = &BUILT.pages[Path::new(page)];
        // An opening says which words the chapter explains, and so uses them.
        let text = html.find("<main").expect("a text");
        let opening = text + html[text..].find("<h2 ").expect("a section");
        let parsed = Html::parse_document(html);
        terms += parsed.select(&select("dfn")).count();
        for link in parsed.select(&select("a.term")) {
            uses += 1;
            let word: String = link.text().collect();
            let href = link.attr("href").expect("it leads somewhere");
            let (explained, id) = href.split_once('#').expect("a place of a page");
            let explained = place(&order, explained).expect("a numbered chapter");
            let in_opening = html[text..]
                .find(&format!(">{word}</a>"))
                .is_some_and(|at| text + at < opening);
            if explained > at || (explained == at && !in_opening) {
                early.push(format!(
                    "{page}: {word}, explained at {}#{id}",
                    order[explained]
                ));
            }
        }
    }
    assert!(terms > 20 && uses > 100, "{terms} terms, {uses} first uses");
    assert!(
        early.is_empty(),
        "expected each word to be explained before it is used; move {{{{#define …}}}}, or say it \
         in other words:\n{}",
        early.join("\n")
    );
}

#[test]
fn no_page_needs_another_host() {
    let loads = select("script[src], link[rel~=stylesheet], img[src], iframe[src], source[src]");
    for (path, html) in BUILT.chapters() {
        for element in Html::parse_document(html).select(&loads) {
            let from = element
                .attr("src")
                .or(element.attr("href"))
                .unwrap_or_default();
            assert!(
                !from.contains("//"),
                "{} loads {from}; expected a file of the book",
                path.display()
            );
        }
    }
}

/// Bytes of a page over the wire, with all that a browser loads to show it.
const MOST_BYTES: usize = 300_000;

/// Bytes of a file as web servers send it.
fn on_the_wire(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|kind| kind == "woff2") {
        // Compressed already.
        return bytes.len();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it").len()
}

#[test]
fn no_page_weighs_more_than_a_slow_connection_bears() {
    let loads = select("script[src], link[rel~=stylesheet], link[rel=icon], img[src]");
    let root = BUILT.folder.path();
    // A page loads the fonts in which it has letters: at most all.
    let fonts: usize = fs::read_dir(root.join("fonts"))
        .expect("the book has fonts")
        .flatten()
        .map(|font| font.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "woff2"))
        .map(|path| on_the_wire(&path))
        .sum();
    assert!(fonts > 0, "no font was found");
    for (path, html) in BUILT.chapters() {
        let page = root.join(path);
        let folder = page.parent().expect("a file");
        let page_loads = Html::parse_document(html);
        let files = page_loads.select(&loads).filter_map(|element| {
            let file = element.attr("src").or(element.attr("href"))?;
            Some(folder.join(file))
        });
        let loaded: usize = files.map(|file| on_the_wire(&file)).sum();
        let whole = on_the_wire(&page) + loaded + fonts;
        assert!(
            whole < MOST_BYTES,
            "{} weighs {whole} bytes with what it loads, {fonts} of them fonts; expected less than \
             {MOST_BYTES}",
            path.display()
        );
    }
}

#[test]
fn the_readme_names_every_listing() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for listing in book().listings {
        let folder = listing
            .dir
            .strip_prefix(root())
            .expect("inside")
            .display()
            .to_string();
        assert!(
            readme.contains(&format!("({folder})")),
            "README.md names no {folder}; expected a row for it that links to ({folder})"
        );
    }
}

#[test]
fn each_step_of_the_reader_s_pool_begins_with_the_solution_of_the_step_before() {
    let steps = [
        (
            "worker-pool/examples/pool_of_two.rs",
            "when-a-worker-dies/examples/exercise_pool_replaces.rs",
        ),
        (
            "when-a-worker-dies/examples/pool_replaces.rs",
            "supervision/examples/exercise_pool_deadline.rs",
        ),
    ];
    for (solution, starter) in steps {
        let listings = root().join("listings");
        let read = |file: &str| fs::read_to_string(listings.join(file)).expect("a program");
        let solved = read(solution);
        let (_, pool) = solved
            .split_once("// ANCHOR: solution\n")
            .expect("an anchor");
        let (pool, _) = pool.split_once("// ANCHOR_END: solution").expect("its end");
        assert!(
            read(starter).contains(pool),
            "listings/{starter}: expected the pool of listings/{solution}"
        );
    }
}

#[test]
fn what_a_class_is_given_builds_and_has_no_solution() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let zip = folder.path().join("class.zip");
    let book = Book::open(root()).expect("the book is right");
    mdbook_live::pack(&book, &zip).expect("it can be packed");
    let zip = fs::File::open(&zip).expect("it is there");
    let mut zip = zip::ZipArchive::new(zip).expect("a zip");
    zip.extract(folder.path().join("class"))
        .expect("room for it");
    let name = root().file_name().expect("a name");
    let class = folder.path().join("class").join(name);
    let built = mdbook_live::build(&class, None).expect("it builds");
    for (file, _) in numbered_chapters() {
        let page = built.join(&file).with_extension("html");
        let page = fs::read_to_string(&page).expect("its page");
        assert!(!page.contains("class=\"solution\""), "{file}");
    }
}
