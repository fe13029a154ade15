//! A pool of worker processes, built up in eight steps, each complete in its file.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

mod s1_one_child;
mod s2_socketpair;
mod s3_frames;
mod s4_many_workers;
mod s5_tasks_by_name;
mod s6_endings;
mod s7_no_orphans;
mod s8_replacement;

/// Builds a pool of worker processes, step by step
#[derive(Parser)]
struct Arguments {
    /// How far it is built
    #[arg(value_enum, default_value = "s8")]
    step: Step,
}

#[derive(Clone, Copy, ValueEnum)]
enum Step {
    /// The child's answer is its exit code
    S1,
    /// Numbers there and back through a socketpair
    S2,
    /// Frames of bounded length
    S3,
    /// Several workers, each fed by a thread
    S4,
    /// Spawned workers, and tasks that travel by name
    S5,
    /// Each way to end told apart
    S6,
    /// No worker outlives its parent
    S7,
    /// A lost worker is replaced
    S8,
}

fn main() -> ExitCode {
    // Spawned workers come this far, and no further.
    s5_tasks_by_name::serve_if_worker();
    s6_endings::serve_if_worker();

    command_line::run(|arguments: Arguments| match arguments.step {
        Step::S1 => s1_one_child::run(),
        Step::S2 => s2_socketpair::run(),
        Step::S3 => s3_frames::run(),
        Step::S4 => s4_many_workers::run(),
        Step::S5 => s5_tasks_by_name::run(),
        Step::S6 => s6_endings::run(),
        Step::S7 => s7_no_orphans::run(),
        Step::S8 => s8_replacement::run(),
    })
}
