//! Builds a listing's program.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::runs::Listing;

/// Builds the listing in the dev profile, as a reader's `cargo run` does, and
/// returns its program. Cargo's messages go to standard error.
pub fn build(listing: &Listing) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args([
            "build",
            "--quiet",
            "--message-format=json-render-diagnostics",
            "-p",
        ])
        .arg(&listing.name)
        .current_dir(&listing.dir)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", cargo.display()))?;
    if !output.status.success() {
        bail!(
            "cannot build {}: cargo ended with {}",
            listing.name,
            output.status
        );
    }
    program_in(&String::from_utf8_lossy(&output.stdout), &listing.name)
}

/// The program that cargo's messages tell of: that of the package's name, or the only one.
fn program_in(messages: &str, name: &str) -> Result<PathBuf> {
    let mut programs: Vec<(String, PathBuf)> = Vec::new();
    for line in messages.lines() {
        // What a build script prints may stand between the messages.
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let target = message["target"]["name"].as_str();
        if let (Some(target), Some(program)) = (target, message["executable"].as_str()) {
            programs.push((target.to_owned(), PathBuf::from(program)));
        }
    }
    let named = programs.iter().find(|(target, _)| target == name);
    match (named, &programs[..]) {
        (Some((_, program)), _) | (None, [(_, program)]) => Ok(program.clone()),
        (None, []) => bail!("{name} has no program; a listing has a src/main.rs"),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|(target, _)| target.as_str()).collect();
            bail!(
                "{name} has several programs ({}); accepted is one named {name}",
                names.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: &str, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":{executable}}}"#
        )
    }

    #[test]
    fn the_program_is_that_of_the_packages_name_or_the_only_one() {
        let library = artifact("demo", "null");
        let demo = artifact("demo", "\"/t/demo\"");
        let other = artifact("other", "\"/t/other\"");
        let found = |messages: &[&str]| {
            program_in(&messages.join("\n"), "demo").map_err(|error| error.to_string())
        };
        assert_eq!(
            found(&[&library, "warning", &other, &demo]),
            Ok("/t/demo".into())
        );
        assert_eq!(found(&[&library, &other]), Ok("/t/other".into()));
        assert_eq!(
            found(&[&library]),
            Err("demo has no program; a listing has a src/main.rs".into())
        );
        assert_eq!(
            found(&[&other, &artifact("third", "\"/t/third\"")]),
            Err("demo has several programs (other, third); accepted is one named demo".into())
        );
    }
}
