//! Builds listings' programs with cargo, in the dev profile, as a reader's `cargo run` does.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::book::listing::{Book, Listing, Run, RunRef};
use crate::book::package::{is_package, workspace_root};
use crate::book::program::{CargoCommand, Program};
use crate::run::begin::begin_build;
use crate::run::layout;
use crate::run::run_id::RunId;
use crate::run::stop::Stop;
use crate::run::watchdog::Watchdog;

/// How often a build looks whether it has to end.
const LOOK_MS: u8 = 20;

/// Why there is no program. It reads as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    message: String,
    /// What the compiler, or else cargo, said, with colours as ANSI escapes; empty where
    /// nothing was compiled.
    pub diagnostics: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    fn new(message: impl Into<String>) -> BuildError {
        BuildError {
            message: message.into(),
            diagnostics: String::new(),
        }
    }
}

/// How a program is built.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions<'a> {
    /// The compiler, as rustup names it: "nightly". The one that a reader has, where it is not
    /// said.
    pub toolchain: Option<&'a str>,
    /// The variables that the run has, and the build before it.
    pub env: &'a [(String, String)],
    /// Whether it is built where the listing is laid out for that compiler, beside nothing else.
    pub laid_out: bool,
}

/// Builds the program of a run, and returns it. A listing in a workspace of its own whose sources
/// have anchors is built as it is shown.
///
/// Cargo chooses the features of a dependency by all packages that it is asked for: it is
/// asked for the same ones as by [`build_all`], so that nothing is compiled twice.
///
/// # Errors
///
/// When it does not build, or `stop` ends the build, with every compiler.
pub fn build(
    book: &Book,
    run: RunRef<'_>,
    toolchain: Option<&str>,
    stop: &Stop,
) -> Result<PathBuf, BuildError> {
    let package = run.package();
    let (option, name) = run.run.program.option().unwrap_or(("--bin", &package.name));
    let mut arguments = vec![option, name];
    let root = workspace_root(&package.dir);
    let mut dir = package.dir.clone();
    let mut held = None;
    // Cargo is started where a reader starts it: what it reads there chooses the compiler.
    let start = package.dir.clone();
    if is_laid_out(book, run.listing)? {
        let layout = layout::lay(book, run.listing, toolchain, stop).map_err(not_laid)?;
        let laid = layout.dir.clone();
        held = Some(layout);
        let inside = package.dir.strip_prefix(&run.listing.dir);
        dir = laid.join(inside.unwrap_or(Path::new("")));
    }
    let others = book.listings.iter().map(|listing| &listing.package);
    let others = others.filter(|other| is_package(&other.dir));
    let others = others.filter(|other| workspace_root(&other.dir) == root);
    let mut names: Vec<&str> = others.map(|other| other.name.as_str()).collect();
    if !names.contains(&&*package.name) {
        names.push(&package.name);
    }
    for name in names {
        arguments.extend(["-p", name]);
    }
    let how = BuildOptions {
        toolchain,
        env: &run.run.env,
        laid_out: held.is_some(),
    };
    let manifest = dir.join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    arguments.extend(["--manifest-path", &manifest]);
    let built = cargo_build(&start, &arguments, how, stop)?;
    drop(held);
    let found = built.program(&dir, name);
    found.ok_or_else(|| built.error(name))
}

/// Whether a listing's programs are built from its sources without their anchors. What takes
/// packages from elsewhere, and so long to build, is built once, where a reader builds it.
fn is_laid_out(book: &Book, listing: &Listing) -> Result<bool, BuildError> {
    let has_anchors = || layout::has_anchors(book, listing).map_err(not_laid);
    let depends = || layout::depends_on_others(listing).map_err(not_laid);
    Ok(layout::stands_alone(listing) && has_anchors()? && !depends()?)
}

fn not_laid(error: anyhow::Error) -> BuildError {
    BuildError::new(format!("cannot build: {error:#}"))
}

/// A command of cargo that is ready: its arguments before `--`.
#[derive(Debug)]
pub struct CargoInvocation {
    /// The folder in which the package lies that it builds. It is started in the listing's, where
    /// a reader starts it.
    pub built_in: PathBuf,
    /// The arguments.
    pub args: Vec<String>,
    /// The variables by which cargo gets the rest.
    pub env: Vec<(String, String)>,
    /// Held while it goes on.
    pub lock: Option<File>,
}

