//! What a program is built from, as far as files and the environment tell it.
//!
//! Rust files count as their tokens without comments and unit tests, TOML files as their
//! values: rewording a comment changes nothing. Paths count from the workspace's root, so that
//! every checkout has the same fingerprint. The toolchain is not part of it: a record names its
//! own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use toml::{Table, Value};

use super::folder::hash_folder;
use super::hashing::Hasher;
use super::rust_tokens::{hash_rust, test_modules};
use super::workspace::{DevDependencies, Package, Workspace, canonical, read, read_toml};
use crate::book::folder::is_rust;
use crate::book::listing::RunRef;
use crate::book::package;
use crate::book::program::Program;
use crate::book::surroundings::{Stdin, StdinFile};
use crate::record::built_from::BuiltFrom;

/// The profile in which `cargo run` builds.
const PROFILE: &str = "dev";

/// What a run's program is built from now. See [`Fingerprints::of_run`].
pub fn of_run(run: RunRef<'_>) -> Result<BuiltFrom> {
    Fingerprints::default().of_run(run)
}

/// Finds out what programs are built from. Each file is read once for all of them.
#[derive(Default)]
pub struct Fingerprints {
    workspace: Option<Rc<Workspace>>,
    sources: HashMap<PathBuf, Rc<Source>>,
}

/// A source, as far as it is built.
struct Source {
    hash: String,
    /// The modules that it declares for its tests alone.
    test_modules: Vec<String>,
}

impl Fingerprints {
    /// What a run's program is built from now.
    ///
    /// # Errors
    ///
    /// When a manifest or a source cannot be read, or a glob of `also_hash` matches no file.
    pub fn of_run(&mut self, run: RunRef<'_>) -> Result<BuiltFrom> {
        let mut others = run.listing.also_hash.clone();
        others.extend(files_around(run).map(glob::Pattern::escape));
        let others = &others;
        match &run.run.program {
            Program::Cargo(_) | Program::Command(_) => self.of_folder(run, others),
            program => self.of(&run.package().dir, &run.listing.dir, program, others),
        }
    }

    /// What a command may read: all of its listing's folder, and the packages that those in it
    /// are built from. `others` are globs, from there, of files elsewhere.
    fn of_folder(&mut self, run: RunRef<'_>, others: &[String]) -> Result<BuiltFrom> {
        let dir = canonical(&run.listing.dir);
        let mut hasher = Hasher::default();
        let runs = run.listing.runs.iter();
        let texts: Vec<&Path> = runs.filter_map(|run| run.text.as_deref()).collect();
        hash_folder(&mut hasher, &dir, &texts)?;
        let mut built_from = BuiltFrom::default();
        let mut packages = BTreeMap::new();
        for package in package::all_in(&dir)? {
            let workspace = self.workspace(&package.dir)?;
            packages.extend(workspace.packages(&package.dir, DevDependencies::Count)?);
        }
        if let Some(first) = packages.keys().find(|package| package.starts_with(&dir)) {
            let workspace = self.workspace(&first.clone())?;
            built_from.dependencies = workspace.locked(&packages);
            built_from.manifests = manifests(&workspace, &packages);
            // A test has a profile of its own, and so has `--release`.
            let mut profiles = Hasher::default();
            if let Some(all) = workspace.manifest.get("profile") {
                profiles.value(all);
            }
            configurations(&mut profiles, &workspace, &dir)?;
            built_from.profile = profiles.finish();
            for package in packages.keys().filter(|package| !package.starts_with(&dir)) {
                hash_folder(&mut hasher, package, &[])?;
            }
        }
        if !others.is_empty() {
            built_from.files = files(&dir, &dir, others)?;
        }
        built_from.sources = hasher.finish();
        Ok(built_from)
    }

