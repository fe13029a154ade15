//! The rooms of this crate, held apart: which file may import which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each room, and the rooms and files that its files may import in addition to their own room.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("pidfd", &[]),
    ("wire", &["pidfd"]),
    ("fork", &["wire"]),
    ("registry", &["error", "wire"]),
    ("child", &["fork", "pidfd", "registry", "wire"]),
    (
        "parent",
        &["child/worker", "error", "fork", "pidfd", "registry", "wire"],
    ),
    ("guard", &["child", "registry", "wire"]),
];

/// The files that a file imports, by their paths below `src` without `.rs`.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// What `source` names by `crate::` outside its tests and comments, as `wire/channel/Channel`.
fn paths(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut paths = Vec::new();
    for line in code.lines().map(str::trim_start) {
        if line.starts_with("//") {
            continue;
        }
        assert!(
            !line.contains("super::") && !line.contains("crate::{"),
            "expected a path from `crate::` to one file, found `{line}`"
        );
        for path in line.split("crate::").skip(1) {
            let stem = leading_path(path);
            match path[stem.len()..].strip_prefix('{') {
                Some(rest) => {
                    let names = rest.split('}').next().unwrap_or_default();
                    let names = names.split(',').map(|name| leading_path(name.trim()));
                    paths.extend(names.map(|name| format!("{stem}{name}")));
                }
                None => paths.push(stem.to_string()),
            }
        }
    }
    paths.iter().map(|path| path.replace("::", "/")).collect()
}

fn leading_path(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    &text[..end.unwrap_or(text.len())]
}

/// The imports of every file of this crate, of `lib.rs` and the `mod.rs` files nothing:
/// these declare modules and export names.
fn imports() -> Imports {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&src)
                .expect("below src")
                .with_extension("");
            let name = name.to_str().expect("UTF-8").to_string();
            if name != "lib" && !name.ends_with("/mod") {
                sources.insert(name, fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    sources
        .iter()
        .map(|(name, source)| {
            let imported = paths(source).into_iter().map(|path| {
                sources
                    .keys()
                    .find(|file| format!("{path}/").starts_with(&format!("{file}/")))
                    .unwrap_or_else(|| panic!("expected {name} to import a file, found `{path}`"))
                    .clone()
            });
            (name.clone(), imported.filter(|file| file != name).collect())
        })
        .collect()
}

/// The imports that [`MAY_IMPORT`] does not allow.
fn forbidden(imports: &Imports) -> Vec<String> {
    let mut forbidden = Vec::new();
    for (file, imported) in imports {
        let room = file.split('/').next().unwrap_or_default();
        let (_, allowed) = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("expected a row in MAY_IMPORT for {file}"));
        for other in imported {
            let others_room = other.split('/').next().unwrap_or_default();
            let is_allowed = others_room == room
                || allowed.contains(&others_room)
                || allowed.contains(&other.as_str());
            if !is_allowed {
                forbidden.push(format!("{file} imports {other}"));
            }
        }
    }
    forbidden
}

/// The files that are left when those that import nothing, or only files taken away
/// before, have been taken away: each is in a circle or leads into one.
fn circles(imports: &Imports) -> BTreeSet<String> {
    let mut left: BTreeSet<String> = imports.keys().cloned().collect();
    loop {
        let leaves: Vec<String> = left
            .iter()
            .filter(|file| imports[*file].is_disjoint(&left))
            .cloned()
            .collect();
        if leaves.is_empty() {
            return left;
        }
        left.retain(|file| !leaves.contains(file));
    }
}

#[test]
fn every_import_follows_an_allowed_arrow() {
    assert_eq!(forbidden(&imports()), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(circles(&imports()), BTreeSet::new());
}

#[test]
fn a_forbidden_arrow_and_a_circle_are_found() {
    let imports = |arrows: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (file, imported) in arrows {
            imports.entry(imported.to_string()).or_default();
            let of_file = imports.entry(file.to_string()).or_default();
            of_file.insert(imported.to_string());
        }
        imports
    };
    assert_eq!(
        forbidden(&imports(&[("child/worker", "parent/pool")])),
        ["child/worker imports parent/pool"]
    );
    let circle = imports(&[
        ("wire/a", "wire/b"),
        ("wire/b", "wire/a"),
        ("wire/a", "wire/c"),
    ]);
    assert_eq!(
        circles(&circle),
        ["wire/a", "wire/b"].map(String::from).into()
    );
}

#[test]
fn every_room_begins_with_its_three_lines() {
    for room in ["wire", "child", "parent"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{room}/mod.rs"));
        let text = fs::read_to_string(path).expect("a mod.rs");
        let begins: Vec<&str> = text.lines().take(3).collect();
        for (line, word) in begins
            .iter()
            .zip(["//! Knows ", "//! Never ", "//! Callers: "])
        {
            assert!(
                line.starts_with(word),
                "{room}: expected `{word}`, found `{line}`"
            );
        }
    }
}
