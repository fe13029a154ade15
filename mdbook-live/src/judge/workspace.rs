//! A cargo workspace as its files tell it: which packages a program is built from, what they
//! ask of each other, and which versions the lock file has chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use toml::{Table, Value};

use crate::book::package::workspace_root;
use crate::book::source::syntax_error;

/// The workspace that a package belongs to; a package without one is its own.
pub(super) struct Workspace {
    /// Its folder.
    pub(super) root: PathBuf,
    /// Its manifest.
    pub(super) manifest: Table,
    lock: Option<Vec<Locked>>,
}

/// A package that a program is built from, in a folder of this workspace.
pub(super) struct Package {
    /// What decides how it is built: its manifest, with what the workspace lends it.
    pub(super) manifest: Value,
    /// The dependencies that count, by their packages' names.
    dependencies: BTreeSet<String>,
    /// Its name.
    pub(super) name: String,
}

/// A package of a lock file.
#[derive(Debug, Clone, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Whether the dependencies for tests and examples count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DevDependencies {
    Count,
    LeftOut,
}

impl Workspace {
    /// The workspace of the package in `dir`.
    pub(super) fn of(dir: &Path) -> Result<Workspace> {
        let root = workspace_root(dir);
        let path = root.join("Cargo.toml");
        ensure!(path.is_file(), "no Cargo.toml in {}", dir.display());
        let manifest = read_toml(&path)?;
        let lock = root.join("Cargo.lock");
        let lock = if lock.is_file() {
            let packages = read_toml(&lock)?.remove("package");
            let packages = packages.unwrap_or_else(|| Value::Array(Vec::new()));
            let packages = packages.try_into();
            Some(packages.with_context(|| format!("cannot read {}", lock.display()))?)
        } else {
            None
        };
        Ok(Workspace {
            root,
            manifest,
            lock,
        })
    }

    /// Whether the package in `dir` belongs to this workspace.
    pub(super) fn has(&self, dir: &Path) -> bool {
        workspace_root(dir) == self.root
    }

    /// The package in `dir` and the local ones that it is built from, by folder.
    pub(super) fn packages(
        &self,
        dir: &Path,
        dev: DevDependencies,
    ) -> Result<BTreeMap<PathBuf, Package>> {
        let mut packages = BTreeMap::new();
        self.collect(dir, dev, &mut packages)?;
        Ok(packages)
    }

