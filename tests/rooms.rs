//! The rooms of the tool and of the pool, and the arrows between them, read from the sources'
//! own imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fork_spawn_share::root;
use regex::Regex;

/// A crate, laid out in rooms: folders of its `src`, and files beside them.
struct House {
    /// Its sources, from the book's root.
    src: &'static str,
    /// Each room with those rooms and files that it may import from; every file may import from
    /// its own room.
    rooms: &'static [(&'static str, &'static [&'static str])],
}

const TOOL: House = House {
    src: "mdbook-live/src",
    rooms: &[
        ("text", &[]),
        ("book", &["text"]),
        ("record", &["book", "text"]),
        ("judge", &["record", "book", "text"]),
        ("run", &["judge", "record", "book", "text"]),
        ("page", &["judge", "record", "book", "text"]),
        ("plain", &["page", "judge", "record", "book", "text"]),
        (
            "chapter",
            &["plain", "page", "judge", "record", "book", "text"],
        ),
        (
            "verbs",
            &[
                "chapter", "plain", "page", "run", "judge", "record", "book", "text",
            ],
        ),
        (
            "serve",
            &[
                "verbs", "chapter", "plain", "page", "run", "judge", "record", "book", "text",
            ],
        ),
        (
            "cli",
            &[
                "serve", "verbs", "chapter", "plain", "page", "run", "judge", "record", "book",
                "text",
            ],
        ),
    ],
};

const POOL: House = House {
    src: "listings/process-pool/src",
    rooms: &[
        ("error", &[]),
        ("pidfd", &[]),
        ("wire", &["pidfd"]),
        ("fork", &["wire"]),
        ("registry", &["error", "wire"]),
        ("child", &["fork", "pidfd", "registry", "wire"]),
        // A forked child serves at once: it calls the worker's loop, and nothing else there.
        (
            "parent",
            &["child/worker", "error", "fork", "pidfd", "registry", "wire"],
        ),
        ("guard", &["child", "registry", "wire"]),
        ("fuzzing", &["wire"]),
    ],
};

/// The most lines of a file, its tests left out.
const LONGEST: usize = 500;

impl House {
    fn src(&self) -> PathBuf {
        root().join(self.src)
    }

    /// Each file of a room, by its path in `src`, without its tests.
    fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.src()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("it can be listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).expect("a source");
                    let file = path.strip_prefix(self.src()).expect("it is in there");
                    files.insert(file.to_owned(), without_tests(&text).to_owned());
                }
            }
        }
        // They declare what the crate has, for others; and what only tests have.
        for file in [
            "lib.rs",
            "main.rs",
            "fixture_book.rs",
            "reference.rs",
            "reference/keys.rs",
        ] {
            files.remove(Path::new(file));
        }
        files.retain(|file, _| !file.ends_with("tests.rs"));
        files
    }

    /// The files that a file imports from, each with the path that it wrote.
    fn imports(&self, file: &Path, text: &str) -> BTreeMap<PathBuf, String> {
        static PATH: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"\b(crate|super)((?:::\w+)*)(?:::\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\})?")
                .expect("a constant pattern")
        });
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let folder = file.parent().expect("a file is in a folder");
        let mut found = BTreeMap::new();
        for path in PATH.captures_iter(&code.join("\n")) {
            let from = if &path[1] == "crate" {
                Path::new("")
            } else {
                folder
            };
            let head: Vec<&str> = path[2]
                .split("::")
                .filter(|part| !part.is_empty())
                .collect();
            let names = path.get(3).map_or("", |names| names.as_str());
            let ends = names.split(',').map(|name| name.trim().split("::").next());
            for end in ends.map(|name| name.filter(|name| !name.is_empty())) {
                // The longest beginning that is a file; what follows is an item in it.
                let parts: Vec<&str> = head.iter().copied().chain(end).collect();
                let target = (1..=parts.len()).rev().find_map(|length| {
                    let path = from.join(parts[..length].iter().collect::<PathBuf>());
                    [path.with_extension("rs"), path.join("mod.rs")]
                        .into_iter()
                        .find(|path| self.src().join(path).is_file())
                });
                if let Some(target) = target.filter(|target| target != file) {
                    found.insert(target, path[0].to_owned());
                }
            }
        }
        found
    }
}

/// A source up to its unit tests.
fn without_tests(text: &str) -> &str {
    static TESTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#\[cfg\(test\)\]\n(pub\(crate\) )?mod \w+ \{").expect("a constant pattern")
    });
    TESTS
        .find(text)
        .map_or(text, |tests| &text[..tests.start()])
}

