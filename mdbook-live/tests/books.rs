//! The two books of this package. The example: forty listings in the manner of a book about Rust,
//! what each of them prints recorded and checked, and a change that is planted in any of them
//! found. And the guide.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// The changes of `planted.toml`.
#[derive(Deserialize)]
struct Planted {
    change: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    listing: String,
    file: String,
    from: String,
    to: String,
    why: String,
}

/// A copy of one of the books, without what was built. A packaged crate has none of them: cargo
/// leaves out the packages that their listings are.
fn copy(book: &str) -> Option<TempDir> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    if package.join(".cargo_vcs_info.json").exists() {
        return None;
    }
    fn copy_into(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            if path.is_dir() && name != "target" && name != "book" {
                copy_into(&path, &to.join(name));
            } else if path.is_file() {
                fs::copy(&path, to.join(name)).expect("a copy");
            }
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    copy_into(&package.join(book), dir.path());
    Some(dir)
}

fn tool(book: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mdbook-live"))
        .args(arguments)
        .arg("--root")
        .arg(book)
        .output()
        .expect("it starts")
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{out}{errors}")
}

#[track_caller]
fn passes(book: &Path, arguments: &[&str]) -> String {
    let output = tool(book, arguments);
    let text = text(&output);
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

/// What `list` says of a book's runs.
fn runs_of(book: &Path) -> Vec<Value> {
    let list = passes(book, &["list", "--json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    list["runs"].as_array().expect("runs").clone()
}

/// Checks the records of a book: those that are kept, where this compiler made them, or else new
/// ones. None may be stale, or missing.
fn check_records(book: &Path, runs: &[Value]) {
    for run in runs {
        let is_whole = run["problem"].is_null() && !run["recorded"].is_null();
        assert!(is_whole, "{run:#}");
    }
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = String::from_utf8(rustc.expect("rustc").stdout).expect("text");
    let by_this = |run: &Value| run["rustc"].as_str().is_none_or(|by| by == rustc.trim());
    if runs.iter().all(by_this) {
        passes(book, &["check", "--strict"]);
    } else {
        passes(book, &["record"]);
        passes(book, &["check", "--claims-only"]);
    }
}

/// How many runs the pages of a book show. No page names a folder of the machine that recorded
/// them.
fn shown(book: &Path) -> usize {
    passes(book, &["build"]);
    let mut shown = 0;
    for entry in fs::read_dir(book.join("book")).expect("it is built") {
        let path = entry.expect("an entry").path();
        let is_page = path
            .extension()
            .is_some_and(|extension| extension == "html");
        if !is_page || path.ends_with("print.html") || path.ends_with("index.html") {
            continue;
        }
        let page = fs::read_to_string(&path).expect("a page");
        shown += page.matches("<section class=\"run\"").count();
        let home = std::env::var("HOME").unwrap_or_default();
        let here = [env!("CARGO_MANIFEST_DIR"), &home, &book.to_string_lossy()];
        for folder in here.iter().filter(|folder| folder.len() > 1) {
            let named = page.contains(&format!("{folder}/"));
            assert!(!named, "{}: {folder}", path.display());
        }
    }
    shown
}

#[test]
fn the_guide_is_a_checked_book() {
    let Some(dir) = copy("guide") else {
        return;
    };
    let runs = runs_of(dir.path());
    check_records(dir.path(), &runs);
    assert!(shown(dir.path()) >= 10);
}

/// One after another: the server of the book has one port.
#[test]
fn what_the_forty_listings_print_is_checked_and_each_planted_change_is_found() {
    let Some(dir) = copy("example") else {
        return;
    };
    let book = dir.path();
    let planted = fs::read_to_string(book.join("planted.toml")).expect("a file");
    let planted: Planted = toml::from_str(&planted).expect("changes");
    let runs = &runs_of(book)[..];
    let mut listings: Vec<&str> = runs
        .iter()
        .map(|run| run["folder"].as_str().expect("a folder"))
        .map(|folder| folder.strip_prefix("listings/").expect("a listing"))
        .collect();
    listings.dedup();
    let mut changed: Vec<&str> = planted
        .change
        .iter()
        .map(|change| &*change.listing)
        .collect();
    listings.sort_unstable();
    changed.sort_unstable();
    assert_eq!((listings.len(), &listings), (40, &changed));

    check_records(book, runs);
    assert_eq!(shown(book), runs.len());

    let mut missed = Vec::new();
    for Change {
        listing,
        file,
        from,
        to,
        why,
    } in &planted.change
    {
        let path = book.join("listings").join(listing).join(file);
        let before = fs::read_to_string(&path).expect("a file");
        assert_eq!(before.matches(from).count(), 1, "{listing}: {from}");
        fs::write(&path, before.replace(from, to)).expect("a file");
        let output = tool(book, &["check", "--claims-only", listing]);
        if output.status.success() {
            missed.push(format!("{listing}: {why}: {}", text(&output)));
        }
        fs::write(&path, before).expect("a file");
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));

    // Reversed lines are other lines.
    for run in runs {
        let name = run["run"].as_str().expect("a name");
        let (listing, short) = name.rsplit_once('/').expect("a run");
        let folder = book.join("listings").join(listing).join("recorded");
        let path = folder.join(format!("{short}.cast"));
        let before = fs::read_to_string(&path).expect("a record");
        let (head, events) = before.split_once('\n').expect("a header");
        let mut lines: Vec<&str> = events.lines().collect();
        lines.reverse();
        let prints = |event: &&str| -> String {
            let event: Value = serde_json::from_str(event).expect("an event");
            event[2].as_str().expect("text").to_owned()
        };
        let texts: Vec<String> = lines.iter().map(prints).collect();
        let same = texts.iter().eq(texts.iter().rev());
        // Of one worker nothing is known but that it prints; two lines that cargo may leave out
        // are one that is compared.
        if same || name == "threads/workers/run" || name == "packages/library/check" {
            continue;
        }
        fs::write(&path, format!("{head}\n{}\n", lines.join("\n"))).expect("a record");
        let output = tool(book, &["check", "--claims-only", name]);
        assert!(!output.status.success(), "{name}: {}", text(&output));
        fs::write(&path, before).expect("a record");
    }
}
