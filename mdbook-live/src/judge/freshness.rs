//! A hash of all that a listing is built from, by which a record knows that it
//! is of other sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::book::listing::{Program, RunRef};
use crate::record::cast::Record;

impl Record {
    /// What has changed since: "its arguments have changed since 2026-03-14".
    pub fn staleness(&self, run: RunRef<'_>) -> Result<Option<String>> {
        Ok(self.staleness_by(run, &of_run(run)?))
    }

    /// As [`Record::staleness`], where the hash of the run's sources is known.
    pub fn staleness_by(&self, run: RunRef<'_>, sources: &str) -> Option<String> {
        let what = if self.header.live.args != run.run.args {
            "arguments"
        } else if self.header.live.sources != sources {
            "sources"
        } else {
            return None;
        };
        Some(format!(
            "its {what} have changed since {}",
            self.header.date()
        ))
    }
}

/// The hash of all that a run is made of: its listing's package and what that names
/// beside, and its example where it is one. See [`hash`].
pub fn of_run(run: RunRef<'_>) -> Result<String> {
    let mut others = run.listing.sources.clone();
    if let Program::Example(_) = &run.run.program {
        let source = run.run.program.source();
        others.push(glob::Pattern::escape(&source.to_string_lossy()));
    }
    hash(&run.listing.dir, &others)
}