/// Makes a command of cargo ready: a listing in a workspace of its own is laid out as it is shown,
/// `anew` as if it had not been built before.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn invocation(
    book: &Book,
    run: RunRef<'_>,
    command: &CargoCommand,
    toolchain: Option<&str>,
    anew: bool,
    stop: &Stop,
) -> Result<CargoInvocation, BuildError> {
    let mut env = vec![
        // Its words are in colour, and no bar moves among them.
        ("CARGO_TERM_COLOR".to_owned(), "always".to_owned()),
        ("CARGO_TERM_PROGRESS_WHEN".to_owned(), "never".to_owned()),
    ];
    let mut lock = None;
    // Without a manifest there cargo says so, and without a layout, too.
    let has_manifest = run.listing.dir.join("Cargo.toml").is_file();
    let dir = if has_manifest && layout::stands_alone(run.listing) {
        let layout = layout::lay(book, run.listing, toolchain, stop).map_err(not_laid)?;
        let dir = layout.dir.clone();
        lock = Some(layout.into_lock());
        if anew {
            layout::touch_sources(&dir).map_err(not_laid)?;
        }
        dir
    } else {
        if toolchain.is_some() {
            let root = workspace_root(&run.package().dir);
            let target = root.join(layout::below_root(toolchain));
            env.push(("CARGO_TARGET_DIR".to_owned(), target.display().to_string()));
        }
        run.listing.dir.clone()
    };
    let mut args = vec![command.verb.name().to_owned()];
    if dir != run.listing.dir {
        let manifest = dir.join("Cargo.toml");
        args.extend(["--manifest-path".to_owned(), manifest.display().to_string()]);
    }
    if let Some(package) = &run.run.package {
        args.extend(["-p".to_owned(), package.name.clone()]);
    }
    args.extend(command.options.iter().cloned());
    Ok(CargoInvocation {
        built_in: dir,
        args,
        env,
        lock,
    })
}

/// Has cargo choose the versions of what a run is built from, where nobody has yet: there is a
/// lock file then, as after a reader's first build. What is wrong cargo says when it builds.
pub fn lock(run: RunRef<'_>) {
    let root = workspace_root(&run.package().dir);
    let has_manifest = root.join("Cargo.toml").is_file();
    let is_command = matches!(run.run.program, Program::Command(_));
    if is_command || !has_manifest || root.join("Cargo.lock").exists() {
        return;
    }
    let mut command = Command::new(cargo(None));
    command
        .args(["generate-lockfile", "--quiet"])
        .current_dir(&root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _ = command.status();
}

/// Builds every program of every listing, with one cargo for each workspace, so that a
/// reader's run finds its program built, but for listings on request. A listing that does not
/// build leaves the others alone; what is wrong with it is said when it is run.
///
/// # Errors
///
/// When `stop` ends the build, or there is no cargo.
pub fn build_all(book: &Book, stop: &Stop) -> Result<(), BuildError> {
    let mut workspaces: BTreeMap<PathBuf, Vec<&str>> = BTreeMap::new();
    for listing in book.listings.iter().filter(|listing| !listing.on_request) {
        let builds = |run: &Run| run.program.is_built_first();
        let is_package = is_package(&listing.dir);
        if !is_package || !listing.runs.iter().any(builds) || is_laid_out(book, listing)? {
            // It is built when it is run.
            continue;
        }
        let root = workspace_root(&listing.dir);
        let packages = workspaces.entry(root).or_default();
        packages.extend(["-p", &listing.package.name]);
    }
    for (workspace, packages) in workspaces {
        let targets = ["--bins", "--examples"];
        let arguments = [&targets, &packages[..]].concat();
        cargo_build(&workspace, &arguments, BuildOptions::default(), stop)?;
    }
    Ok(())
}

/// The cargo that is called: with a toolchain that is asked for it is rustup's, which knows them.
pub fn cargo(toolchain: Option<&str>) -> PathBuf {
    let own = std::env::var_os("CARGO").filter(|_| toolchain.is_none());
    own.unwrap_or_else(|| "cargo".into()).into()
}

/// What a build that came to its end has said.
struct Built {
    /// Cargo's messages, each a line of JSON.
    messages: String,
    /// Cargo's own words.
    words: String,
}

fn cargo_build(
    dir: &Path,
    arguments: &[&str],
    how: BuildOptions<'_>,
    stop: &Stop,
) -> Result<Built, BuildError> {
    let cargo = cargo(how.toolchain);
    let failed = |error: io::Error| BuildError::new(format!("cannot build: {error}"));
    let words = tempfile::tempfile().map_err(|error| {
        let folder = std::env::temp_dir();
        let folder = folder.display();
        BuildError::new(format!(
            "cannot build: cannot make a file in {folder}: {error}"
        ))
    })?;
    let watched = |error: anyhow::Error| BuildError::new(format!("cannot build: {error:#}"));
    let id = RunId::new().map_err(watched)?;
    // Where this tool is killed, what it builds ends with it: a build script may have no end.
    let _watchdog = Watchdog::start(id, None).map_err(watched)?;
    let mut command = Command::new(&cargo);
    command
        .args([
            "build",
            "--quiet",
            "--keep-going",
            "--message-format=json-diagnostic-rendered-ansi",
        ])
        .args(arguments)
        .current_dir(dir)
        .envs(how.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(words.try_clone().map_err(failed)?)
        // Its compilers are ended with it.
        .process_group(0);
    if let Some(toolchain) = how.toolchain {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
        if !how.laid_out {
            // Beside what the reader's own compiler has built.
            let target = workspace_root(dir).join(layout::below_root(how.toolchain));
            command.arg("--target-dir").arg(target);
        }
    }
    begin_build(&mut command, id);
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&cargo, &error))?;
    let messages = match child.stdout.take() {
        Some(mut output) => read_messages(&mut output, stop).map_err(failed),
        None => Ok(None),
    };
    if !matches!(messages, Ok(Some(_))) {
        end(&mut child);
    }
    child.wait().map_err(failed)?;
    match messages? {
        None => Err(BuildError::new("stopped")),
        Some(messages) => Ok(Built {
            messages,
            words: read_words(words).map_err(failed)?,
        }),
    }
}

