//! The book's sources for a class: all of them, but for the solutions of the exercises.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ignore::WalkBuilder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::book::listing::Book;
use crate::chapter::solutions::without_solutions;

/// Writes the zip `dest`: every file of the book that git does not ignore. Chapters lack their
/// solutions; where the program of a solution was there is the starter of its exercise, so that
/// all of it still builds. Returns how many files it has.
///
/// # Errors
///
/// When `dest` is there, or a file cannot be read or written.
pub fn pack(book: &Book, dest: &Path) -> Result<usize> {
    ensure!(
        !dest.exists(),
        "{} is there; expected the name of a new file",
        dest.display()
    );
    let folder = dest.parent().filter(|dir| *dir != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    // Permissions as any new file has, after the umask; the default is the owner's alone.
    let temporary = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(|| format!("cannot write {}", dest.display()))?;
    let files = write(book, temporary.as_file(), dest)?;
    temporary
        .persist_noclobber(dest)
        .with_context(|| format!("cannot write {}", dest.display()))?;
    Ok(files)
}

fn write(book: &Book, file: &File, dest: &Path) -> Result<usize> {
    let shown = chapters(book)?;
    let mut starters: HashMap<PathBuf, PathBuf> = HashMap::new();
    for exercise in book.exercises() {
        for solution in exercise.solutions() {
            // What a chapter shows outside of its solutions is none.
            let file = solution
                .strip_prefix(&exercise.listing.dir)
                .unwrap_or(&solution);
            if shown.contains(&format!("{}/{}", exercise.listing.name, file.display())) {
                continue;
            }
            starters
                .entry(solution)
                .or_insert_with(|| exercise.starter());
        }
    }
    let within = book.root.file_name().unwrap_or("book".as_ref()).to_owned();
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let mut files = 0;
    for entry in walk(book) {
        let entry = entry.context("reading the book's folder")?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) || entry.path() == dest {
            continue;
        }
        let path = entry.path();
        let source = starters.get(path).map_or(path, PathBuf::as_path);
        let reading = || format!("reading {}", source.display());
        let mut content = fs::read(source).with_context(reading)?;
        if is_markdown(path) {
            let text = String::from_utf8(content).with_context(reading)?;
            content = without_solutions(&text).into_bytes();
        }
        let options = SimpleFileOptions::default().unix_permissions(mode(path)?);
        let name = Path::new(&within).join(book.relative(path));
        zip.start_file_from_path(name, options)?;
        zip.write_all(&content)?;
        files += 1;
    }
    zip.finish()?.flush()?;
    Ok(files)
}

/// The text of all chapters, without their solutions.
fn chapters(book: &Book) -> Result<String> {
    let mut text = String::new();
    for entry in walk(book) {
        let entry = entry.context("reading the book's folder")?;
        if is_markdown(entry.path()) {
            let chapter = fs::read_to_string(entry.path())
                .with_context(|| format!("reading {}", entry.path().display()))?;
            text += &without_solutions(&chapter);
        }
    }
    Ok(text)
}

/// Every file of the book that git does not ignore.
fn walk(book: &Book) -> ignore::Walk {
    WalkBuilder::new(&book.root)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_path(Ord::cmp)
        .build()
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "md")
}

/// The permissions of a file: scripts stay scripts.
fn mode(path: &Path) -> Result<u32> {
    let about = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(about.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::fixture_book::{book, write};

    #[test]
    fn a_pack_has_the_starter_where_the_solution_was_and_chapters_without_it() {
        let dir = book();
        let runs = "[[run]]\nname = 'fork'\nexample = 'solved'\n[[run.claim]]\nsays = 'One'\n\
                    hint = 'Print it.'\ncount = { lines = 'x', is = 1 }\n\
                    [[exercise]]\nname = 'fork'\ntitle = 'T'\nlevel = 1\nminutes = 5\n";
        write(dir.path(), "listings/demo/runs.toml", runs);
        write(
            dir.path(),
            "listings/demo/examples/solved.rs",
            "// solved\n",
        );
        write(
            dir.path(),
            "listings/demo/examples/exercise_fork.rs",
            "// yours\n",
        );
        let solution = "<details class=\"solution\">\n\nSo.\n\n</details>\n";
        write(
            dir.path(),
            "src/one.md",
            &format!("# One\n\n{solution}\nEnd.\n"),
        );
        write(dir.path(), ".gitignore", "/target\n");
        write(dir.path(), "target/built", "");
        let book = Book::open(dir.path()).unwrap();
        let dest = dir.path().join("class.zip");
        let files = pack(&book, &dest).unwrap();

        let mut zip = zip::ZipArchive::new(File::open(&dest).unwrap()).unwrap();
        assert_eq!(zip.len(), files);
        let within = dir.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut text = |path: &str| {
            let mut text = String::new();
            let mut file = zip.by_name(&format!("{within}/{path}")).unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(text("listings/demo/examples/solved.rs"), "// yours\n");
        assert_eq!(
            text("listings/demo/examples/exercise_fork.rs"),
            "// yours\n"
        );
        assert_eq!(text("src/one.md"), "# One\n\n\nEnd.\n");
        let names: Vec<&str> = zip.file_names().collect();
        assert!(
            !names.iter().any(|name| name.contains("target")),
            "{names:?}"
        );
        let error = pack(&book, &dest).unwrap_err().to_string();
        assert!(
            error.ends_with("is there; expected the name of a new file"),
            "{error}"
        );
    }
}