    /// What a program of the package in `dir` is built from; `others` are globs, from `listing`, of
    /// files that it reads or starts.
    fn of(
        &mut self,
        dir: &Path,
        listing: &Path,
        program: &Program,
        others: &[String],
    ) -> Result<BuiltFrom> {
        let dir = canonical(dir);
        let workspace = self.workspace(&dir)?;
        let dev = match program {
            Program::Example(_) => DevDependencies::Count,
            _ => DevDependencies::LeftOut,
        };
        let packages = workspace.packages(&dir, dev)?;
        Ok(BuiltFrom {
            sources: self.sources(&workspace, &packages, &dir, program)?,
            manifests: manifests(&workspace, &packages),
            dependencies: workspace.locked(&packages),
            profile: profile(&workspace, &packages, &dir)?,
            files: files(&workspace.root, &canonical(listing), others)?,
        })
    }

    fn workspace(&mut self, dir: &Path) -> Result<Rc<Workspace>> {
        if let Some(known) = &self.workspace
            && known.has(dir)
        {
            return Ok(Rc::clone(known));
        }
        let workspace = Rc::new(Workspace::of(dir)?);
        self.workspace = Some(Rc::clone(&workspace));
        Ok(workspace)
    }

    fn source(&mut self, file: &Path) -> Result<Rc<Source>> {
        if let Some(known) = self.sources.get(file) {
            return Ok(Rc::clone(known));
        }
        let text = read(file)?;
        let mut hasher = Hasher::default();
        hash_rust(&mut hasher, &text);
        let source = Rc::new(Source {
            hash: hasher.finish(),
            test_modules: test_modules(&text),
        });
        self.sources.insert(file.to_owned(), Rc::clone(&source));
        Ok(source)
    }

    fn sources(
        &mut self,
        workspace: &Workspace,
        packages: &BTreeMap<PathBuf, Package>,
        dir: &Path,
        program: &Program,
    ) -> Result<String> {
        let mut hasher = Hasher::default();
        for package in packages.keys() {
            let mut files = Vec::new();
            rust_files(&package.join("src"), &mut files)?;
            let build = package.join("build.rs");
            if build.is_file() {
                files.push(build);
            }
            if package == dir {
                // The listing's other programs are not part of this one.
                let own = dir.join(program.source());
                let programs = dir.join("src/bin");
                let main = dir.join("src/main.rs");
                files
                    .retain(|file| *file == own || !(file.starts_with(&programs) || *file == main));
                if own.is_file() && !files.contains(&own) {
                    files.push(own);
                }
            } else {
                // A library's own programs neither.
                files.retain(|file| !file.starts_with(package.join("src/bin")));
            }
            files.sort();
            let sources: Vec<(PathBuf, Rc<Source>)> = files
                .into_iter()
                .map(|file| self.source(&file).map(|source| (file, source)))
                .collect::<Result<_>>()?;
            let for_tests: BTreeSet<PathBuf> = sources
                .iter()
                .flat_map(|(file, source)| {
                    let folder = file.parent().unwrap_or(package);
                    let modules = source.test_modules.iter();
                    modules.map(move |module| folder.join(format!("{module}.rs")))
                })
                .collect();
            for (file, source) in sources {
                if !for_tests.contains(&file) {
                    name(&mut hasher, &workspace.root, &file);
                    hasher.part(b's', source.hash.as_bytes());
                }
            }
        }
        Ok(hasher.finish())
    }
}

fn manifests(workspace: &Workspace, packages: &BTreeMap<PathBuf, Package>) -> String {
    let mut hasher = Hasher::default();
    for (dir, package) in packages {
        name(&mut hasher, &workspace.root, dir);
        hasher.value(&package.manifest);
    }
    for key in ["patch", "replace"] {
        if let Some(value) = workspace.manifest.get(key) {
            hasher.value(value);
        }
    }
    hasher.finish()
}

fn profile(
    workspace: &Workspace,
    packages: &BTreeMap<PathBuf, Package>,
    dir: &Path,
) -> Result<String> {
    let mut hasher = Hasher::default();
    let profile = workspace
        .manifest
        .get("profile")
        .and_then(|profiles| profiles.get(PROFILE));
    if let Some(Value::Table(profile)) = profile {
        hasher.value(&Value::Table(relevant(profile, workspace, packages)));
    }
    configurations(&mut hasher, workspace, dir)?;
    for (key, value) in compiler_variables(std::env::vars()) {
        hasher.part(b'e', key.as_bytes());
        hasher.part(b'=', value.as_bytes());
    }
    Ok(hasher.finish())
}

