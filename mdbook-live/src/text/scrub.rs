//! Takes out of a text what says whose machine it is from.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in the place of a word.
const IN_PLACE: &str = "…";

/// Folders that every system has: a path in one of them says nothing of anybody.
const OF_EVERY_SYSTEM: [&str; 11] = [
    "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "sbin", "sys", "usr", "var",
];

/// An absolute path: not the rest of a relative one, nor of an address.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(^|[\s"'`(=\[{<,;:])(/[^\s"'`()\[\]{}<>,;:/]+(?:/[^\s"'`()\[\]{}<>,;:/]*)*)"#)
        .expect("a constant pattern")
});

/// A text without `private` words, and without the folders of paths that one machine alone has:
/// of `/home/ada/book/run.toml` it keeps `…/run.toml`.
pub fn scrubbed(text: &str, private: &[String]) -> String {
    let without_paths = PATH.replace_all(text, |found: &Captures<'_>| {
        let (before, path) = (&found[1], &found[2]);
        let mut parts = path.split('/').skip(1);
        let first = parts.next().unwrap_or_default();
        if OF_EVERY_SYSTEM.contains(&first) {
            return format!("{before}{path}");
        }
        match path.rsplit('/').find(|part| !part.is_empty()) {
            Some(last) if last != first => format!("{before}{IN_PLACE}/{last}"),
            _ => format!("{before}{IN_PLACE}"),
        }
    });
    let mut text = without_paths.into_owned();
    for word in private {
        // Shorter ones are parts of too many others.
        if word.len() > 2 {
            let whole = Regex::new(&format!(r"\b{}\b", regex::escape(word)));
            if let Ok(whole) = whole {
                text = whole.replace_all(&text, IN_PLACE).into_owned();
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_machine_alone_has_goes_and_the_rest_stays() {
        let private = ["ada".to_owned(), "lovelace-pc".to_owned()];
        for (text, kept) in [
            (
                "no room in /home/ada/book/target: 3 MiB",
                "no room in …/target: 3 MiB",
            ),
            ("cannot open \"/tmp/x\"", "cannot open \"…/x\""),
            ("/srv", "…"),
            (
                "see /proc/self/status and /dev/shm",
                "see /proc/self/status and /dev/shm",
            ),
            ("listings/demo/src/main.rs:3", "listings/demo/src/main.rs:3"),
            (
                "480 MB/s by ada on lovelace-pc, adagio",
                "480 MB/s by … on …, adagio",
            ),
            ("and/or 3/4", "and/or 3/4"),
        ] {
            assert_eq!(scrubbed(text, &private), kept);
        }
    }
}