fn not_started(cargo: &Path, error: &io::Error) -> BuildError {
    let cargo = cargo.display();
    BuildError::new(if error.kind() == ErrorKind::NotFound {
        format!(
            "cannot start {cargo}: expected Rust's cargo on the PATH (https://rustup.rs installs it)"
        )
    } else {
        format!("cannot start {cargo}: {error}")
    })
}

/// What cargo writes until it ends; nothing when `stop` comes first.
fn read_messages(output: &mut ChildStdout, stop: &Stop) -> io::Result<Option<String>> {
    let mut messages = Vec::new();
    let mut piece = [0; 1 << 14];
    while !stop.is_requested() {
        let mut fds = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(LOOK_MS)) {
            Ok(0) | Err(nix::Error::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match output.read(&mut piece)? {
            0 => return Ok(Some(String::from_utf8_lossy(&messages).into_owned())),
            read => messages.extend_from_slice(&piece[..read]),
        }
    }
    Ok(None)
}

/// Ends cargo with its compilers. What it has finished until then stays.
fn end(child: &mut Child) {
    // It has not been waited for, so the number is still its group's.
    let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
}

fn read_words(mut file: File) -> io::Result<String> {
    let mut words = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut words)?;
    Ok(String::from_utf8_lossy(&words).into_owned())
}

impl Built {
    fn messages(&self) -> impl Iterator<Item = Value> {
        // What a build script prints may come between the messages.
        let lines = self.messages.lines();
        lines.filter_map(|line| serde_json::from_str(line).ok())
    }

    /// The program of that name of the package in `folder`, if it was built.
    fn program(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let manifest = canonical(&folder.join("Cargo.toml"));
        // A library of that name has no executable.
        self.messages().find_map(|message| {
            let own = message["target"]["name"] == name
                && message["manifest_path"]
                    .as_str()
                    .map(|path| canonical(Path::new(path)))
                    == Some(manifest.clone());
            let program = message["executable"].as_str().filter(|_| own);
            program.map(PathBuf::from)
        })
    }

    /// Why the build failed: the compiler's first error, with all of them as diagnostics, or
    /// else cargo's words.
    fn error(&self, name: &str) -> BuildError {
        let errors: Vec<Value> = self
            .messages()
            .filter(|message| message["reason"] == "compiler-message")
            .map(|mut message| message["message"].take())
            // The last one only counts the others, and is about no place.
            .filter(|error| error["level"] == "error" && error["spans"] != serde_json::json!([]))
            .collect();
        let why = errors.first().map(|error| {
            let spans = error["spans"].as_array();
            let span = spans.and_then(|spans| spans.iter().find(|span| span["is_primary"] == true));
            let place = span.map(|span| {
                let file = span["file_name"].as_str().unwrap_or_default();
                format!(" ({file}:{})", span["line_start"])
            });
            let error = error["message"].as_str().unwrap_or_default();
            format!("{error}{}", place.unwrap_or_default())
        });
        let rendered = errors.iter().filter_map(|error| error["rendered"].as_str());
        let rendered: String = rendered.collect();
        let first = || {
            let line = self.words.lines().find(|line| !line.trim().is_empty());
            let line = line.unwrap_or("cargo failed and did not say why");
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        };
        let why = why.unwrap_or_else(first);
        BuildError {
            message: format!("cannot build {name}: {}", why.replace('\n', " ")),
            diagnostics: if rendered.is_empty() {
                self.words.clone()
            } else {
                rendered
            },
        }
    }
}

