//! What a build takes from its environment: where the book is published, and its date.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A book of one chapter, in no repository.
fn book() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in [
        (
            "book.toml",
            "[book]\ntitle = 'Small'\n[preprocessor.live]\nlistings = []\n",
        ),
        (
            "Cargo.toml",
            "[package]\nname = 'small'\nversion = '1.2.3'\n",
        ),
        (
            "src/SUMMARY.md",
            "# Summary\n\n- [One](one.md)\n- [Two](two.md)\n",
        ),
        ("src/one.md", "# One\n\nWhat is it?\n"),
        ("src/two.md", "# Two\n\nWhat else?\n"),
    ] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    dir
}

/// `build`, in an environment with these variables and without git.
fn build(book: &Path, variables: &[(&str, &str)]) -> Output {
    let tool = Path::new(env!("CARGO_BIN_EXE_mdbook-live"));
    Command::new(tool)
        .arg("build")
        .current_dir(book)
        .env("PATH", "")
        .env_remove("SOURCE_DATE_EPOCH")
        .envs(variables.iter().copied())
        .output()
        .expect("the tool starts")
}

fn page(book: &Path) -> String {
    fs::read_to_string(book.join("book/two.html")).expect("it is built")
}

#[test]
fn the_environment_says_where_a_book_is_published_and_of_which_day_it_is() {
    let book = book();
    let variables = [
        (
            "MDBOOK_PREPROCESSOR__LIVE__SITE__ADDRESS",
            "https://example.org/b",
        ),
        (
            "MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL",
            "https://example.org/r",
        ),
        (
            "MDBOOK_OUTPUT__HTML__EDIT_URL_TEMPLATE",
            "https://example.org/r/edit/main/{path}",
        ),
        ("SOURCE_DATE_EPOCH", "1773500966"),
    ];
    let built = build(book.path(), &variables);
    assert!(built.status.success(), "{built:?}");
    let with = page(book.path());
    let parts = [
        "<link rel=\"canonical\" href=\"https://example.org/b/two.html\">",
        "<a href=\"https://example.org/r\" title=\"Git repository\"",
        "<a href=\"https://example.org/r/edit/main/src/two.md\" title=\"Suggest an edit\"",
        "Version 1.2.3, as of <time datetime=\"2026-03-14\">",
    ];
    for part in parts {
        assert!(with.contains(part), "{part} is not in {with}");
    }
    let again = build(book.path(), &variables);
    assert!(
        again.status.success() && page(book.path()) == with,
        "it is built alike"
    );

    let built = build(book.path(), &[]);
    assert!(built.status.success(), "{built:?}");
    let without = page(book.path());
    for absent in [
        "example.org",
        "canonical",
        "Git repository",
        "Suggest an edit",
        "as of",
    ] {
        assert!(!without.contains(absent), "{absent} is in {without}");
    }
    assert!(without.contains("Version 1.2.3<"), "{without}");
    assert!(!book.path().join("book/sitemap.xml").exists(), "it is gone");
}

#[test]
fn what_is_wrong_there_is_told_in_a_line_and_nothing_is_built() {
    let book = book();
    for (variable, value, expected) in [
        (
            "MDBOOK_PREPROCESSOR__LIVE__SITE__ADDRESS",
            "example.org",
            "error: preprocessor.live.site: expected the address of a site, as in \
             https://example.org/book/, found example.org in `address`\n",
        ),
        (
            "SOURCE_DATE_EPOCH",
            "today",
            "error: SOURCE_DATE_EPOCH: expected seconds since 1970, found \"today\"\n",
        ),
    ] {
        let built = build(book.path(), &[(variable, value)]);
        assert_eq!(built.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&built.stderr), expected);
        assert!(!book.path().join("book").exists());
    }
}
