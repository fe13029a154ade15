//! The tool as a server of its own, and the processes of the runs that it makes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use fork_spawn_share::root;
use libtest_mimic::Failed;

pub type Outcome = Result<(), Failed>;

/// How long something that must come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is ended with its value.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Asked first: the server ends its runs.
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(15);
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.0.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The line of a started program that begins with `begin`, from its standard output.
pub fn wait_for_line(child: &mut Child, begin: &str) -> Result<String, Failed> {
    let output = child.stdout.take().ok_or("no output")?;
    let (sender, lines) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines
            .recv_timeout(left)
            .map_err(|_| format!("no line `{begin}`"))?;
        if line.starts_with(begin) {
            return Ok(line);
        }
    }
}

/// The tool, built beside this test.
pub static TOOL: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "mdbook-live"])
        .current_dir(root())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "{built}");
    let test = env::current_exe().expect("this program has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/debug");
    folder.join("mdbook-live")
});

/// What a server of this test has in its environment, and every run that it makes.
static OF_THIS_TEST: LazyLock<String> =
    LazyLock::new(|| format!("SERVED_FOR_TEST={}", std::process::id()));

/// The book, served by the tool from `book`; its address. The server heeds every signal
/// but the one that is `ignored`, whatever this test was started with (env(1)).
pub fn serve(book: &Path, ignored: Option<&str>) -> Result<(Ended, String), Failed> {
    let child = Command::new("env")
        .arg("--default-signal=HUP,INT,TERM")
        .args(ignored.map(|signal| format!("--ignore-signal={signal}")))
        .arg(&*OF_THIS_TEST)
        .arg(&*TOOL)
        .args(["serve", "--port", "0", "--no-open"])
        .current_dir(book)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut server = Ended(child);
    let line = wait_for_line(&mut server.0, "Serving ")?;
    let url = line
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    Ok((server, url))
}

/// A book of one chapter and one listing, `demo`, with this program and these runs, each a
/// name and its arguments in TOML.
pub fn small_book(program: &str, runs: &[(&str, &str)]) -> Result<tempfile::TempDir, Failed> {
    let book = tempfile::tempdir()?;
    let mut runs_toml = String::new();
    let mut chapter = "# One\n".to_owned();
    for (name, args) in runs {
        runs_toml += &format!(
            "[[run]]\nname = '{name}'\ncaption = 'A run'\nargs = [{args}]\n\
             [[run.claim]]\nsays = 'It begins'\ncount = {{ lines = '^under way', is = 1 }}\n"
        );
        chapter += &format!("\n{{{{#run demo/{name}}}}}\n");
    }
    for (path, text) in [
        (
            "book.toml",
            "[book]\ntitle = 'Small'\n[preprocessor.live]\ncommand = 'mdbook-live preprocess'\n\
             before = ['links']\nlistings = ['listings/*']\n",
        ),
        ("src/SUMMARY.md", "# Summary\n\n- [One](one.md)\n"),
        ("src/one.md", &chapter),
        ("listings/demo/runs.toml", &runs_toml),
        (
            "listings/demo/Cargo.toml",
            "[package]\nname = 'demo'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n",
        ),
        ("listings/demo/src/main.rs", program),
        (".gitignore", "/listings/demo/go\n"),
    ] {
        let path = book.path().join(path);
        fs::create_dir_all(path.parent().ok_or("a path without a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(book)
}

/// The processes of runs that are under way, of this test's servers alone: a reader may
/// have another one open.
pub fn processes_of_runs() -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|&byte| byte == 0);
        let of_a_run = variables
            .clone()
            .any(|variable| variable.starts_with(b"MDBOOK_LIVE_MARKS="));
        if of_a_run && variables.any(|variable| variable == OF_THIS_TEST.as_bytes()) {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            found.insert(pid, name.trim().to_owned());
        }
    }
    found
}

/// Waits until no run has a process; how long that took is nobody's promise here.
pub fn no_process_is_left() -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let left = processes_of_runs();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("left: {left:?}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}