/// Adds what cargo's configuration says of builds of a package in `dir`.
fn configurations(hasher: &mut Hasher, workspace: &Workspace, dir: &Path) -> Result<()> {
    // Cargo reads those of every folder upwards; what is above the workspace is the machine's.
    for above in dir.ancestors() {
        for file in [".cargo/config.toml", ".cargo/config"] {
            let path = above.join(file);
            if path.is_file() {
                let config = read_toml(&path)?;
                for key in ["build", "env", "profile", "target", "unstable"] {
                    let mut value = config.get(key).cloned();
                    if let Some(Value::Table(targets)) = &mut value
                        && key == "target"
                    {
                        targets.retain(|target, _| !is_elsewhere(target));
                        value = value.filter(|targets| *targets != Value::Table(Table::new()));
                    }
                    if let Some(value) = value {
                        name(hasher, &workspace.root, &path);
                        hasher.value(&value);
                    }
                }
            }
        }
        if above == workspace.root {
            break;
        }
    }
    Ok(())
}

/// Whether a target of a configuration is every system but the one on which records are made.
fn is_elsewhere(target: &str) -> bool {
    target.replace(' ', "") == "cfg(not(target_os=\"linux\"))"
}

/// A profile without what it says of packages that are not built here.
fn relevant(
    profile: &Table,
    workspace: &Workspace,
    packages: &BTreeMap<PathBuf, Package>,
) -> Table {
    let mut profile = profile.clone();
    let locked = workspace.locked(packages);
    let names: BTreeSet<&str> = locked
        .iter()
        .filter_map(|dependency| dependency.split(' ').next())
        .chain(packages.values().map(|package| package.name.as_str()))
        .chain(["*"])
        .collect();
    let of_packages = profile.remove("package");
    if let Some(Value::Table(mut of_packages)) = of_packages {
        of_packages.retain(|spec, _| {
            let name = spec.rsplit('#').next().unwrap_or(spec);
            names.contains(name.split('@').next().unwrap_or(name))
        });
        if !of_packages.is_empty() {
            profile.insert("package".to_owned(), Value::Table(of_packages));
        }
    }
    profile
}

/// The environment variables by which a build differs, in order.
fn compiler_variables(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let matters = |key: &str| {
        key == "RUSTFLAGS"
            || key == "CARGO_ENCODED_RUSTFLAGS"
            || key == "CARGO_BUILD_RUSTFLAGS"
            || key.starts_with("CARGO_PROFILE_DEV_")
            || (key.starts_with("CARGO_TARGET_") && key.ends_with("_RUSTFLAGS"))
    };
    all.filter(|(key, value)| matters(key) && !value.is_empty())
        .collect()
}

/// The files of a listing that a run reads, or that its client is.
fn files_around(run: RunRef<'_>) -> impl Iterator<Item = &str> {
    let read = match &run.run.stdin {
        Some(Stdin::File(StdinFile { file })) => file.to_str(),
        _ => None,
    };
    let client = run.run.client.iter().flat_map(|client| &client.command);
    let own = match &run.run.program {
        Program::Command(words) => &words[..],
        _ => &[],
    };
    let words = client.chain(own).map(String::as_str);
    // A path of every system is the machine's.
    let is_there = |file: &&str| !file.starts_with('/') && run.listing.dir.join(file).is_file();
    read.into_iter().chain(words).filter(is_there)
}

