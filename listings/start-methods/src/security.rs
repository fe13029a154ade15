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

/// Where a child has its program, its stack and its heap.
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

/// Where this process has its program, its stack and its heap.
fn addresses() -> String {
    let on_stack = 0u8;
    let on_heap = Box::new(0u8);
    format!(
        "{:p} {:p} {on_heap:p}",
        SECRET.as_ptr(),
        &raw const on_stack
    )
}

/// What a child finds in its environment.
fn environment() -> String {
    let token = std::env::var(TOKEN).unwrap_or_else(|_| "nothing".to_owned());
    let folder = std::env::current_dir()
        .is_ok_and(|folder| Some(folder.display().to_string()) == std::env::var("WANTED").ok());
    format!("{token} {folder} {}", nix::unistd::getuid())
}

/// Whether the mappings of this process contain that address.
fn is_mapped(address: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().any(|line| {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        range.is_some_and(|(from, to)| {
            let bound = |hex| usize::from_str_radix(hex, 16).unwrap_or(0);
            (bound(from)..bound(to)).contains(&address)
        })
    })
}

fn secret_in(memory: &MmapMut) -> &'static str {
    if !is_mapped(memory.as_ptr() as usize) {
        return "not there";
    }
    match &memory[..SECRET.len()] {
        found if found == SECRET => "the secret",
        found if found.iter().all(|&byte| byte == 0) => "zeros",
        _ => "something else",
    }
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
            "{method:<6} {equal} of 3 addresses (program, stack, heap) are the parent's"
        ));
    }

    let mut found = Vec::new();
    for (protection, how) in [
        (None, "unprotected"),
        (Some(Protection::DontFork), "MADV_DONTFORK"),
        (Some(Protection::WipeOnFork), "MADV_WIPEONFORK"),
    ] {
        let mut memory = MmapMut::map_anon(crate::block::page())?;
        memory[..SECRET.len()].copy_from_slice(SECRET);
        if let Some(protection) = protection {
            protect(&mut memory, protection)?;
        }
        let in_child = forked(|| secret_in(&memory).to_owned())?;
        lines.push(format!(
            "fork   memory with a secret, {how:<16} in the child: {in_child}"
        ));
        found.push(in_child);
    }

    let parent: u64 = rand::rng().random();
    let draw = || rand::rng().random::<u64>().to_string();
    let (one, other) = (forked(draw)?, forked(draw)?);
    let reseeded = || {
        // It fails only where the system gives no random bytes; the numbers would be equal then.
        let _ = rand::rng().reseed();
        draw()
    };
    let (one_reseeded, other_reseeded) = (forked(reseeded)?, forked(reseeded)?);
    let equal = |one: &str, other: &str| {
        if one == other {
            "the same number"
        } else {
            "different numbers"
        }
    };
    lines.push(format!(
        "fork   after the parent has drawn {}, two children draw {}",
        match parent {
            0 => "zero",
            _ => "a number",
        },
        equal(&one, &other)
    ));
    lines.push(format!(
        "fork   after a reseed in each, they draw {}",
        equal(&one_reseeded, &other_reseeded)
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
                "a forked child has {by_fork} of 3 addresses and {}, a spawned one {by_spawn} of 3 and the environment; \
                 with MADV_WIPEONFORK {}",
                found[0], found[2]
            ),
        },
    })
}
