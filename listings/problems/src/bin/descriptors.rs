//! Problems of this kind: see `problems::descriptors`.

use std::process::ExitCode;

fn main() -> ExitCode {
    problems::command::run(problems::descriptors::problem)
}
