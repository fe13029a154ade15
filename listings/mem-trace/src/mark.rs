//! What a process is doing, told to what watches it from outside.

use std::env;
use std::fs::File;
use std::io::Write;
use std::process;
use std::sync::OnceLock;

use nix::time::{ClockId, clock_gettime};

use crate::process::name;

/// The environment variable that names the file to which [`mark`] appends.
pub const MARKS_VARIABLE: &str = "MDBOOK_LIVE_MARKS";

static MARKS: OnceLock<Option<File>> = OnceLock::new();

/// Says what this process does from now on, in a word: `waiting`, `computing`.
///
/// Where [`MARKS_VARIABLE`] names a file, one line is appended to it: nanoseconds of
/// `CLOCK_MONOTONIC`, which all processes of a machine share, then the process id, the
/// process's name and the state. The file is opened with `O_APPEND`, so that finding the
/// end and writing there are one step, whatever else writes (open(2)). Elsewhere nothing
/// happens. A mark that cannot be written is lost in silence: what is watched goes on.
pub fn mark(state: &str) {
    let file = MARKS.get_or_init(|| {
        let path = env::var_os(MARKS_VARIABLE)?;
        File::options().append(true).open(path).ok()
    });
    let (Some(mut file), Ok(now)) = (file.as_ref(), clock_gettime(ClockId::CLOCK_MONOTONIC)) else {
        return;
    };
    let line = format!(
        "{}{:09} {} {} {state}\n",
        now.tv_sec(),
        now.tv_nsec(),
        process::id(),
        name()
    );
    let _ = file.write_all(line.as_bytes());
}
