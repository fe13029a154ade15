//! A script, written as a Rust program.

use std::collections::BTreeSet;

use crate::script::{Fork, Me, Step};

/// Functions and types that a program has where it uses them, each with its comment.
const PIECES: [&str; 3] = [
    include_str!("pieces/processes.rs"),
    include_str!("pieces/descriptors.rs"),
    include_str!("pieces/pages.rs"),
];

/// What programs import where they use it: the module, then the names.
const IMPORTS: [(&str, &str); 18] = [
    ("std", "env"),
    ("std::ffi", "CString"),
    ("std", "fs"),
    ("std::num", "NonZeroUsize"),
    ("std::os::fd", "AsRawFd OwnedFd"),
    ("std::os::unix::fs", "FileExt PermissionsExt"),
    ("std::process", "exit"),
    ("nix", "Result"),
    ("nix::errno", "Errno"),
    ("nix::fcntl", "FcntlArg FdFlag OFlag fcntl open"),
    ("nix::sys::memfd", "MFdFlags memfd_create"),
    (
        "nix::sys::mman",
        "MapFlags MmapAdvise ProtFlags madvise mmap_anonymous",
    ),
    ("nix::sys::prctl", "set_child_subreaper"),
    ("nix::sys::resource", "UsageWho getrusage"),
    ("nix::sys::signal", "Signal kill raise"),
    ("nix::sys::stat", "Mode"),
    ("nix::sys::wait", "WaitPidFlag WaitStatus wait waitpid"),
    (
        "nix::unistd",
        "Pid SysconfVar Whence close dup dup2 execv fork lseek pipe2 read sysconf write",
    ),
];

/// Traits, each with the call by which a program shows that it needs it.
const TRAITS: [(&str, &str); 3] = [
    (".as_raw_fd(", "AsRawFd"),
    (".read_exact_at(", "FileExt"),
    (".mode(", "PermissionsExt"),
];

/// The program of a script: `head` describes it, `begins` are the first lines of `main`, and
/// `call` writes a call of this kind of problem.
pub fn program<C>(
    head: &[String],
    begins: &[&str],
    script: &[Step<C>],
    call: &dyn Fn(&C) -> Vec<String>,
) -> String {
    let mut main = String::from("fn main() -> Result<()> {\n");
    for line in begins.iter().copied().chain(["let mut me = 0;"]) {
        main += &format!("    {line}\n");
    }
    block(&mut main, script, call, 1);
    main += "    Ok(())\n}\n";

    // A piece may use another one: each is looked for in all that is there already.
    let pieces = pieces();
    let mut needed = BTreeSet::new();
    let mut body = main.clone();
    while let Some(more) = (0..pieces.len())
        .find(|piece| names(&body).contains(pieces[*piece].0) && !needed.contains(piece))
    {
        needed.insert(more);
        body += pieces[more].1;
    }

    let mut program = String::new();
    for line in head {
        program += format!("//! {line}").trim_end();
        program.push('\n');
    }
    let used = names(&body);
    for root in ["std", "nix"] {
        let mut imports: Vec<String> = Vec::new();
        for (module, names) in IMPORTS {
            let names = names.split(' ').filter(|name| used.contains(name));
            let names: Vec<&str> = names.collect();
            imports.extend(match names[..] {
                _ if module.split("::").next() != Some(root) => None,
                [] => None,
                [one] => Some(format!("use {module}::{one};\n")),
                _ => Some(format!("use {module}::{{{}}};\n", names.join(", "))),
            });
        }
        if !imports.is_empty() {
            program.push('\n');
            program.extend(imports);
        }
    }
    program.push('\n');
    program += &main;
    for piece in needed {
        program.push('\n');
        program += pieces[piece].1.trim_end();
        program.push('\n');
    }
    program
}

/// The pieces, each with its name.
fn pieces() -> Vec<(&'static str, &'static str)> {
    let mut pieces = Vec::new();
    for mut rest in PIECES {
        while !rest.is_empty() {
            // Each begins with its comment.
            let next = rest.find("\n\n///").map_or(rest.len(), |end| end + 2);
            let (piece, others) = rest.split_at(next);
            let code = piece.lines().find(|line| !line.starts_with("///"));
            let mut words = code.unwrap_or_default().split([' ', '(']);
            pieces.push((words.nth(1).unwrap_or_default(), piece));
            rest = others;
        }
    }
    pieces
}

/// The statements of a block, `depth` levels in.
fn block<C>(text: &mut String, steps: &[Step<C>], call: &dyn Fn(&C) -> Vec<String>, depth: usize) {
    let margin = "    ".repeat(depth);
    for step in steps {
        let lines = match step {
            Step::Call(made) => call(made),
            Step::Wait => vec!["wait_for_one();".to_owned()],
            Step::Reap => vec!["reap(me);".to_owned()],
            Step::WaitForAll => vec!["while wait().is_ok() {}".to_owned()],
            Step::Pause => vec!["pause()?;".to_owned()],
            Step::UntilPaused => vec!["let paused = until_paused()?;".to_owned()],
            Step::GoOn => vec!["go_on(paused)?;".to_owned()],
            Step::Fork(Fork { me, body, exit }) => {
                *text += &format!("{margin}if child()? {{\n");
                let me = match me {
                    Me::Is(number) => format!("me = {number};"),
                    Me::Plus(more) => format!("me += {more};"),
                };
                *text += &format!("{margin}    {me}\n");
                block(text, body, call, depth + 1);
                if let Some(status) = exit
                    && !text.ends_with("execute(me);\n")
                {
                    *text += &format!("{margin}    exit({status});\n");
                }
                vec!["}".to_owned()]
            }
        };
        for line in lines {
            *text += &format!("{margin}{line}\n");
        }
    }
}

/// The names that a text uses: its words without comments and strings, and without what is
/// looked up in something else (`.read`, `File::open`).
fn names(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let lines = text.lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    let outside = code.flat_map(|line| line.split('"').step_by(2));
    let mut names = BTreeSet::new();
    for part in outside {
        for (at, _) in part.match_indices(is_name) {
            let before = &part[..at];
            let begins = !before.ends_with(is_name);
            if begins && !before.ends_with(['.', ':']) && !before.ends_with("fn ") {
                let rest = &part[at..];
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                names.insert(&rest[..end]);
            }
        }
    }
    let traits = TRAITS.iter().filter(|(call, _)| text.contains(call));
    names.extend(traits.map(|(_, name)| *name));
    names
}
