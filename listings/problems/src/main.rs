//! Says which kinds of problems there are.

use std::process::ExitCode;

use clap::Parser;

/// Says which kinds of problems there are, and how to get one
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|Arguments {}| {
        println!("fork_tree    fork, wait and exit: the tree, and what it may print");
        println!("descriptors  open, dup, pipe, fork, exec: what each process has, and reads");
        println!("pages        private and shared pages: what each process sees, and copies");
        println!("A fresh one: cargo run --bin fork_tree -- --level 2");
        Ok::<(), std::convert::Infallible>(())
    })
}
