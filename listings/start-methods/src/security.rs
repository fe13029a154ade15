//! Row 7: what a child knows that it should not.

use std::error::Error;
use std::io;
use std::process::Command;
use std::ptr::NonNull;

use memmap2::MmapMut;
use nix::sys::mman::{MmapAdvise, madvise};
use rand::RngExt;

use crate::children::{Question, forked, spawned, spawned_with};
use crate::findings::{Findings, Row};
use crate::mappings::{mapping_of, own_mappings};

/// Where a child has its program, its heap, its libraries and its stack.
pub const ADDRESSES: Question = ("addresses", addresses);

/// What a child finds in its environment.
pub const ENVIRONMENT: Question = ("environment", environment);

const SECRET: &[u8] = b"correct horse battery staple";

/// Where the parent's secret is in its environment.
const TOKEN: &str = "BOOK_SECRET_TOKEN";

/// What a page can be kept from a forked child by.
#[derive(Clone, Copy)]
pub enum Protection {
    /// The child has no such memory: reading it there is a SIGSEGV.
    DontFork,
    /// The child has zeros there.
    WipeOnFork,
}

/// Protects private memory (madvise(2)).
pub fn protect(memory: &mut MmapMut, protection: Protection) -> io::Result<()> {
    let advice = match protection {
        Protection::DontFork => MmapAdvise::MADV_DONTFORK,
        Protection::WipeOnFork => MmapAdvise::MADV_WIPEONFORK,
    };
    let start = NonNull::from(&mut memory[..]).cast();
    // SAFETY: the range is this mapping's own, and changes nothing in this process.
    unsafe { madvise(start, memory.len(), advice) }.map_err(Into::into)
}

/// Where this process has its program, its heap, its libraries and its stack: the bases of
/// the mappings, since what is put on a heap or a stack lies elsewhere at each call.
fn addresses() -> String {
    let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let mappings = own_mappings();
    let base = |is: &dyn Fn(&str) -> bool| {
        let mapping = mappings.iter().find(|mapping| is(&mapping.name));
        mapping.map_or(0, |mapping| mapping.range.start)
    };
    // A stack grows downwards: its end is what stays.
    let stack = mappings.iter().find(|mapping| mapping.name == "[stack]");
    format!(
        "{:#x} {:#x} {:#x} {:#x}",
        base(&|name| program.as_os_str() == name),
        base(&|name| name == "[heap]"),
        base(&|name| name.contains("/libc.so")),
        stack.map_or(0, |mapping| mapping.range.end)
    )
}

/// What a child finds in its environment.
fn environment() -> String {
    let token = std::env::var(TOKEN).unwrap_or_else(|_| "nothing".to_owned());
    let folder = std::env::current_dir()
        .is_ok_and(|folder| Some(folder.display().to_string()) == std::env::var("WANTED").ok());
    format!("{token} {folder} {}", nix::unistd::getuid())
}

/// What a forked child finds where its parent has a secret, protected or not.
pub fn found_by_child(protection: Option<Protection>) -> io::Result<String> {
    let mut memory = MmapMut::map_anon(crate::block::page())?;
    memory[..SECRET.len()].copy_from_slice(SECRET);
    if let Some(protection) = protection {
        protect(&mut memory, protection)?;
    }
    forked(|| {
        if mapping_of(memory.as_ptr() as usize).is_none() {
            return "not there".to_owned();
        }
        match &memory[..SECRET.len()] {
            found if found == SECRET => "the secret",
            found if found.iter().all(|&byte| byte == 0) => "zeros",
            _ => "something else",
        }
        .to_owned()
    })
}

/// Each question in turn.
pub fn measure() -> Result<Findings, Box<dyn Error>> {
    let mut lines = Vec::new();
    let here = addresses();
    let same = |there: &str| {
        let pairs = here.split(' ').zip(there.trim().split(' '));
        pairs.filter(|(ours, theirs)| ours == theirs).count()
    };
    let by_fork = same(&forked(addresses)?);
    let by_spawn = same(&spawned(ADDRESSES)?);
    for (method, equal) in [("fork", by_fork), ("spawn", by_spawn)] {
        lines.push(format!(
            "{method:<6} {equal} of 4 addresses (program, heap, libraries, stack) are the parent's"
        ));
    }

    let mut found = Vec::new();
    for (protection, how) in [
        (None, "unprotected"),
        (Some(Protection::DontFork), "MADV_DONTFORK"),
        (Some(Protection::WipeOnFork), "MADV_WIPEONFORK"),
    ] {
        let in_child = found_by_child(protection)?;
        lines.push(format!(
            "fork   memory with a secret, {how:<16} in the child: {in_child}"
        ));
        found.push(in_child);
    }

    let draw = || rand::rng().random::<u64>().to_string();
    let reseeded = || {
        // It fails only where the system gives no random bytes; the numbers would be equal then.
        let _ = rand::rng().reseed();
        draw()
    };
    let equal = |one: &str, other: &str| {
        if one == other {
            "the same number"
        } else {
            "different numbers"
        }
    };
    // Each thread's generator is seeded when it is first used: in each child, so far.
    let (one, other) = (forked(draw)?, forked(draw)?);
    lines.push(format!(
        "fork   before the parent has drawn a number, two children draw {}",
        equal(&one, &other)
    ));
    draw();
    let (one, other) = (forked(draw)?, forked(draw)?);
    lines.push(format!(
        "fork   after that, two children draw {}, and their parent then draws {}",
        equal(&one, &other),
        equal(&one, &draw())
    ));
    let (one, other) = (forked(reseeded)?, forked(reseeded)?);
    lines.push(format!(
        "fork   after a reseed in each, they draw {}",
        equal(&one, &other)
    ));

    let mut command = Command::new("/proc/self/exe");
    command.arg(ENVIRONMENT.0).env(TOKEN, "in-the-environment");
    command.env("WANTED", std::env::current_dir()?);
    let inherited = spawned_with(&mut command)?;
    let mut inherited = inherited.split_whitespace();
    let (token, folder, user) = (inherited.next(), inherited.next(), inherited.next());
    lines.push(format!(
        "spawn  the child finds {} in its environment; working directory the parent's: {}; user the parent's: {}",
        token.unwrap_or("nothing"),
        folder.unwrap_or("unknown"),
        user == Some(&nix::unistd::getuid().to_string())
    ));
    Ok(Findings {
        lines,
        row: Row {
            about: "Security",
            measured: format!(
                "a forked child has {by_fork} of 4 addresses and {}, a spawned one {by_spawn} of 4 and the environment; \
                 with MADV_WIPEONFORK {}",
                found[0], found[2]
            ),
        },
    })
}
