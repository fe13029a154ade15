//! The same system call by two conventions, and a filter that knows one of them.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Command, ExitCode};

use clap::{Parser, ValueEnum};
use nix::sys::signal::Signal;

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

/// Asks for the parent's number by the calls of 64 and of 32 bits, under a filter
#[derive(Parser)]
struct Arguments {
    /// Whether the filter looks at the architecture, in this process
    #[arg(long, hide = true)]
    filter: Option<Checks>,

    /// By which convention to ask, in this process
    #[arg(long, hide = true, requires = "filter")]
    door: Option<Door>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Checks {
    Nothing,
    Architecture,
}

#[derive(Clone, Copy, ValueEnum)]
enum Door {
    Syscall,
    Int80,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments {
        Arguments {
            filter: Some(checks),
            door: Some(door),
        } => ask(checks, door),
        _ => ask_by_each(),
    })
}

fn ask_by_each() -> Result<(), Box<dyn Error>> {
    if !cfg!(target_arch = "x86_64") {
        println!("Skipped: this processor has no int 0x80");
        process::exit(SKIPPED);
    }
    println!("{:<24}syscall  int 0x80", "the filter checks");
    for checks in ["nothing", "architecture"] {
        let mut outcomes = Vec::new();
        for door in ["syscall", "int80"] {
            let mut inside = Command::new("/proc/self/exe");
            inside.args(["--filter", checks, "--door", door]);
            let output = inside.output()?;
            let signal = output.status.signal();
            if signal == Some(Signal::SIGSEGV as i32) {
                println!("Skipped: this kernel has no system calls of 32 bits");
                process::exit(SKIPPED);
            }
            outcomes.push(match signal {
                Some(signal) => Signal::try_from(signal)?.to_string(),
                None => String::from_utf8_lossy(&output.stdout)
                    .trim_end()
                    .to_owned(),
            });
        }
        println!("{checks:<24}{:<9}{}", outcomes[0], outcomes[1]);
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
use x86_64::ask;

#[cfg(not(target_arch = "x86_64"))]
fn ask(_: Checks, _: Door) -> Result<(), Box<dyn Error>> {
    Err("this processor has no int 0x80".into())
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::asm;
    use std::error::Error;

    use nix::errno::Errno;
    use nix::libc;
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

    use super::{Checks, Door};

    // ANCHOR: solution
    /// getppid(2) in the table of 32-bit calls; in that of 64 bits, 64 is semget(2).
    const GETPPID_32: isize = 64;

    pub fn ask(checks: Checks, door: Door) -> Result<(), Box<dyn Error>> {
        // All but getppid(2).
        let filter = SeccompFilter::new(
            [(libc::SYS_getppid, vec![])].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM as u32),
            TargetArch::x86_64,
        )?;
        let mut program = BpfProgram::try_from(filter)?;
        if let Checks::Nothing = checks {
            // Load the architecture; go on if it is this one; kill the process.
            program.drain(..3);
        }
        seccompiler::apply_filter(&program)?;
        let answer = match door {
            // SAFETY: the call has no arguments, and touches no memory.
            Door::Syscall => match unsafe { libc::syscall(libc::SYS_getppid) } {
                -1 => -(Errno::last_raw() as isize),
                pid => pid as isize,
            },
            Door::Int80 => {
                let mut number = GETPPID_32;
                // SAFETY: as above; what the kernel may change is named.
                unsafe {
                    asm!("int 0x80", inout("rax") number,
                        out("r8") _, out("r9") _, out("r10") _, out("r11") _)
                };
                number
            }
        };
        match answer {
            1.. => println!("done"),
            _ => println!("{:?}", Errno::from_raw(-answer as i32)),
        }
        Ok(())
    }
    // ANCHOR_END: solution
}
