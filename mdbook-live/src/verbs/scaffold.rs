//! New books and new listings.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::book::load;
use crate::book::program::CargoVerb;
use crate::record::files::{Replacement, read_if_there};

/// The listing of a new book, `hello`.
const HELLO: [(&str, &str); 2] = [
    (
        "listings/hello/src/main.rs",
        include_str!("../../template/main.rs"),
    ),
    (
        "listings/hello/runs.toml",
        include_str!("../../template/runs.toml"),
    ),
];

/// What git does not keep: the built book, and what cargo builds.
const GITIGNORE: &str = ".gitignore";
const BUILT: [&str; 2] = ["/book/", "target/"];

const CHAPTERS: [(&str, &str); 2] = [
    ("src/SUMMARY.md", "# Summary\n\n- [Hello](hello.md)\n"),
    (
        "src/hello.md",
        "# Hello\n\nThe program:\n\n{{#listing hello/src/main.rs}}\n\n\
         It greets the world, and those who are named:\n\n{{#run hello/run}}\n\n\
         {{#run hello/names}}\n",
    ),
];

/// Writes a book with one listing into a folder, and returns its files, from there.
///
/// # Errors
///
/// When one of them is there already, or cannot be written.
pub fn init(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let folder = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let book = format!(
        "[book]\ntitle = {}\nlanguage = \"en\"\n\n[preprocessor.live]\n\
         command = \"mdbook-live preprocess\"\nbefore = [\"links\"]\nlistings = [\"listings/*\"]\n",
        toml::Value::String(name.into_owned())
    );
    let path = folder.join(GITIGNORE);
    let ignored = read_if_there(&path)?.unwrap_or_default();
    let mut gitignore = ignored.clone();
    for line in BUILT {
        if !ignored.lines().any(|known| known == line) {
            if !gitignore.is_empty() && !gitignore.ends_with('\n') {
                gitignore.push('\n');
            }
            gitignore += &format!("{line}\n");
        }
    }
    let mut files = vec![("book.toml", &*book)];
    files.extend(CHAPTERS);
    let hello = manifest("hello");
    files.push(("listings/hello/Cargo.toml", &hello));
    files.extend(HELLO);
    for (path, _) in &files {
        let there = folder.join(path);
        let above = there.ancestors().skip(1);
        let mut above = above.take_while(|above| *above != folder);
        if let Some(file) = above.find(|above| above.is_file()) {
            bail!(
                "{} is a file; expected a folder there, or nothing",
                file.display()
            );
        }
        ensure!(
            there.symlink_metadata().is_err(),
            "{} already exists; expected a folder without a book",
            there.display()
        );
    }
    files.insert(1, (GITIGNORE, &gitignore));
    for (path, text) in &files {
        Replacement::of(&folder.join(path), text)?.take_its_place()?;
    }
    Ok(files.iter().map(|(path, _)| PathBuf::from(path)).collect())
}

/// Whether a folder has nothing but what a repository begins with.
///
/// # Errors
///
/// When it cannot be listed.
pub fn is_empty(folder: &Path) -> Result<bool> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !["README", "LICENSE", ".git"]
            .iter()
            .any(|first| name.starts_with(first))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a new listing runs.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Its program.
    Program,
    /// A command of cargo.
    Cargo(CargoVerb),
    /// Another program, and its arguments.
    Command(Vec<String>),
}

/// A listing that has been written.
#[derive(Debug, Clone)]
pub struct NewListing {
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, from there.
    pub files: Vec<PathBuf>,
    /// Its source, from there, where it has one.
    pub source: Option<&'static str>,
}

