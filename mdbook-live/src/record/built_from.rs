//! All that a program was built from, by which a record knows that it is of another.

use serde::{Deserialize, Serialize};

/// What a run's program was built from. Each part is a hash, but for the dependencies, which
/// are named, so that a change is reported by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuiltFrom {
    /// The sources of the program and of the local libraries, without their comments and
    /// unit tests.
    pub sources: String,
    /// Their manifests, as far as they decide what is built: edition, features, targets, and
    /// what they ask of each dependency.
    pub manifests: String,
    /// The dependencies from elsewhere, as the lock file has them: `nix 0.31.1`.
    pub dependencies: Vec<String>,
    /// The profile, and what cargo's configuration and the environment add to it.
    pub profile: String,
    /// The files that the run reads or starts and is not built from.
    pub files: String,
}

impl BuiltFrom {
    /// What is different now: "sources", "dependency nix (0.31.1 → 0.31.3)"; nothing where all
    /// is the same.
    pub fn changes(&self, now: &BuiltFrom) -> Vec<String> {
        let mut changes = Vec::new();
        let mut compare = |then: &str, now: &str, what: &str| {
            if then != now {
                changes.push(what.to_owned());
            }
        };
        compare(&self.sources, &now.sources, "sources");
        compare(&self.manifests, &now.manifests, "manifests");
        compare(&self.profile, &now.profile, "profile or compiler flags");
        compare(&self.files, &now.files, "files that it reads or starts");
        changes.extend(changed_dependencies(&self.dependencies, &now.dependencies));
        changes
    }
}

/// The dependencies that differ; of many, the first ones.
fn changed_dependencies(then: &[String], now: &[String]) -> Vec<String> {
    const MOST_NAMED: usize = 3;
    let gone = then.iter().filter(|known| !now.contains(known));
    let mut new: Vec<&String> = now.iter().filter(|known| !then.contains(known)).collect();
    let name = |dependency: &str| dependency.split(' ').next().unwrap_or_default().to_owned();
    let mut changes = Vec::new();
    for old in gone {
        let same_name = new.iter().position(|new| name(new) == name(old));
        let version = |dependency: &str| {
            let version = dependency.split_once(' ');
            version.map_or(String::new(), |(_, version)| version.to_owned())
        };
        changes.push(match same_name.map(|at| new.remove(at)) {
            Some(new) => format!(
                "dependency {} ({} → {})",
                name(old),
                version(old),
                version(new)
            ),
            None => format!("dependency {old} (gone)"),
        });
    }
    changes.extend(new.iter().map(|new| format!("dependency {new} (new)")));
    let more = changes.len().saturating_sub(MOST_NAMED);
    changes.truncate(MOST_NAMED);
    if more > 0 {
        changes.push(format!("{more} dependencies more"));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_dependencies(names: &[&str]) -> BuiltFrom {
        BuiltFrom {
            dependencies: names.iter().map(|name| name.to_string()).collect(),
            ..BuiltFrom::default()
        }
    }

    #[test]
    fn what_changed_is_told_by_its_name() {
        let then = with_dependencies(&["nix 0.31.1", "rand 0.10.0", "serde 1.0.1"]);
        let now = with_dependencies(&["nix 0.31.3", "serde 1.0.1", "zstd 1.0.0"]);
        assert_eq!(
            then.changes(&now),
            [
                "dependency nix (0.31.1 → 0.31.3)",
                "dependency rand 0.10.0 (gone)",
                "dependency zstd 1.0.0 (new)"
            ]
        );
        assert_eq!(then.changes(&then), [] as [&str; 0]);
        let other = BuiltFrom {
            profile: "other".into(),
            ..then.clone()
        };
        assert_eq!(then.changes(&other), ["profile or compiler flags"]);
        let many = with_dependencies(&["a 1", "b 1", "c 1", "d 1", "e 1"]);
        assert_eq!(many.changes(&with_dependencies(&[])).len(), 4);
    }
}
