//! Your version: a system call by two conventions, and a filter that is to tell them apart.

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
    use nix::sys::prctl;
    use seccompiler::{BpfProgram, sock_filter};

    use super::{Checks, Door};

    /// getppid(2) in the table of 32-bit calls; in that of 64 bits, 64 is semget(2).
    const GETPPID_32: u32 = 64;

    /// Where a filter finds the call's number (`struct seccomp_data` in seccomp(2)).
    const NUMBER: u32 = 0;

    /// An instruction without a jump.
    fn step(code: u32, k: u32) -> sock_filter {
        let (jt, jf) = (0, 0);
        let code = code as u16;
        sock_filter { code, jt, jf, k }
    }

    /// The next instruction, where what was loaded is `value`; else the one after it.
    fn if_equal(value: u32) -> sock_filter {
        let jump = step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value);
        sock_filter { jf: 1, ..jump }
    }

    /// All but getppid(2).
    fn filter(checks: Checks) -> BpfProgram {
        let load = step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, NUMBER);
        let ends = |answer| step(libc::BPF_RET | libc::BPF_K, answer);
        let refuse = ends(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
        let mut program = vec![load, if_equal(libc::SYS_getppid as u32), refuse.clone()];
        if let Checks::Architecture = checks {
            // The number that it has by the other door.
            program.extend([if_equal(GETPPID_32), refuse]);
        }
        program.push(ends(libc::SECCOMP_RET_ALLOW));
        program
    }

    pub fn ask(checks: Checks, door: Door) -> Result<(), Box<dyn Error>> {
        prctl::set_no_new_privs()?;
        let program = filter(checks);
        seccompiler::apply_filter(&program)?;
        let answer = match door {
            // SAFETY: the call has no arguments, and touches no memory.
            Door::Syscall => match unsafe { libc::syscall(libc::SYS_getppid) } {
                -1 => -(Errno::last_raw() as isize),
                pid => pid as isize,
            },
            Door::Int80 => {
                let mut number = GETPPID_32 as isize;
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
}