/// SHA-256 over the package in `dir` and, transitively, its path dependencies:
/// of each its `Cargo.toml`, its `build.rs` and every `.rs` file in `src/`.
///
/// Rust files count as their tokens without comments and doc attributes, TOML
/// files as their values: rewording a comment changes nothing. Paths count
/// relative to the workspace, so that the hash is the same in every checkout.
///
/// `others` are globs, from `dir`, of files that the package runs and is not built
/// from: scripts, or the sources of programs that it starts. One that matches no file
/// is an error.
pub fn hash(dir: &Path, others: &[String]) -> Result<String> {
    let dir = normal(dir);
    let workspace = Workspace::of(&dir)?;
    let mut packages = BTreeSet::new();
    workspace.collect(&dir, &mut packages)?;

    let mut hasher = Sha256::new();
    for package in packages {
        let manifest = package.join("Cargo.toml");
        workspace.name(&mut hasher, &manifest);
        hash_value(&mut hasher, &Value::Table(read_toml(&manifest)?));
        let mut files = Vec::new();
        let build = package.join("build.rs");
        if build.is_file() {
            files.push(build);
        }
        rust_files(&package.join("src"), &mut files)?;
        files.sort();
        for file in files {
            workspace.name(&mut hasher, &file);
            hash_rust(&mut hasher, &read(&file)?);
        }
    }
    for glob in others {
        let pattern = Path::new(&glob::Pattern::escape(&dir.to_string_lossy())).join(glob);
        let at = || format!("sources `{glob}` of {}", dir.display());
        let found = glob::glob(&pattern.to_string_lossy()).with_context(at)?;
        let files: BTreeSet<PathBuf> = found
            .map(|path| Ok(normal(&path?)))
            .collect::<Result<_, glob::GlobError>>()
            .with_context(at)?;
        ensure!(!files.is_empty(), "{}: it matches no file", at());
        for file in files {
            workspace.name(&mut hasher, &file);
            let text = read(&file)?;
            match file.extension().is_some_and(|extension| extension == "rs") {
                true => hash_rust(&mut hasher, &text),
                false => hash_part(&mut hasher, b'f', text.as_bytes()),
            }
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The workspace that a package belongs to; a package without one is its own.
struct Workspace {
    root: PathBuf,
    /// `[workspace.dependencies]`.
    dependencies: Table,
}

impl Workspace {
    fn of(dir: &Path) -> Result<Workspace> {
        for above in dir.ancestors() {
            let manifest = above.join("Cargo.toml");
            if !manifest.is_file() {
                continue;
            }
            if let Some(Value::Table(workspace)) = read_toml(&manifest)?.get("workspace") {
                let dependencies = workspace.get("dependencies").and_then(Value::as_table);
                return Ok(Workspace {
                    root: above.to_path_buf(),
                    dependencies: dependencies.cloned().unwrap_or_default(),
                });
            }
        }
        Ok(Workspace {
            root: dir.to_path_buf(),
            dependencies: Table::new(),
        })
    }

    /// Adds a package and those that it is built from.
    fn collect(&self, package: &Path, packages: &mut BTreeSet<PathBuf>) -> Result<()> {
        if !packages.insert(package.to_path_buf()) {
            return Ok(());
        }
        let manifest = read_toml(&package.join("Cargo.toml"))?;
        let targets = manifest.get("target").and_then(Value::as_table);
        let tables = std::iter::once(&manifest).chain(
            targets
                .into_iter()
                .flat_map(Table::values)
                .filter_map(Value::as_table),
        );
        for table in tables {
            // What only tests use is not in the run.
            for kind in ["dependencies", "build-dependencies"] {
                let Some(Value::Table(dependencies)) = table.get(kind) else {
                    continue;
                };
                for (name, dependency) in dependencies {
                    if let Some(path) = self.path_of(package, name, dependency) {
                        self.collect(&path, packages)
                            .with_context(|| format!("{kind} {name} of {}", package.display()))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn path_of(&self, package: &Path, name: &str, dependency: &Value) -> Option<PathBuf> {
        if let Some(path) = dependency.get("path").and_then(Value::as_str) {
            return Some(normal(&package.join(path)));
        }
        dependency.get("workspace")?;
        let path = self.dependencies.get(name)?.get("path")?.as_str()?;
        Some(normal(&self.root.join(path)))
    }

    fn name(&self, hasher: &mut Sha256, path: &Path) {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        hash_part(hasher, b'p', name.to_string_lossy().as_bytes());
    }
}

/// A path without `.` and `..`, so that one package has one name.
fn normal(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_toml(path: &Path) -> Result<Table> {
    let text = read(path)?;
    text.parse().map_err(|error| {
        crate::book::load::syntax_error(&path.display().to_string(), &text, &error)
    })
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    let at = || format!("cannot list {}", dir.display());
    for entry in std::fs::read_dir(dir).with_context(at)? {
        let path = entry.with_context(at)?.path();
        // An editor's lock or backup is no source: `.#main.rs` is a link to nothing.
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Each part has a kind and a length: two sequences of parts never look alike.
fn hash_part(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    hasher.update([kind]);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn hash_rust(hasher: &mut Sha256, text: &str) {
    match TokenStream::from_str(text) {
        Ok(tokens) => hash_tokens(hasher, tokens),
        // What is no Rust yet counts as it stands; cargo will say what is wrong with it.
        Err(_) => hash_part(hasher, b'r', text.as_bytes()),
    }
}

fn hash_tokens(hasher: &mut Sha256, tokens: TokenStream) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut rest = &tokens[..];
    while let Some(token) = rest.first() {
        if let Some(length) = doc_attribute(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[1..];
        match token {
            TokenTree::Group(group) => {
                hash_part(hasher, b'(', format!("{:?}", group.delimiter()).as_bytes());
                hash_tokens(hasher, group.stream());
                hash_part(hasher, b')', b"");
            }
            other => hash_part(hasher, b't', other.to_string().as_bytes()),
        }
    }
}

/// How many tokens the doc attribute has that begins here, if one does: the
/// lexer hands a doc comment over as `#[doc = "…"]` or `#![doc = "…"]`.
fn doc_attribute(tokens: &[TokenTree]) -> Option<usize> {
    let is = |token: &TokenTree, c: char| matches!(token, TokenTree::Punct(p) if p.as_char() == c);
    let mut at = 0;
    if !is(tokens.get(at)?, '#') {
        return None;
    }
    at += 1;
    if is(tokens.get(at)?, '!') {
        at += 1;
    }
    let TokenTree::Group(group) = tokens.get(at)? else {
        return None;
    };
    let mut inside = group.stream().into_iter();
    let is_doc = group.delimiter() == Delimiter::Bracket
        && matches!(inside.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && matches!(inside.next(), Some(token) if is(&token, '='));
    is_doc.then_some(at + 1)
}

fn hash_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Table(table) => {
            // Sorted here: whether the table itself is depends on toml's features.
            let mut entries: Vec<(&String, &Value)> = table.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            hash_part(hasher, b'{', b"");
            for (key, value) in entries {
                hash_part(hasher, b'k', key.as_bytes());
                hash_value(hasher, value);
            }
            hash_part(hasher, b'}', b"");
        }
        Value::Array(list) => {
            hash_part(hasher, b'[', b"");
            for value in list {
                hash_value(hasher, value);
            }
            hash_part(hasher, b']', b"");
        }
        other => hash_part(hasher, b'v', other.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::cast::tests::record_of;

    /// A workspace whose listing uses one library by `workspace = true`, and
    /// that one another by path.
    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let package = |name: &str, rest: &str| {
            write(
                &dir,
                &format!("{name}/Cargo.toml"),
                &format!("[package]\nname = \"{name}\"\n{rest}"),
            );
        };
        write(
            &dir,
            "Cargo.toml",
            "[workspace]\n[workspace.dependencies]\nnear = { path = \"near\" }\nregex = \"1\"\n",
        );
        package(
            "demo",
            "[dependencies]\nnear.workspace = true\nregex = { workspace = true }\n",
        );
        package(
            "near",
            "[target.'cfg(unix)'.dependencies]\nfar = { path = \"../far\" }\n[dev-dependencies]\nunused = { path = \"../unused\" }\n",
        );
        package("far", "");
        write(
            &dir,
            "demo/src/main.rs",
            "//! A demo.\nfn main() {\n    work(1); // once\n}\n",
        );
        write(
            &dir,
            "demo/src/deep/work.rs",
            "/// Works.\npub fn work(n: u8) {}\n",
        );
        write(&dir, "near/src/lib.rs", "pub fn near() {}\n");
        write(&dir, "far/src/lib.rs", "pub fn far() {}\n");
        dir
    }

    fn write(dir: &tempfile::TempDir, path: &str, text: &str) {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn hash_of(dir: &tempfile::TempDir) -> String {
        hash(&dir.path().join("demo"), &[]).expect("sources")
    }

    /// Whether the hash stays the same when that file changes.
    fn same_after(path: &str, text: &str) -> bool {
        let dir = workspace();
        let before = hash_of(&dir);
        write(&dir, path, text);
        before == hash_of(&dir)
    }

    #[test]
    fn the_same_sources_elsewhere_have_the_same_hash() {
        assert_eq!(hash_of(&workspace()), hash_of(&workspace()));
    }

    #[test]
    fn a_comment_a_doc_comment_and_layout_change_nothing() {
        assert!(same_after(
            "demo/src/main.rs",
            "//! Another.\n//! Text.\nfn main() { /* twice? */ work(1); }"
        ));
        assert!(same_after(
            "demo/src/deep/work.rs",
            "#[doc = \"Other words.\"]\npub fn work(n: u8) {}\n"
        ));
        assert!(same_after(
            "far/Cargo.toml",
            "# A comment.\n[package]\nname   = 'far'\n"
        ));
        assert!(same_after("demo/README.md", "text"));
    }

    #[test]
    fn an_editors_files_are_no_sources() {
        let dir = workspace();
        let before = hash_of(&dir);
        let lock = dir.path().join("demo/src/.#main.rs");
        std::os::unix::fs::symlink("nobody@nowhere.1:1", lock).expect("a link");
        write(&dir, "demo/src/.main.rs~backup.rs", "fn main() {}");
        assert_eq!(hash_of(&dir), before);
    }

    #[test]
    fn changed_code_differs() {
        assert!(!same_after(
            "demo/src/main.rs",
            "fn main() {\n    work(2);\n}\n"
        ));
        assert!(!same_after(
            "demo/src/main.rs",
            "fn main() {\n    work((1));\n}\n"
        ));
        assert!(!same_after(
            "demo/src/deep/work.rs",
            "#[inline]\npub fn work(n: u8) {}\n"
        ));
        assert!(!same_after("demo/src/deep/work.rs", "no \" rust"));
        assert!(!same_after("demo/src/new.rs", ""));
        assert!(!same_after("demo/build.rs", "fn main() {}"));
    }

    #[test]
    fn a_changed_dependency_differs_however_far() {
        assert!(!same_after("near/src/lib.rs", "pub fn near() { far() }\n"));
        assert!(!same_after("far/src/lib.rs", "pub fn far() -> u8 { 1 }\n"));
        assert!(!same_after(
            "far/Cargo.toml",
            "[package]\nname = \"far\"\nversion = \"2.0.0\"\n"
        ));
    }

    #[test]
    fn a_missing_dependency_is_named() {
        let dir = workspace();
        std::fs::remove_dir_all(dir.path().join("far")).expect("it was there");
        let error = format!(
            "{:#}",
            hash(&dir.path().join("demo"), &[]).expect_err("far is gone")
        );
        assert!(error.contains("dependencies near of"), "{error}");
        assert!(error.contains("far/Cargo.toml"), "{error}");
    }

    #[test]
    fn a_file_that_is_run_and_not_built_counts_where_it_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(dir.path().join("demo/src")).expect("a folder");
        let write = |file: &str, text: &str| {
            std::fs::write(dir.path().join("demo").join(file), text).expect("a file");
        };
        write("Cargo.toml", "[package]\nname = 'demo'\n");
        write("src/main.rs", "fn main() {}");
        write("script.py", "print(1)");
        let globs = ["*.py".to_owned()];
        let demo = dir.path().join("demo");
        let (before, unnamed) = (hash(&demo, &globs).expect("sources"), hash(&demo, &[]));
        write("script.py", "print(2)");
        assert_ne!(hash(&demo, &globs).expect("sources"), before);
        assert_eq!(
            hash(&demo, &[]).expect("sources"),
            unnamed.expect("sources")
        );

        let error = hash(&demo, &["*.pl".to_owned()]).expect_err("there is none");
        assert!(error.to_string().contains("it matches no file"), "{error}");
    }

    #[test]
    fn a_record_is_stale_when_arguments_or_sources_have_changed() {
        let (dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there");
        let mut record = record_of("");
        record.header.live.sources = of_run(run).expect("sources");
        assert_eq!(record.staleness(run).expect("sources"), None);

        record.header.live.args.pop();
        assert_eq!(
            record.staleness(run).expect("sources").as_deref(),
            Some("its arguments have changed since 2026-03-14")
        );
        record.header.live.args = run.run.args.clone();
        std::fs::write(
            dir.path().join("listings/demo/src/main.rs"),
            "fn main() { loop {} }",
        )
        .expect("a file");
        assert!(record.staleness(run).expect("sources").is_some());
    }
}
