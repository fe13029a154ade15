//! Cargo packages, as far as their manifests tell their names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml::Table;

/// How deep below a listing's folder its packages lie at most.
const DEPTH: usize = 3;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name; a listing's folder's, where that is no package.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
}

/// The name of the package in that folder; `None` where there is none.
///
/// # Errors
///
/// When its manifest cannot be read.
pub(super) fn name_in(dir: &Path) -> Result<Option<String>> {
    let path = dir.join("Cargo.toml");
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    // What is wrong with a manifest is cargo's to say, when it is built.
    let manifest = text.parse::<Table>().unwrap_or_default();
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    Ok(name.and_then(toml::Value::as_str).map(str::to_owned))
}

/// Whether a folder is a package, and no workspace alone.
pub fn is_package(dir: &Path) -> bool {
    matches!(name_in(dir), Ok(Some(_)))
}

/// The folder of the workspace to which cargo counts the package in `dir`: its own, where it is
/// in none.
pub fn workspace_root(dir: &Path) -> PathBuf {
    let is_root = |above: &&Path| {
        let manifest = std::fs::read_to_string(above.join("Cargo.toml")).unwrap_or_default();
        let manifest = manifest.parse::<Table>().unwrap_or_default();
        let workspace = manifest.get("workspace");
        workspace.is_some_and(|workspace| *above == dir || !excludes(workspace, above, dir))
    };
    let found = dir.ancestors().find(is_root);
    found.unwrap_or(dir).to_owned()
}

/// Whether a workspace says that the package is none of its.
fn excludes(workspace: &toml::Value, root: &Path, dir: &Path) -> bool {
    let paths = |key: &str| {
        let list = workspace.get(key).and_then(toml::Value::as_array);
        let paths = list.into_iter().flatten().filter_map(toml::Value::as_str);
        paths.map(|path| root.join(path)).collect::<Vec<_>>()
    };
    let named = paths("members").iter().any(|member| member == dir);
    !named && paths("exclude").iter().any(|path| dir.starts_with(path))
}

/// The package of that name in a listing's folder or below it.
///
/// # Errors
///
/// The names that there are.
pub(super) fn named(listing: &Path, name: &str) -> Result<Package> {
    let all = all_in(listing)?;
    if let Some(package) = all.iter().find(|package| package.name == name) {
        return Ok(package.clone());
    }
    let names: Vec<&str> = all.iter().map(|package| package.name.as_str()).collect();
    bail!(
        "package: expected one of the listing's packages ({}), found `{name}`",
        names.join(", ")
    );
}

/// The packages in a listing's folder and below it, in order.
///
/// # Errors
///
/// When a folder or a manifest cannot be read.
pub fn all_in(listing: &Path) -> Result<Vec<Package>> {
    let mut all = Vec::new();
    collect(listing, DEPTH, &mut all)?;
    Ok(all)
}

fn collect(dir: &Path, depth: usize, found: &mut Vec<Package>) -> Result<()> {
    if let Some(name) = name_in(dir)? {
        found.push(Package {
            name,
            dir: dir.to_owned(),
        });
    }
    if depth == 0 {
        return Ok(());
    }
    let at = || format!("cannot list {}", dir.display());
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(at)? {
        let path = entry.with_context(at)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_source = !name.starts_with('.') && name != "target" && name != "recorded";
        if is_source && path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    folders
        .iter()
        .try_for_each(|folder| collect(folder, depth - 1, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_a_workspace_excludes_is_its_own() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        let manifest = "[workspace]\nmembers = ['a', 'out/c']\nexclude = ['out']\n";
        write("Cargo.toml", manifest);
        for name in ["a", "out/b", "out/c"] {
            write(&format!("{name}/Cargo.toml"), "[package]\nname = 'same'\n");
        }
        let of = |name: &str| workspace_root(&root.path().join(name));
        assert_eq!(of("a"), root.path());
        assert_eq!(of("out/b"), root.path().join("out/b"));
        assert_eq!(of("out/c"), root.path());
    }

    #[test]
    fn a_package_is_found_by_its_name_and_the_others_are_told() {
        let root = tempfile::tempdir().expect("a folder");
        for (folder, name) in [("add/adder", "adder"), ("add/one", "add_one")] {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).expect("a folder");
            let manifest = format!("[package]\nname = '{name}'\n");
            std::fs::write(folder.join("Cargo.toml"), manifest).expect("a file");
        }
        let found = named(root.path(), "adder").expect("it is there");
        assert_eq!(found.dir, root.path().join("add/adder"));
        assert_eq!(
            named(root.path(), "add").expect_err("none").to_string(),
            "package: expected one of the listing's packages (adder, add_one), found `add`"
        );
    }
}
