//! What a process of a run finds around it: its folder, and its environment variables.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use super::launch::Launch;

/// The width, in columns, that a run finds in `COLUMNS`.
pub const COLUMNS: u32 = 100;

/// Variables that every run has, besides [`COLUMNS`].
const FIXED: [(&str, &str); 3] = [
    ("LANG", "C.UTF-8"),
    ("TERM", "xterm-256color"),
    ("FORCE_COLOR", "1"),
];

/// The environment variable that names the file for marks (see [`crate::record::marks`]).
const MARKERS_VAR: &str = "MDBOOK_LIVE_MARKS";

/// Gives a process of a run its folder, and the variables that it has and no other.
pub(super) fn surround(command: &mut Command, launch: &Launch<'_>, marks: &Path) {
    command
        .current_dir(launch.dir)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_inherited(name)))
        .envs(FIXED)
        .env("COLUMNS", COLUMNS.to_string())
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .env(MARKERS_VAR, marks);
}

/// Whether a run inherits an environment variable: none by which the output of two recorders
/// would differ, or of a run from `cargo run` and one without.
fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return true;
    };
    let of_cargo = name.starts_with("CARGO") && name != "CARGO_HOME";
    // `RUST_BACKTRACE`, `RUST_LOG`, `RUSTFLAGS` and their like.
    let of_rust = name.starts_with("RUST") && !name.starts_with("RUSTUP");
    let of_output = name.starts_with("CLICOLOR")
        || name.starts_with("LC_")
        || ["NO_COLOR", "COLORTERM", "LINES", "LANGUAGE"].contains(&name);
    !of_cargo && !of_rust && !of_output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_recorders_is_not_inherited() {
        let inherited = |name: &str| is_inherited(OsStr::new(name));
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "PYTHON",
            "CI",
            "TMPDIR",
            "RUSTUP_HOME",
        ] {
            assert!(inherited(name), "{name}");
        }
        for name in [
            "RUST_BACKTRACE",
            "RUST_LIB_BACKTRACE",
            "RUST_LOG",
            "RUST_MIN_STACK",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "LC_ALL",
            "LANGUAGE",
            "NO_COLOR",
            "COLORTERM",
            "CLICOLOR_FORCE",
            "LINES",
            "CARGO",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PKG_NAME",
            "CARGO_TARGET_DIR",
        ] {
            assert!(!inherited(name), "{name}");
        }
        // This test itself is run by cargo.
    }
}
