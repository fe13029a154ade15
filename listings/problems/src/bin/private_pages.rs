//! Problems of this kind: see `problems::private_pages`.

use std::process::ExitCode;

fn main() -> ExitCode {
    problems::command::run(problems::private_pages::problem)
}
