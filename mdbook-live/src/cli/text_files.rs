//! `mdbook-live import` and `mdbook-live export`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::exit_status::ExitStatus;
use super::selection::chosen;
use super::terminal::Terminal;
use crate::book::listing::Book;
use crate::text::words::counted;
use crate::verbs::text_files;

/// Reads text files into records; those that are none are told.
pub(super) fn import(
    root: &Path,
    files: &[PathBuf],
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let imported = text_files::import(root, files)?;
    let mut left = 0;
    for text in &imported {
        if let Err(why) = &text.became {
            left += 1;
            let file = text.file.strip_prefix(root).unwrap_or(&text.file);
            writeln!(out, "{} {}: {why}", terminal.bad("✘"), file.display())?;
        }
    }
    let read = counted(imported.len() - left, "file");
    writeln!(out, "{read} imported, {left} not imported")?;
    Ok(ExitStatus::of(left == 0))
}

/// Writes the text files of records.
pub(super) fn export(root: &Path, names: &[String], out: &mut dyn Write) -> Result<ExitStatus> {
    let book = Book::open(root)?;
    let written = text_files::export(&chosen(&book, names)?)?;
    ensure!(
        !written.is_empty(),
        "none of these runs has a text file; expected `text = \"output.txt\"` in runs.toml or book.toml"
    );
    for file in &written {
        writeln!(out, "{}", book.relative(file).display())?;
    }
    Ok(ExitStatus::Success)
}