/// Where a path leads: cargo follows links.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book;

    fn first(listing: &Listing) -> RunRef<'_> {
        let run = &listing.runs[0];
        RunRef { listing, run }
    }

    #[test]
    fn the_program_is_the_one_of_its_own_package() {
        let artifact = |folder: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/{folder}/Cargo.toml","target":{{"name":"demo"}},"executable":{executable}}}"#
            )
        };
        let messages = ["other", "demo"].map(|name| artifact(name, &format!("\"/t/{name}\"")));
        let built = |messages: &[String]| Built {
            messages: messages.join("\nwarning\n"),
            words: String::new(),
        };
        let found = |messages: &[String]| built(messages).program(Path::new("/demo"), "demo");
        assert_eq!(found(&messages), Some("/t/demo".into()));
        assert_eq!(found(&messages[..1]), None);
        assert_eq!(found(&[artifact("demo", "null")]), None, "a library");
    }

    #[test]
    fn a_listing_in_a_workspace_of_its_own_is_built_without_the_others() {
        let folder = fixture_book::book();
        let runs = "[[run]]\nname = 'a'\ncaption = 'A'\nargs = []\ntimeout = '5s'\n";
        fixture_book::write(folder.path(), "listings/alone/runs.toml", runs);
        let manifest = "[package]\nname = 'alone'\nedition = '2024'\n[workspace]\n";
        fixture_book::write(folder.path(), "listings/alone/Cargo.toml", manifest);
        fixture_book::write(
            folder.path(),
            "listings/alone/src/main.rs",
            "fn main() {}\n",
        );
        let members =
            "[workspace]\nresolver = '3'\nmembers = ['listings/demo', 'listings/beside']\n";
        fixture_book::write(folder.path(), "Cargo.toml", members);
        let book = Book::open(folder.path()).expect("the book is whole");
        build_all(&book, &Stop::default()).expect("they build");
        for listing in &book.listings {
            let built = build(&book, first(listing), None, &Stop::default());
            let program = built.unwrap_or_else(|error| panic!("{error:?}"));
            assert!(program.is_file(), "{}", program.display());
        }
    }

    #[test]
    fn a_program_that_does_not_compile_says_the_first_error_and_keeps_them_all() {
        let folder = fixture_book::book();
        let book = Book::open(folder.path()).expect("the book is whole");
        let listing = &book.listings[0];
        let broken = "fn main() {\n    let x: u32 = \"text\";\n    nothing();\n}\n";
        fixture_book::write(&listing.dir, "src/main.rs", broken);
        let error = build(&book, first(listing), None, &Stop::default()).expect_err("it is broken");
        let message = error.to_string();
        assert!(
            message.starts_with("cannot build demo: ")
                && message.contains("(listings/demo/src/main.rs:"),
            "{message}"
        );
        let said = &error.diagnostics;
        assert!(said.contains("E0308") && said.contains("E0425"), "{said}");
        assert!(said.contains('\x1b'), "with colours: {said}");
        assert!(!said.contains("aborting"), "{said}");
    }

    #[test]
    fn what_cargo_says_is_kept_where_nothing_was_compiled() {
        let folder = fixture_book::book();
        let book = Book::open(folder.path()).expect("the book is whole");
        let listing = &book.listings[0];
        fixture_book::write(&listing.dir, "Cargo.toml", "[package]\nname = \n");
        let error = build(&book, first(listing), None, &Stop::default()).expect_err("it is broken");
        assert!(error.to_string().starts_with("cannot build demo: "));
        assert!(error.diagnostics.contains("Cargo.toml"), "{error:?}");
    }

    #[test]
    fn without_cargo_the_error_says_what_is_expected_and_where_to_get_it() {
        let missing = io::Error::from(ErrorKind::NotFound);
        assert_eq!(
            not_started(Path::new("cargo"), &missing).to_string(),
            "cannot start cargo: expected Rust's cargo on the PATH (https://rustup.rs installs it)"
        );
    }

    #[test]
    fn a_build_that_is_stopped_leaves_no_process() {
        let folder = fixture_book::book();
        let book = Book::open(folder.path()).expect("the book is whole");
        let listing = &book.listings[0];
        fixture_book::write(
            &listing.dir,
            "build.rs",
            "fn main() {\n    std::fs::write(\"begun\", std::process::id().to_string()).unwrap();\n    \
             std::fs::rename(\"begun\", \"pid\").unwrap();\n    loop { std::thread::park(); }\n}\n",
        );
        let stop = Stop::default();
        std::thread::scope(|threads| {
            let building = threads.spawn(|| build(&book, first(listing), None, &stop));
            let pid = loop {
                if let Ok(pid) = std::fs::read_to_string(listing.dir.join("pid")) {
                    break pid;
                }
                assert!(!building.is_finished(), "{:?}", building.join());
                std::thread::yield_now();
            };
            stop.request();
            let ended = building.join().expect("it does not panic");
            assert_eq!(ended, Err(BuildError::new("stopped")));
            // Its parent, cargo, is gone: init reaps it.
            let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat"));
            while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
                std::thread::yield_now();
            }
        });
    }
}
