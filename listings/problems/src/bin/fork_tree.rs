//! Problems of this kind: see `problems::fork_tree`.

use std::process::ExitCode;

fn main() -> ExitCode {
    problems::command::run(problems::fork_tree::problem)
}
