//! The layers of a sandbox. Each is closed by the process that it is to hold, and for good.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};
use nix::libc;
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// The user and the group `nobody` of most systems. A service that you install gets a user of
/// its own: what several services share, their workers share as well.
pub const NOBODY: u32 = 65534;

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layer {
    /// No descriptor but standard input, output and error.
    Closed,
    /// Another user, which takes root.
    User,
    /// The files and TCP ports of a Landlock ruleset, and no signal to others.
    Landlock,
    /// The system calls of a list.
    Seccomp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::User => "user",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp",
        })
    }
}

impl Layer {
    /// The argument by which a service or a worker is started with this layer.
    pub fn argument(&self) -> String {
        format!("--layer={}", self.to_string().to_lowercase())
    }

    /// Holds this process, from now on, in the layer. It still can read the files in
    /// `palettes`, and the descriptors 0 to 2.
    ///
    /// # Errors
    ///
    /// Where the system has no such layer, or does not allow it.
    pub fn close(self, palettes: &Path) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Closed => Ok(close_descriptors()?),
            Self::User => {
                become_nobody()?;
                // Where it may not come as far as that, it can decode nothing.
                fs::read_dir(palettes)?;
                Ok(())
            }
            Self::Landlock => {
                restrict_files_and_ports(palettes).map_err(|error| match error.downcast_ref() {
                    Some(RulesetError::HandleAccesses(_) | RulesetError::Scope(_)) => {
                        "Landlock is missing, or older than in Linux 6.12".into()
                    }
                    _ => error,
                })
            }
            Self::Seccomp => Ok(seccompiler::apply_filter(&filter(allowed()?)?)?),
        }
    }
}

// ANCHOR: closed
/// Closes every descriptor but standard input, output and error (close_range(2)).
fn close_descriptors() -> io::Result<()> {
    // SAFETY: a worker has opened nothing yet, and what a fork has copied of its parent's owners
    // is never dropped in it: no descriptor that is closed here is used or closed again.
    match unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
// ANCHOR_END: closed

// ANCHOR: user
/// Becomes the user `nobody`, with no group but `nobody`.
fn become_nobody() -> io::Result<()> {
    // The user last: only root may change the groups.
    unistd::setgroups(&[])?;
    unistd::setgid(Gid::from_raw(NOBODY))?;
    unistd::setuid(Uid::from_raw(NOBODY))?;
    if unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("root could be had back"));
    }
    // Nor by a program with the set-user-ID bit.
    Ok(prctl::set_no_new_privs()?)
}
// ANCHOR_END: user

// ANCHOR: landlock
/// What Landlock can refuse in its sixth version, that of Linux 6.12, refused, but for reading
/// the files in `palettes`.
fn restrict_files_and_ports(palettes: &Path) -> Result<(), Box<dyn Error>> {
    let version = ABI::V6;
    Ruleset::default()
        // An error, where the kernel has less.
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(version))?
        .handle_access(AccessNet::from_all(version))?
        .scope(Scope::from_all(version))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(palettes)?, AccessFs::ReadFile))?
        .restrict_self()?;
    Ok(())
}
// ANCHOR_END: landlock

/// The system calls of a filter: those without a rule are allowed with any arguments, the
/// others where a rule holds.
pub type Allowed = BTreeMap<i64, Vec<SeccompRule>>;

/// What this worker needs.
///
/// # Errors
///
/// None that these rules could have.
// ANCHOR: seccomp
pub fn allowed() -> Result<Allowed, Box<dyn Error>> {
    Ok(Allowed::from([
        // Pictures come and go, a palette is read.
        (libc::SYS_read, vec![]),
        (libc::SYS_write, vec![]),
        (libc::SYS_close, vec![]),
        (libc::SYS_statx, vec![]),
        (libc::SYS_lseek, vec![]),
        // Memory, and the end.
        (libc::SYS_brk, vec![]),
        (libc::SYS_munmap, vec![]),
        (libc::SYS_mremap, vec![]),
        (libc::SYS_madvise, vec![]),
        (libc::SYS_futex, vec![]),
        (libc::SYS_sigaltstack, vec![]),
        (libc::SYS_exit_group, vec![]),
        // A file, for reading: any bit more, such as O_CREAT, is refused.
        (
            libc::SYS_openat,
            vec![only(2, libc::O_CLOEXEC | libc::O_LARGEFILE)?],
        ),
        // Memory, but no new code.
        (
            libc::SYS_mmap,
            vec![only(2, libc::PROT_READ | libc::PROT_WRITE)?],
        ),
    ]))
}
// ANCHOR_END: seccomp

/// A system call whose argument of this index has no bits but these.
fn only(argument: u8, bits: libc::c_int) -> Result<SeccompRule, Box<dyn Error>> {
    let none = SeccompCmpOp::MaskedEq(u64::from(!bits as u32));
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, none, 0)?;
    Ok(SeccompRule::new(vec![condition])?)
}

/// The filter: what is not allowed fails with `EPERM`.
///
/// # Errors
///
/// On an architecture that it cannot be compiled for.
pub fn filter(allowed: Allowed) -> Result<BpfProgram, Box<dyn Error>> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(allowed, refused, SeccompAction::Allow, architecture)?;
    Ok(filter.try_into()?)
}
