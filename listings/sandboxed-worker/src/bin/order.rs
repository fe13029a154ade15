//! Root becomes another user, in three orders.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};

use clap::{Parser, ValueEnum};
use nix::unistd::{Gid, Uid, getegid, geteuid, getgroups, setgid, setgroups, setuid};
use sandboxed_worker::attack::reason;
use sandboxed_worker::sandbox::NOBODY;
use tempfile::TempDir;

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

/// Gives up root's rights in several orders, and then reads a file of root's group
#[derive(Parser)]
struct Arguments {
    /// The order, in this process
    #[arg(long, hide = true, requires = "file")]
    inside: Option<Order>,

    /// A file that root's group may read
    #[arg(long, hide = true)]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    UserFirst,
    NoGroups,
    UserLast,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments {
        Arguments {
            inside: Some(order),
            file: Some(file),
        } => become_nobody(order, &file),
        _ => try_each(),
    })
}

/// Each in a process of its own: there is no way back.
fn try_each() -> Result<(), Box<dyn Error>> {
    let folder = TempDir::new()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let file = folder.path().join("key");
    fs::write(&file, "of root, and of root's group")?;
    fs::set_permissions(&file, Permissions::from_mode(0o644))?;
    if let Err(why) = may_change(&file) {
        folder.close()?;
        println!("Skipped: no other user can read here: {}", why.trim());
        process::exit(SKIPPED);
    }
    fs::set_permissions(&file, Permissions::from_mode(0o640))?;
    println!("{:<28}user   group  groups  key", "");
    for (name, order) in [
        ("setuid, setgid, setgroups", "user-first"),
        ("setgid, setuid", "no-groups"),
        ("setgroups, setgid, setuid", "user-last"),
    ] {
        let mut inside = Command::new("/proc/self/exe");
        inside.args(["--inside", order, "--file"]).arg(&file);
        let output = inside.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim_end().into());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{name:<28}{}", said.trim_end());
    }
    Ok(())
}

/// Whether this process may become `nobody`, who comes as far as such a file.
fn may_change(file: &Path) -> Result<(), String> {
    let mut inside = Command::new("/proc/self/exe");
    inside.args(["--inside", "user-last", "--file"]).arg(file);
    let output = inside.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    if said.trim_end().ends_with("read") {
        return Ok(());
    }
    Err([said, String::from_utf8_lossy(&output.stderr)].concat())
}

fn become_nobody(order: Order, file: &Path) -> Result<(), Box<dyn Error>> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    // A service of root's that is in root's group.
    setgroups(&[Gid::from_raw(0)])?;
    // ANCHOR: order
    match order {
        Order::UserFirst => {
            setuid(user)?;
            // These fail, and nobody looks.
            let _ = setgid(group);
            let _ = setgroups(&[]);
        }
        Order::NoGroups => {
            setgid(group)?;
            setuid(user)?;
        }
        Order::UserLast => {
            setgroups(&[])?;
            setgid(group)?;
            setuid(user)?;
        }
    }
    // ANCHOR_END: order
    let groups: Vec<String> = getgroups()?.iter().map(Gid::to_string).collect();
    let groups = if groups.is_empty() {
        "none".to_owned()
    } else {
        groups.join(",")
    };
    let read = match fs::read_to_string(file) {
        Ok(_) => "read".to_owned(),
        Err(error) => reason(&error),
    };
    println!("{:<7}{:<7}{groups:<8}{read}", geteuid(), getegid());
    Ok(())
}
