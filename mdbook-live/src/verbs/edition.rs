//! Which state of a book a build is of: its version, and the day of its last change.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::page::head::Edition;

/// A day for a build that shall not depend on the folder that it is made in
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The version in the book's `Cargo.toml`, the day that `SOURCE_DATE_EPOCH` names or that of
/// git's last commit; what is not there is left out.
///
/// # Errors
///
/// When `SOURCE_DATE_EPOCH` is no time.
pub(super) fn edition(root: &Path) -> Result<Edition> {
    let epoch = std::env::var(SOURCE_DATE_EPOCH).ok();
    let seconds = match &epoch {
        Some(seconds) => Some(seconds.parse().ok().and_then(day).with_context(|| {
            format!("{SOURCE_DATE_EPOCH}: expected seconds since 1970, found {seconds:?}")
        })?),
        None => last_commit(root).and_then(day),
    };
    Ok(Edition {
        version: version(root),
        date: seconds,
    })
}

/// Of the package in the root, or of the workspace there.
fn version(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().ok()?;
    let version = |table: &toml::Table| Some(table.get("version")?.as_str()?.to_owned());
    let package = manifest.get("package").and_then(toml::Value::as_table);
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    let of_workspace = workspace.and_then(|table| table.get("package")?.as_table());
    package
        .and_then(version)
        .or_else(|| of_workspace.and_then(version))
}

/// When the last commit was made, in seconds since 1970; `None`: no git, or nothing in it.
fn last_commit(root: &Path) -> Option<u64> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["log", "-1", "--format=%ct"])
        .output()
        .ok()?;
    let seconds = String::from_utf8(output.stdout).ok()?;
    seconds.trim().parse().ok()
}

/// "2026-11-26", in UTC.
fn day(seconds: u64) -> Option<String> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    // humantime knows the years up to 9999.
    let text = (seconds < 253_402_300_800).then(|| humantime::format_rfc3339_seconds(time));
    Some(text?.to_string().split('T').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_utc() {
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(951_868_799).as_deref(), Some("2000-02-29"));
        assert_eq!(day(u64::MAX), None);
    }

    #[test]
    fn the_version_is_that_of_the_package_or_of_the_workspace() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(version(dir.path()), None);
        for (manifest, found) in [
            ("[package]\nversion = '1.2.3'\n", Some("1.2.3")),
            (
                "[package]\nversion.workspace = true\n[workspace.package]\nversion = '4.5.6'\n",
                Some("4.5.6"),
            ),
            ("[workspace]\n", None),
        ] {
            std::fs::write(dir.path().join("Cargo.toml"), manifest).expect("a file");
            assert_eq!(version(dir.path()).as_deref(), found, "{manifest}");
        }
    }

    #[test]
    fn the_day_is_that_of_the_last_commit() {
        let dir = tempfile::tempdir().expect("a folder");
        let git = |arguments: &[&str]| {
            let done = Command::new("git")
                .arg("-C")
                .arg(dir.path())
                .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
                .args(arguments)
                .env("GIT_COMMITTER_DATE", "2026-03-14T15:09:26Z")
                .output()
                .expect("git is there");
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "--quiet"]);
        assert_eq!(last_commit(dir.path()), None);
        git(&["commit", "--quiet", "--allow-empty", "--message=One"]);
        let found = last_commit(dir.path()).and_then(day);
        assert_eq!(found.as_deref(), Some("2026-03-14"));
    }
}
