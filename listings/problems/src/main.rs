//! Says which kinds of problems there are.

use std::process::ExitCode;

use clap::Parser;

/// Says which kinds of problems there are, and how to get one
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|Arguments {}| {
        println!("fork_tree         fork, wait and exit: which processes, and what they may print");
        println!("descriptor_table  open, dup, pipe, fork, exec: what a process has, and reads");
        println!("private_pages     private and shared pages: what a process sees, and copies");
        println!("A fresh one: cargo run --bin fork_tree -- --level 2");
        Ok::<(), std::convert::Infallible>(())
    })
}
