//! Problems of this kind: see `problems::pages`.

use std::process::ExitCode;

fn main() -> ExitCode {
    problems::command::run(problems::pages::problem)
}
