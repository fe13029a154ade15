//! What the programs of this listing share: a worker that matches patterns, a pool of them for
//! an asynchronous service, and what the system tells of processes.

pub mod heartbeat;
pub mod matcher;
pub mod matchers;
pub mod processes;
mod regex;

/// A pattern and a text that have the C library try so many ways that nobody sees it come back:
/// "Back-references are very slow, and may require exponential time" (grep(1)).
pub fn endless() -> (String, String) {
    let groups = "(a*)".repeat(9);
    (format!(r"^{groups}\9\8\7\6\5\4\3\2\1b"), "a".repeat(200))
}

/// A pattern whose parentheses are nested more deeply than the stack of the C library's parser,
/// which calls itself for each of them.
pub fn too_deep() -> (String, String) {
    const DEPTH: usize = 30_000;
    let pattern = format!("{}a{}", "(".repeat(DEPTH), ")".repeat(DEPTH));
    (pattern, "a".to_string())
}
