//! The example book: forty listings in the manner of a book about Rust. What each of them prints
//! is recorded and checked, and a change that is planted in any of them is found.

use std::fs;
use std::path::{Path, PathBuf};
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

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("example")
}

/// A copy of the book, without what was built.
fn copy() -> TempDir {
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
    copy_into(&example(), dir.path());
    dir
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

/// One after another: the server of the book has one port.
#[test]
fn what_the_forty_listings_print_is_checked_and_each_planted_change_is_found() {
    let dir = copy();
    let book = dir.path();
    let planted = fs::read_to_string(book.join("planted.toml")).expect("a file");
    let planted: Planted = toml::from_str(&planted).expect("changes");
    let list = passes(book, &["list", "--json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let runs = list["runs"].as_array().expect("runs");
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

    // The committed records are of one compiler; those of this one are beside the point.
    let here = runs.iter().all(|run| run["problem"].is_null());
    assert!(here, "a record is stale or not there: {list:#}");
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = String::from_utf8(rustc.expect("rustc").stdout).expect("text");
    let by_this = |run: &Value| run["rustc"].as_str().is_none_or(|by| by == rustc.trim());
    if runs.iter().all(by_this) {
        passes(book, &["check", "--claims-only"]);
    } else {
        passes(book, &["record"]);
        passes(book, &["check", "--claims-only"]);
    }

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
