//! Problems of this kind: see `problems::descriptor_table`.

use std::process::ExitCode;

fn main() -> ExitCode {
    problems::command::run(problems::descriptor_table::problem)
}
