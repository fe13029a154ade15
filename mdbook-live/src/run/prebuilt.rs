//! Programs that somebody has built before, for a machine without a compiler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::book::listing::RunRef;
use crate::book::program::Program;

/// A folder of programs as cargo leaves them: `NAME`, and `examples/NAME`.
#[derive(Debug, Clone)]
pub struct Prebuilt {
    folder: PathBuf,
}

impl Prebuilt {
    /// The programs in that folder.
    ///
    /// # Errors
    ///
    /// When there is no such folder.
    pub fn of(folder: &Path) -> Result<Prebuilt> {
        ensure!(
            folder.is_dir(),
            "{}: expected a folder of programs, as cargo's target/debug",
            folder.display()
        );
        let folder = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
        Ok(Prebuilt { folder })
    }

    /// A run's program.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn program(&self, run: RunRef<'_>) -> Result<PathBuf> {
        let name = match &run.run.program {
            Program::Main => PathBuf::from(&run.package().name),
            Program::Bin(name) => PathBuf::from(name),
            Program::Example(name) => Path::new("examples").join(name),
            Program::Cargo(_) => bail!("needs cargo, and not programs that are built"),
            Program::Command(words) => return Ok(PathBuf::from(&words[0])),
        };
        let path = self.folder.join(&name);
        ensure!(
            path.is_file(),
            "no program {}: expected it in {}, where cargo puts it",
            name.display(),
            self.folder.display()
        );
        Ok(path)
    }
}

/// `rustc --version` of the compiler that built a program: it leaves its name in the ELF section
/// `.comment`. `None` where there is none.
pub fn compiler_of(program: &Path) -> Option<String> {
    const BEFORE: &[u8] = b"rustc version ";
    let bytes = fs::read(program).ok()?;
    let found = bytes.windows(BEFORE.len()).enumerate();
    let mut found = found.filter(|(_, window)| *window == BEFORE);
    found.find_map(|(at, _)| {
        let version = bytes[at + BEFORE.len()..].split(|byte| *byte == 0).next()?;
        let version = std::str::from_utf8(version).ok()?;
        // The words may stand elsewhere in a program, too.
        let is_version =
            version.starts_with(|c: char| c.is_ascii_digit()) && version.ends_with(')');
        is_version.then(|| format!("rustc {version}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::book::listing::tests::{book_with, one_run};

    #[test]
    fn programs_are_where_cargo_leaves_them_and_a_missing_one_is_named() {
        let (_dir, book) = book_with(&one_run(""));
        let mut book = book.expect("it is right");
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("examples")).expect("a folder");
        fs::write(folder.path().join("demo"), "").expect("a file");
        let prebuilt = Prebuilt::of(folder.path()).expect("it is there");
        let program = |book: &Book| prebuilt.program(book.run("demo/one").expect("it is there"));
        assert!(program(&book).expect("it is there").ends_with("demo"));
        book.listings[0].runs[0].program = Program::Example("solved".into());
        let error = program(&book).expect_err("it is not there").to_string();
        assert!(
            error.starts_with("no program examples/solved: expected it in /"),
            "{error}"
        );
        assert!(Prebuilt::of(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_program_names_its_compiler() {
        let this = std::env::current_exe().expect("this test");
        let compiler = compiler_of(&this).expect("rustc built it");
        assert!(compiler.starts_with("rustc 1."), "{compiler}");
        assert!(
            compiler.contains('(') && compiler.ends_with(')'),
            "{compiler}"
        );
        assert_eq!(compiler_of(Path::new("/bin/sh")), None);
    }
}
