//! Which contenders there are, and which of them are compared with each other.

/// One way from the records to the sums of their parts.
pub struct Contender {
    /// The first words of its line.
    pub name: &'static str,
    /// What is run.
    pub program: Program,
    /// What is timed.
    pub timed: Timed,
}

/// What carries a contender out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// This program of the crate, with these words.
    Rust(&'static str, &'static [&'static str]),
    /// `pools.py` in this way, with NumPy.
    Python(&'static str),
    /// The same, with loky.
    Loky,
}

/// What of a contender is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Timed {
    /// From before its workers start until they have ended.
    Workers,
    /// The whole program, from its start to its end.
    Program,
}

/// Every peer, in the order of the table. The first is what all are compared with.
pub const CONTENDERS: &[Contender] = {
    use Program::{Loky, Python, Rust};
    use Timed::{Program as WholeProgram, Workers};
    const POOL: &str = "by-process-pool";
    &[
        contender(FLOOR, Rust("by-raw-socket", &[]), Workers),
        contender("process-pool, fork", Rust(POOL, &["sent", "fork"]), Workers),
        contender(
            "process-pool, spawn",
            Rust(POOL, &["sent", "spawn"]),
            Workers,
        ),
        contender(
            "process-pool, fork-server",
            Rust(POOL, &["sent", "fork-server"]),
            Workers,
        ),
        contender("procspawn", Rust("by-procspawn", &[]), Workers),
        contender(
            "ipc-channel, bytes",
            Rust("by-ipc-channel", &["bytes"]),
            Workers,
        ),
        contender("crossmist", Rust("by-crossmist", &[]), Workers),
        contender("Python, pickle", Python("pickle"), Workers),
        contender("loky", Loky, Workers),
        contender(
            "process-pool, shared memory",
            Rust(POOL, &["shared"]),
            Workers,
        ),
        contender(
            "process-pool, shared again",
            Rust(POOL, &["shared-again"]),
            Workers,
        ),
        contender(
            "ipc-channel, shared memory",
            Rust("by-ipc-channel", &["shared"]),
            Workers,
        ),
        contender("iceoryx2", Rust("by-iceoryx2", &[]), Workers),
        contender("Python, SharedMemory", Python("shared"), Workers),
        contender(
            "process-pool, inherited",
            Rust(POOL, &["inherited"]),
            Workers,
        ),
        contender("Python, inherited", Python("inherit"), Workers),
        contender("rayon", Rust("by-rayon", &["memory"]), Workers),
        contender("one thread, sum", Rust("by-one-thread", &["sum"]), Workers),
        contender(
            "one thread, read",
            Rust("by-one-thread", &["read"]),
            Workers,
        ),
        contender(
            "process-pool, mapped file",
            Rust(POOL, &["mapped"]),
            WholeProgram,
        ),
        contender(
            "process-pool, file in pieces",
            Rust(POOL, &["read"]),
            WholeProgram,
        ),
        contender(
            "rayon, mapped file",
            Rust("by-rayon", &["file"]),
            WholeProgram,
        ),
        contender("Python, memmap", Python("memmap"), WholeProgram),
        contender(
            "Python, memmap, spawn",
            Python("memmap-spawn"),
            WholeProgram,
        ),
    ]
};

/// No transport that hands bytes over by the kernel does with less.
pub const FLOOR: &str = "raw socket";

/// What is divided by what: round by round, since what disturbs a round disturbs both.
pub const RATIOS: &[(&str, &str)] = &[
    ("process-pool, fork", FLOOR),
    ("process-pool, spawn", FLOOR),
    ("process-pool, fork-server", FLOOR),
    ("procspawn", "process-pool, spawn"),
    ("ipc-channel, bytes", "process-pool, spawn"),
    ("crossmist", "process-pool, spawn"),
    ("Python, pickle", "process-pool, fork"),
    ("loky", "process-pool, spawn"),
    ("ipc-channel, shared memory", "process-pool, shared again"),
    ("iceoryx2", "process-pool, shared again"),
    ("Python, SharedMemory", "process-pool, shared memory"),
    ("Python, SharedMemory", "process-pool, shared again"),
    ("process-pool, inherited", "rayon"),
    ("Python, inherited", "process-pool, inherited"),
    ("one thread, sum", "one thread, read"),
    ("process-pool, mapped file", "rayon, mapped file"),
    ("process-pool, file in pieces", "rayon, mapped file"),
    ("Python, memmap", "process-pool, mapped file"),
    ("Python, memmap", "process-pool, file in pieces"),
    ("Python, memmap, spawn", "process-pool, mapped file"),
    ("Python, memmap, spawn", "process-pool, file in pieces"),
];

const fn contender(name: &'static str, program: Program, timed: Timed) -> Contender {
    Contender {
        name,
        program,
        timed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_contender_has_a_name_of_its_own_and_is_compared_with_one_that_is_timed_alike() {
        let timed = |name: &str| {
            let mut named = CONTENDERS.iter().filter(|contender| contender.name == name);
            let timed = named.next().map(|contender| contender.timed);
            assert!(named.next().is_none(), "two are called {name}");
            timed.unwrap_or_else(|| panic!("no contender is called {name}"))
        };
        for &(of, to) in RATIOS {
            assert!(timed(of) == timed(to), "{of} / {to}");
        }
        for contender in CONTENDERS {
            timed(contender.name);
        }
    }
}