/// An item that a file declares.
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^ *(pub(\(\w+\))? )?(fn|struct|enum|impl|const|static) ")
        .expect("a constant pattern")
});

/// The room of a file: its folder, or the file itself where it is in none.
fn room(file: &Path) -> String {
    let first = file.components().next().expect("a path");
    let first: &Path = first.as_ref();
    first.with_extension("").display().to_string()
}

#[test]
fn no_room_imports_from_one_that_it_may_not() {
    for house in [TOOL, POOL] {
        let mut wrong = Vec::new();
        let mut arrows = 0;
        for (file, text) in house.files() {
            let own = room(&file);
            let known = house.rooms.iter().find(|(name, _)| *name == own);
            let Some((_, may)) = known else {
                wrong.push(format!("{} is in no room that is known", file.display()));
                continue;
            };
            for (target, path) in house.imports(&file, &text) {
                arrows += 1;
                let allowed = room(&target) == own
                    || may
                        .iter()
                        .any(|may| target.with_extension("").starts_with(may));
                if !allowed {
                    wrong.push(format!(
                        "{} imports {path}: expected from {own} only {may:?}",
                        file.display(),
                    ));
                }
            }
        }
        assert!(arrows > 20, "{}: only {arrows} imports found", house.src);
        assert!(wrong.is_empty(), "{}:\n{}", house.src, wrong.join("\n"));
    }
}

#[test]
fn no_two_files_import_from_each_other_however_far_around() {
    for house in [TOOL, POOL] {
        let files = house.files();
        let mut left: BTreeMap<&Path, BTreeSet<PathBuf>> = files
            .iter()
            .map(|(file, text)| (&**file, house.imports(file, text).into_keys().collect()))
            .collect();
        // Takes away the files that import from none that is left, and those that none imports
        // from; what stays is in a circle, or between two.
        loop {
            let is_left = |file: &PathBuf| left.contains_key(&**file);
            let imported: BTreeSet<&PathBuf> = left.values().flatten().collect();
            let ends: Vec<PathBuf> = left
                .iter()
                .map(|(file, targets)| (file.to_path_buf(), targets))
                .filter(|(file, targets)| !targets.iter().any(is_left) || !imported.contains(file))
                .map(|(file, _)| file)
                .collect();
            if ends.is_empty() {
                break;
            }
            left.retain(|file, _| !ends.iter().any(|end| end == file));
        }
        let circle: Vec<String> = left
            .iter()
            .map(|(file, targets)| {
                let targets = targets
                    .iter()
                    .filter(|target| left.contains_key(&***target));
                let targets: Vec<String> = targets.map(|t| t.display().to_string()).collect();
                format!("{} imports {}", file.display(), targets.join(", "))
            })
            .collect();
        assert!(
            circle.is_empty(),
            "{}: expected no circle, found one among:\n{}",
            house.src,
            circle.join("\n")
        );
    }
}

#[test]
fn no_file_is_longer_than_it_can_be_read() {
    for house in [TOOL, POOL] {
        for (file, text) in house.files() {
            let lines = text.lines().count();
            assert!(
                lines <= LONGEST,
                "{}/{} has {lines} lines without its tests; expected at most {LONGEST}: \
                 a file is one idea, and this one is several",
                house.src,
                file.display()
            );
        }
    }
}

#[test]
fn a_room_says_first_what_it_knows_what_it_never_does_and_who_may_call_it() {
    for house in [TOOL, POOL] {
        for (room, _) in house.rooms {
            let path = house.src().join(room).join("mod.rs");
            if !path.is_file() {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a room's mod.rs");
            let doc = text.lines().take_while(|line| line.starts_with("//! "));
            assert!(
                doc.count() >= 3,
                "{}: expected three lines of `//!`",
                path.display()
            );
            assert!(
                !ITEM.is_match(&text),
                "{}: expected declarations alone; an item has a file that its path names",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_listing_that_stands_apart_depends_on_the_engine() {
    let packages = |lock: &str| {
        let lock = fs::read_to_string(root().join(lock)).expect("a lock file");
        let lines = lock.lines().map(str::to_owned);
        lines.collect::<BTreeSet<String>>()
    };
    let engine = ["name = \"datafusion\"", "name = \"ballista\""];
    let apart = packages("listings/past-one-machine/Cargo.lock");
    let all = packages("Cargo.lock");
    for package in engine {
        assert!(apart.contains(package), "{package}: expected it there");
        assert!(
            !all.contains(package),
            "{package}: expected it nowhere else"
        );
    }
}