fn files(root: &Path, dir: &Path, globs: &[String]) -> Result<String> {
    let mut hasher = Hasher::default();
    for glob in globs {
        let pattern = Path::new(&glob::Pattern::escape(&dir.to_string_lossy())).join(glob);
        let at = || format!("`{glob}` of {}", dir.display());
        let found = glob::glob(&pattern.to_string_lossy()).with_context(at)?;
        let files: BTreeSet<PathBuf> = found
            .map(|path| Ok(canonical(&path?)))
            .collect::<Result<_, glob::GlobError>>()
            .with_context(at)?;
        ensure!(!files.is_empty(), "{}: it matches no file", at());
        for file in files {
            name(&mut hasher, root, &file);
            if is_rust(&file) {
                hash_rust(&mut hasher, &read(&file)?);
            } else {
                let bytes = std::fs::read(&file);
                let bytes = bytes.with_context(|| format!("cannot read {}", file.display()))?;
                hasher.part(b'f', &bytes);
            }
        }
    }
    Ok(hasher.finish())
}

fn name(hasher: &mut Hasher, root: &Path, path: &Path) {
    // One beside the workspace has the folders between them before its name.
    let up = |above: &&Path| path.starts_with(above);
    let above = root.ancestors().take_while(|above| !up(above));
    let mut name = PathBuf::from_iter(above.map(|_| ".."));
    let common = root.ancestors().find(up);
    name.push(common.map_or(path, |common| path.strip_prefix(common).unwrap_or(path)));
    hasher.part(b'p', name.to_string_lossy().as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace whose listing uses one library by `workspace = true`, and
    /// that one another by path.
    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in [
            (
                "Cargo.toml",
                "[workspace]\n[workspace.package]\nedition = '2024'\nlicense = 'MIT'\n\
                 [workspace.dependencies]\nnear = { path = 'near' }\nregex = { version = '1', features = ['std'] }\n\
                 [profile.dev]\ndebug = 1\n[profile.dev.package]\nnear.opt-level = 3\ntool.opt-level = 2\n",
            ),
            (
                "Cargo.lock",
                "[[package]]\nname = 'demo'\nversion = '0.1.0'\ndependencies = ['near', 'regex', 'tempfile']\n\
                 [[package]]\nname = 'near'\nversion = '0.1.0'\ndependencies = ['far']\n\
                 [[package]]\nname = 'far'\nversion = '0.1.0'\n\
                 [[package]]\nname = 'regex'\nversion = '1.12.0'\nsource = 'registry'\ndependencies = ['memchr']\n\
                 [[package]]\nname = 'memchr'\nversion = '2.7.0'\nsource = 'registry'\n\
                 [[package]]\nname = 'tempfile'\nversion = '3.0.0'\nsource = 'registry'\n\
                 [[package]]\nname = 'tool'\nversion = '9.0.0'\nsource = 'registry'\n",
            ),
            (
                "demo/Cargo.toml",
                "[package]\nname = 'demo'\nedition.workspace = true\ndescription = 'A demo'\n\
                 [dependencies]\nnear.workspace = true\nregex = { workspace = true }\n\
                 [dev-dependencies]\ntempfile = '3'\nunused = { path = '../unused' }\n",
            ),
            (
                "near/Cargo.toml",
                "[package]\nname = 'near'\n[target.'cfg(unix)'.dependencies]\nfar = { path = '../far' }\n\
                 [dev-dependencies]\nother = { path = '../other' }\n",
            ),
            ("far/Cargo.toml", "[package]\nname = 'far'\n"),
            ("unused/Cargo.toml", "[package]\nname = 'unused'\n"),
            ("unused/src/lib.rs", "pub fn unused() {}\n"),
            (
                "demo/src/main.rs",
                "//! A demo.\nmod deep;\nfn main() {\n    work(1); // once\n}\n",
            ),
            (
                "demo/src/deep/work.rs",
                "/// Works.\npub fn work(n: u8) {}\n",
            ),
            ("demo/src/bin/other.rs", "fn main() {}\n"),
            ("demo/examples/solved.rs", "fn main() { unused() }\n"),
            ("near/src/lib.rs", "pub fn near() {}\n"),
            ("far/src/lib.rs", "pub fn far() {}\n"),
        ] {
            write(&dir, path, text);
        }
        dir
    }

    fn write(dir: &tempfile::TempDir, path: &str, text: &str) {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn replace(dir: &tempfile::TempDir, path: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(dir.path().join(path)).expect("a file");
        assert!(text.contains(old), "{path}: {text}");
        write(dir, path, &text.replace(old, new));
    }

    fn built(dir: &tempfile::TempDir, program: &Program) -> BuiltFrom {
        let demo = dir.path().join("demo");
        Fingerprints::default()
            .of(&demo, &demo, program, &[])
            .expect("sources")
    }

    /// What has changed for the main program.
    fn changes(change: impl FnOnce(&tempfile::TempDir)) -> Vec<String> {
        changes_of(&Program::Main, change)
    }

    fn changes_of(program: &Program, change: impl FnOnce(&tempfile::TempDir)) -> Vec<String> {
        let dir = workspace();
        let before = built(&dir, program);
        change(&dir);
        before.changes(&built(&dir, program))
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn the_same_sources_elsewhere_are_the_same() {
        let here = built(&workspace(), &Program::Main);
        assert_eq!(here, built(&workspace(), &Program::Main));
        assert_eq!(here.dependencies, ["memchr 2.7.0", "regex 1.12.0"]);
    }

    /// As `workspace`, with the listing in a workspace of its own, which uses a library of the
    /// other one.
    fn two_workspaces() -> tempfile::TempDir {
        let dir = workspace();
        write(
            &dir,
            "demo/Cargo.toml",
            "[package]\nname = 'demo'\nedition = '2024'\n[workspace]\n\
             [dependencies]\nnear = { path = '../near' }\n",
        );
        write(
            &dir,
            "demo/Cargo.lock",
            "[[package]]\nname = 'demo'\nversion = '0.1.0'\ndependencies = ['near']\n\
             [[package]]\nname = 'near'\nversion = '0.1.0'\ndependencies = ['regex']\n\
             [[package]]\nname = 'regex'\nversion = '1.13.0'\nsource = 'registry'\n",
        );
        write(
            &dir,
            "near/Cargo.toml",
            "[package]\nname = 'near'\n[dependencies]\nregex.workspace = true\n",
        );
        dir
    }

    #[test]
    fn a_library_of_another_workspace_has_its_settings_there_and_its_versions_here() {
        let built = |dir: &tempfile::TempDir| built(dir, &Program::Main);
        let before = built(&two_workspaces());
        assert_eq!(before, built(&two_workspaces()), "wherever it lies");
        assert_eq!(before.dependencies, ["regex 1.13.0"]);
        let changes = |path, old, new| {
            let dir = two_workspaces();
            replace(&dir, path, old, new);
            before.changes(&built(&dir))
        };
        assert_eq!(changes("near/src/lib.rs", "near()", "far()").len(), 1);
        assert_eq!(changes("Cargo.toml", "['std']", "['unicode']").len(), 1);
        assert_eq!(changes("demo/Cargo.lock", "1.13.0", "1.14.0").len(), 1);
        assert_eq!(changes("Cargo.lock", "1.12.0", "1.14.0"), NOTHING);
    }

    #[test]
    fn words_layout_tests_and_licences_change_nothing() {
        for (path, text) in [
            (
                "demo/src/main.rs",
                "//! Another.\n//! Text.\nmod deep;\nfn main() { /* twice? */ work(1); }\n\
                 #[cfg(test)]\nmod tests { #[test] fn works() {} }\n",
            ),
            (
                "demo/src/deep/work.rs",
                "#[doc = \"Other words.\"]\npub fn work(n: u8) {}\n",
            ),
            (
                "near/src/lib.rs",
                "pub fn near() {}\n#[cfg(test)]\nmod tests { fn more() {} }\n",
            ),
            (
                "far/Cargo.toml",
                "# A comment.\n[package]\nname   = 'far'\n",
            ),
            ("demo/README.md", "text"),
            ("near/tests/near.rs", "#[test]\nfn it_works() {}\n"),
        ] {
            assert_eq!(changes(|dir| write(dir, path, text)), NOTHING, "{path}");
        }
        assert_eq!(
            changes(|dir| replace(dir, "Cargo.toml", "license = 'MIT'", "license = 'ISC'")),
            NOTHING
        );
        assert_eq!(
            changes(|dir| replace(dir, "demo/Cargo.toml", "A demo", "Another")),
            NOTHING
        );
        assert_eq!(
            changes(|dir| {
                write(
                    dir,
                    "near/src/lib.rs",
                    "pub fn near() {}\n#[cfg(test)]\nmod checks;\n",
                );
                write(dir, "near/src/checks.rs", "#[test]\nfn checks() {}\n");
            }),
            NOTHING
        );
    }

    #[test]
    fn an_editors_files_are_no_sources() {
        let changes = changes(|dir| {
            let lock = dir.path().join("demo/src/.#main.rs");
            std::os::unix::fs::symlink("nobody@nowhere.1:1", lock).expect("a link");
            write(dir, "demo/src/.main.rs~backup.rs", "fn main() {}");
        });
        assert_eq!(changes, NOTHING);
    }

    #[test]
    fn changed_code_is_told_however_far_away() {
        for (path, text) in [
            ("demo/src/main.rs", "fn main() {\n    work(2);\n}\n"),
            ("demo/src/main.rs", "fn main() {\n    work((1));\n}\n"),
            (
                "demo/src/deep/work.rs",
                "#[inline]\npub fn work(n: u8) {}\n",
            ),
            ("demo/src/deep/work.rs", "no \" rust"),
            ("demo/src/new.rs", ""),
            ("demo/build.rs", "fn main() {}"),
            ("near/src/lib.rs", "pub fn near() { far() }\n"),
            ("far/src/lib.rs", "pub fn far() -> u8 { 1 }\n"),
        ] {
            assert_eq!(changes(|dir| write(dir, path, text)), ["sources"], "{path}");
        }
    }

    #[test]
    fn a_program_is_built_from_its_own_source_and_not_from_its_neighbours() {
        let other = "fn main() { other() }\n";
        let bin = Program::Bin("other".into());
        let change = |dir: &tempfile::TempDir| write(dir, "demo/src/bin/other.rs", other);
        assert_eq!(changes(change), NOTHING);
        assert_eq!(changes_of(&bin, change), ["sources"]);
        let main = |dir: &tempfile::TempDir| write(dir, "demo/src/main.rs", other);
        assert_eq!(changes_of(&bin, main), NOTHING);
    }

    #[test]
    fn an_example_is_built_from_the_dependencies_of_tests_too() {
        let example = Program::Example("solved".into());
        let library = |dir: &tempfile::TempDir| write(dir, "unused/src/lib.rs", "fn other() {}");
        assert_eq!(changes(library), NOTHING);
        assert_eq!(changes_of(&example, library), ["sources"]);
        let raised = |dir: &tempfile::TempDir| replace(dir, "Cargo.lock", "'3.0.0'", "'3.1.0'");
        assert_eq!(changes(raised), NOTHING);
        assert_eq!(
            changes_of(&example, raised),
            ["dependency tempfile (3.0.0 → 3.1.0)"]
        );
        let solved =
            |dir: &tempfile::TempDir| write(dir, "demo/examples/solved.rs", "fn main() {}");
        assert_eq!(changes(solved), NOTHING);
        assert_eq!(changes_of(&example, solved), ["sources"]);
    }

    #[test]
    fn a_raised_dependency_is_told_by_its_name() {
        assert_eq!(
            changes(|dir| replace(dir, "Cargo.lock", "'2.7.0'", "'2.8.0'")),
            ["dependency memchr (2.7.0 → 2.8.0)"]
        );
        // One that is not built here.
        assert_eq!(
            changes(|dir| replace(dir, "Cargo.lock", "'9.0.0'", "'9.1.0'")),
            NOTHING
        );
        let gone = changes(|dir| {
            std::fs::remove_file(dir.path().join("Cargo.lock")).expect("it was there");
        });
        assert!(gone.len() >= 2, "{gone:?}");
    }

    #[test]
    fn what_decides_a_build_is_changes() {
        for (path, old, new) in [
            ("Cargo.toml", "features = ['std']", "features = []"),
            ("Cargo.toml", "edition = '2024'", "edition = '2021'"),
            (
                "Cargo.toml",
                "[profile.dev]",
                "[patch.crates-io]\nregex = { git = 'x' }\n[profile.dev]",
            ),
            (
                "demo/Cargo.toml",
                "regex = { workspace = true }",
                "regex = { workspace = true, default-features = false }",
            ),
        ] {
            let changes = changes(|dir| replace(dir, path, old, new));
            assert_eq!(changes, ["manifests"], "{old}");
        }
        for (path, old, new) in [
            ("Cargo.toml", "debug = 1", "debug = 1\nopt-level = 3"),
            ("Cargo.toml", "near.opt-level = 3", "near.opt-level = 0"),
        ] {
            let changes = changes(|dir| replace(dir, path, old, new));
            assert_eq!(changes, ["profile or compiler flags"], "{old}");
        }
        // The profile of a package that is not built here.
        assert_eq!(
            changes(|dir| replace(
                dir,
                "Cargo.toml",
                "tool.opt-level = 2",
                "tool.opt-level = 1"
            )),
            NOTHING
        );
        for path in [".cargo/config.toml", "demo/.cargo/config.toml"] {
            let config = "[build]\nrustflags = ['-C', 'relocation-model=static']\n";
            assert_eq!(
                changes(|dir| write(dir, path, config)),
                ["profile or compiler flags"]
            );
        }
        for (target, expected) in [
            (
                "cfg(target_os = \"linux\")",
                &["profile or compiler flags"][..],
            ),
            // What counts on other systems alone.
            ("cfg(not(target_os = \"linux\"))", &NOTHING),
        ] {
            let config = format!("[target.'{target}']\nlinker = 'none'\n");
            assert_eq!(
                changes(|dir| write(dir, ".cargo/config.toml", &config)),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn of_the_environment_only_compiler_flags_matter() {
        let variables = [
            ("RUSTFLAGS", "-C opt-level=3"),
            ("CARGO_PROFILE_DEV_OPT_LEVEL", "3"),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-g"),
            ("CARGO_BUILD_RUSTFLAGS", ""),
            ("CARGO_TARGET_DIR", "/elsewhere"),
            ("CARGO_HOME", "/home"),
            ("PATH", "/bin"),
        ];
        let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let kept: Vec<String> = compiler_variables(variables.into_iter())
            .into_keys()
            .collect();
        assert_eq!(
            kept,
            [
                "CARGO_PROFILE_DEV_OPT_LEVEL",
                "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
                "RUSTFLAGS"
            ]
        );
    }

    #[test]
    fn a_missing_dependency_is_named() {
        let dir = workspace();
        std::fs::remove_dir_all(dir.path().join("far")).expect("it was there");
        let demo = dir.path().join("demo");
        let error = Fingerprints::default().of(&demo, &demo, &Program::Main, &[]);
        let error = error.expect_err("far is gone");
        let error = format!("{error:#}");
        assert!(error.contains("dependencies near of"), "{error}");
        assert!(error.contains("far/Cargo.toml"), "{error}");
    }

    #[test]
    fn a_file_that_is_run_and_not_built_counts_where_it_is_named() {
        let dir = workspace();
        let demo = dir.path().join("demo");
        let built = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|glob| glob.to_string()).collect();
            Fingerprints::default().of(&demo, &demo, &Program::Main, &globs)
        };
        write(&dir, "demo/script.py", "print(1)");
        let (named, unnamed) = (
            built(&["*.py"]).expect("a script"),
            built(&[]).expect("none"),
        );
        write(&dir, "demo/script.py", "print(2)");
        assert_eq!(
            named.changes(&built(&["*.py"]).expect("a script")),
            ["files that it reads or starts"]
        );
        assert_eq!(unnamed, built(&[]).expect("none"));
        let error = built(&["*.pl"]).expect_err("there is none");
        assert!(error.to_string().contains("it matches no file"), "{error}");
    }
}