/// Writes a listing where the book's globs find it.
///
/// # Errors
///
/// When it is there already, no glob finds one of that name, or it cannot be written.
pub fn new_listing(root: &Path, name: &str, kind: &Kind) -> Result<NewListing> {
    let config = load::config(root)?;
    let folder = folder_of(root, &config.listings, name)?;
    ensure!(
        !folder.exists(),
        "{} already exists; expected another name",
        folder.display()
    );
    let package = name.rsplit('/').next().unwrap_or(name);
    let manifest = manifest(package);
    let main = "fn main() {\n    println!(\"Hello, world!\");\n}\n";
    let test = "pub fn double(number: i32) -> i32 {\n    2 * number\n}\n\n\
                #[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    \
                fn doubles() {\n        assert_eq!(double(2), 4);\n    }\n}\n";
    let (runs, source) = match kind {
        Kind::Program => ("[[run]]\n".to_owned(), Some(("src/main.rs", main))),
        Kind::Cargo(CargoVerb::Test) => (
            "[[run]]\ncargo = \"test\"\n".to_owned(),
            Some(("src/lib.rs", test)),
        ),
        Kind::Cargo(verb) => (
            format!("[[run]]\ncargo = \"{verb}\"\n"),
            Some(("src/main.rs", main)),
        ),
        Kind::Command(words) => {
            let words = words.iter().cloned().map(toml::Value::String).collect();
            let words = toml::Value::Array(words);
            (format!("[[run]]\ncommand = {words}\n"), None)
        }
    };
    let mut files = vec![("runs.toml", &*runs)];
    if let Some(source) = source {
        ensure!(
            is_package_name(package),
            "expected letters, digits, - and _ in a package's name, found `{package}`"
        );
        files.extend([("Cargo.toml", &*manifest), source]);
    }
    for (path, text) in &files {
        Replacement::of(&folder.join(path), text)?.take_its_place()?;
    }
    Ok(NewListing {
        folder,
        files: files.iter().map(|(path, _)| PathBuf::from(path)).collect(),
        source: source.map(|(path, _)| path),
    })
}

/// The manifest of a listing: a workspace of its own, it does not depend on where it lies.
fn manifest(package: &str) -> String {
    format!(
        "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n"
    )
}

/// The folder of a listing with that name, which a glob finds.
fn folder_of(root: &Path, globs: &[String], name: &str) -> Result<PathBuf> {
    ensure!(
        !name.contains(char::is_whitespace),
        "expected a name without spaces, found `{name}`"
    );
    for text in globs {
        let path = load::literal(text).join(name);
        let glob = glob::Pattern::new(text).with_context(|| format!("listings: `{text}`"))?;
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::default()
        };
        let normal = !name.split('/').any(|part| part.is_empty() || part == "..");
        if normal && glob.matches_path_with(&path, options) {
            return Ok(root.join(path));
        }
    }
    bail!(
        "`listings` in book.toml would not match a listing `{name}`; expected a name that fits {}",
        globs.join(" or ")
    )
}

fn is_package_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;

    #[test]
    fn a_new_book_is_right_and_takes_new_listings() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("a \"book\"");
        assert!(init(&root).expect("it is written").len() > 6);
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("guide");
        // A packaged crate has the guide's chapters alone.
        let packaged = guide.with_file_name(".cargo_vcs_info.json").exists();
        for file in ["Cargo.toml", "src/main.rs", "runs.toml"]
            .iter()
            .filter(|_| !packaged)
        {
            let read = |book: &Path| fs::read_to_string(book.join("listings/hello").join(file));
            let (new, of_guide) = (read(&root), read(&guide));
            assert_eq!(new.expect("a file"), of_guide.expect("a file"), "{file}");
        }
        let names = |root: &Path| -> Vec<String> {
            let book = Book::open(root).expect("the book is right");
            book.runs().map(|run| run.full_name()).collect()
        };
        assert_eq!(names(&root), ["hello/run", "hello/names"]);
        let again = init(&root).expect_err("it is there").to_string();
        assert!(again.contains("book.toml already exists"), "{again}");

        for (name, kind) in [
            ("plain", Kind::Program),
            ("tested", Kind::Cargo(CargoVerb::Test)),
            (
                "sum",
                Kind::Command(vec!["python3".into(), "sum.py".into()]),
            ),
        ] {
            let new = new_listing(&root, name, &kind).expect("it is written");
            assert_eq!(new.source.is_some(), new.files.len() == 3, "{new:?}");
        }
        let all = names(&root);
        assert_eq!(all[2..], ["plain/run", "sum/python3", "tested/test"]);
        for (name, why) in [
            ("plain", "already exists"),
            ("a/b", "would not match"),
            ("../x", "would not match"),
            ("9", "expected letters"),
        ] {
            let error = new_listing(&root, name, &Kind::Program).expect_err(name);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