    fn collect(
        &self,
        dir: &Path,
        dev: DevDependencies,
        packages: &mut BTreeMap<PathBuf, Package>,
    ) -> Result<()> {
        if packages.contains_key(dir) {
            return Ok(());
        }
        // A package of another workspace has from there what it inherits; this one's lock file
        // chooses its versions all the same.
        let other;
        let lender = if self.has(dir) {
            self
        } else {
            other = Workspace {
                lock: self.lock.clone(),
                ..Workspace::of(dir)?
            };
            &other
        };
        let manifest = read_toml(&dir.join("Cargo.toml"))?;
        let mut kinds = vec!["dependencies", "build-dependencies"];
        if dev == DevDependencies::Count {
            kinds.push("dev-dependencies");
        }
        let targets = manifest.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(Table::iter);
        let targets = targets.filter_map(|(name, table)| Some((name.as_str(), table.as_table()?)));

        let mut decides = Table::new();
        let mut dependencies = BTreeSet::new();
        let mut local = Vec::new();
        for (target, table) in std::iter::once(("", &manifest)).chain(targets) {
            for kind in &kinds {
                let asked = table.get(*kind).and_then(Value::as_table);
                for (name, asked) in asked.into_iter().flat_map(Table::iter) {
                    let asked = lender.lent(name, asked);
                    let key = format!("{target} {kind} {name}");
                    let package = asked.get("package").and_then(Value::as_str);
                    dependencies.insert(package.unwrap_or(name).to_owned());
                    if let Some((base, path)) = lender.path_of(dir, table, kind, name) {
                        local.push((format!("{kind} {name}"), canonical(&base.join(path))));
                    }
                    decides.insert(key, asked);
                }
            }
        }
        for key in ["features", "lib", "bin", "example"] {
            if let Some(value) = manifest.get(key) {
                decides.insert(key.to_owned(), value.clone());
            }
        }
        let own = manifest.get("package").and_then(Value::as_table);
        for key in ["name", "edition", "build", "links", "autobins", "autolib"] {
            let value = own.and_then(|own| own.get(key));
            if let Some(value) = value.map(|value| lender.lent_key(key, value)) {
                decides.insert(format!("package.{key}"), value);
            }
        }
        let name = own
            .and_then(|own| own.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        packages.insert(
            dir.to_path_buf(),
            Package {
                manifest: Value::Table(decides),
                dependencies,
                name: name.to_owned(),
            },
        );
        for (what, path) in local {
            // The tests of a library are nothing to the program that uses it.
            self.collect(&path, DevDependencies::LeftOut, packages)
                .with_context(|| format!("{what} of {}", dir.display()))?;
        }
        Ok(())
    }

    /// What is asked of a dependency, with what the workspace lends: the version left out, which
    /// the lock file has chosen, where there is one.
    fn lent(&self, name: &str, asked: &Value) -> Value {
        let mut all = Table::new();
        let inherited = asked
            .get("workspace")
            .and_then(|_| self.section("dependencies")?.get(name));
        for value in inherited.into_iter().chain([asked]) {
            match value {
                Value::Table(table) => {
                    for (key, value) in table {
                        match (key.as_str(), all.get_mut(key)) {
                            // Features of both count.
                            ("features", Some(Value::Array(known))) => {
                                known.extend(value.as_array().into_iter().flatten().cloned());
                            }
                            ("workspace", _) => {}
                            _ => {
                                all.insert(key.clone(), value.clone());
                            }
                        }
                    }
                }
                version => {
                    all.insert("version".to_owned(), version.clone());
                }
            }
        }
        if self.lock.is_some() {
            all.remove("version");
        }
        Value::Table(all)
    }

    /// A key of `[package]`, or what the workspace lends for it.
    fn lent_key(&self, key: &str, value: &Value) -> Value {
        let lent = value
            .get("workspace")
            .and_then(|_| self.section("package")?.get(key));
        lent.unwrap_or(value).clone()
    }

    fn section(&self, name: &str) -> Option<&Table> {
        let workspace = self.manifest.get("workspace")?.as_table()?;
        workspace.get(name)?.as_table()
    }

    /// The path of a local dependency, and the folder that it is relative to.
    fn path_of<'a>(
        &'a self,
        dir: &Path,
        table: &'a Table,
        kind: &str,
        name: &str,
    ) -> Option<(PathBuf, &'a str)> {
        let asked = table.get(kind)?.get(name)?;
        if let Some(path) = asked.get("path").and_then(Value::as_str) {
            return Some((dir.to_path_buf(), path));
        }
        asked.get("workspace")?;
        let path = self.section("dependencies")?.get(name)?.get("path")?;
        Some((self.root.clone(), path.as_str()?))
    }

    /// The packages from elsewhere that these are built from, as the lock file has them. An
    /// optional dependency counts as soon as anything in the workspace asks for it.
    pub(super) fn locked(&self, packages: &BTreeMap<PathBuf, Package>) -> Vec<String> {
        let Some(lock) = &self.lock else {
            let local: BTreeSet<&str> = packages.values().map(|own| own.name.as_str()).collect();
            let asked = packages.values().flat_map(|package| &package.dependencies);
            let elsewhere = asked.filter(|name| !local.contains(name.as_str()));
            // Without a lock file cargo chooses the versions, as long as somebody builds.
            return elsewhere
                .map(|name| format!("{name} of any version"))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
        };
        let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut left: Vec<&str> = Vec::new();
        for package in packages.values() {
            let own = lock
                .iter()
                .find(|locked| locked.source.is_none() && locked.name == package.name);
            let named = own.map_or(&[][..], |own| &own.dependencies);
            let counts = |entry: &&String| {
                let name = entry.split(' ').next().unwrap_or_default();
                package.dependencies.contains(name)
            };
            left.extend(named.iter().filter(counts).map(String::as_str));
        }
        while let Some(entry) = left.pop() {
            let mut parts = entry.split(' ');
            let (name, version) = (parts.next().unwrap_or_default(), parts.next());
            let chosen = lock.iter().filter(|locked| {
                locked.name == name && version.is_none_or(|version| locked.version == version)
            });
            for locked in chosen.filter(|locked| locked.source.is_some()) {
                if found.insert((&locked.name, &locked.version)) {
                    left.extend(locked.dependencies.iter().map(String::as_str));
                }
            }
        }
        let found = found.into_iter();
        found
            .map(|(name, version)| format!("{name} {version}"))
            .collect()
    }
}

/// A path without `.` and `..`, so that one package has one name.
pub(super) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// A text file of the book or of its programs.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A TOML file.
pub(super) fn read_toml(path: &Path) -> Result<Table> {
    let text = read(path)?;
    text.parse()
        .map_err(|error| syntax_error(&path.display().to_string(), &text, &error))
}
