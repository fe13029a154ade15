//! The reference of the guide, and the schemas: made from the types that read the files, from
//! the table of directives and from clap's verbs. A test fails where what is kept is another;
//! with `RENEW_REFERENCE` set it writes it anew.
//!
//! In `guide/src/reference.md`, what stands between such a line and `<!-- end -->` is made:
//!
//! | line | what is made |
//! | --- | --- |
//! | `<!-- keys: Run -->` | a table of the keys of that type |
//! | `<!-- keys: Run name caption … -->` | the same: these first, then those that no table of the type names |
//! | `<!-- keys: RawClaim count value -->` | a table of these keys alone |
//! | `<!-- figures: time memory -->` | built-in figures of these kinds: `time`, `memory`, `account` |
//! | `<!-- directives -->` | a table of all directives |
//! | `<!-- commands -->` | all verbs, each with its arguments |
//!
//! A key whose value is a table has a link to the table of keys of its type; where the page has
//! none, its keys stand below it, as `quick.args`, or where they stood before.

mod keys;

use schemars::{Schema, schema_for};

use self::keys::{KeyTable, KeyTables};
use crate::book::{figure, schemas};
use crate::chapter::syntax::DIRECTIVES;
use crate::cli::{commands, json};
use crate::record::report::MachineReport;

/// What ends what is made.
const END: &str = "<!-- end -->";

/// The schema of each kind of file, by the name of the file that keeps it, if one does.
fn all_schemas() -> [(Option<&'static str>, Schema); 6] {
    [
        (Some("runs"), schemas::of_runs()),
        (Some("book"), schemas::of_book()),
        (Some("course"), schemas::of_course()),
        (Some("report"), schema_for!(MachineReport)),
        (Some("answers"), json::schema()),
        (None, schemas::of_question()),
    ]
}

/// The reference with all that is made in it made anew.
fn renewed(page: &str) -> Result<String, String> {
    let schemas = all_schemas().map(|(_, schema)| schema.to_value());
    let mut tables = KeyTables::of(&schemas, key_tables(page))?;
    let mut id = String::new();
    let mut text = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        text += &format!("{line}\n");
        if line.starts_with('#') {
            id = keys::id_of(line);
        }
        let Some(marker) = marker(line) else {
            continue;
        };
        let made = match marker {
            Marker::Keys(table) => tables.table(&table, &id)?,
            Marker::Figures(kinds) => figures(&kinds)?,
            Marker::Directives => directives(),
            Marker::Commands => commands::as_markdown(),
        };
        text += &format!("\n{made}\n{END}\n");
        let ends = lines.find(|line| *line == END || self::marker(line).is_some());
        if ends != Some(END) {
            return Err(format!("{line} has no {END}"));
        }
    }
    tables.all_are_there()?;
    Ok(text)
}

/// The tables of keys that a page has, each with the id of the heading above it.
fn key_tables(page: &str) -> Vec<(KeyTable<'_>, String)> {
    let mut id = String::new();
    let mut tables = Vec::new();
    for line in page.lines() {
        if line.starts_with('#') {
            id = keys::id_of(line);
        }
        if let Some(Marker::Keys(table)) = marker(line) {
            tables.push((table, id.clone()));
        }
    }
    tables
}

enum Marker<'a> {
    Keys(KeyTable<'a>),
    Figures(Vec<&'a str>),
    Directives,
    Commands,
}

fn marker(line: &str) -> Option<Marker<'_>> {
    let words = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    let mut words = words.split(' ');
    match words.next()? {
        "keys:" => Some(Marker::Keys(KeyTable {
            of: words.next()?,
            keys: words.collect(),
        })),
        "figures:" => Some(Marker::Figures(words.collect())),
        "directives" => Some(Marker::Directives),
        "commands" => Some(Marker::Commands),
        _ => None,
    }
}

fn figures(kinds: &[&str]) -> Result<String, String> {
    let mut rows = String::new();
    for kind in kinds {
        let figures = match *kind {
            "time" => &figure::OF_TIME[..],
            "memory" => &figure::OF_MEMORY[..],
            "account" => &figure::OF_ACCOUNT[..],
            _ => return Err(format!("there are no figures of {kind}")),
        };
        for (name, says) in figures {
            rows += &format!("| `{name}` | {says} |\n");
        }
    }
    Ok(format!("| Figure | What it says |\n| --- | --- |\n{rows}"))
}

fn directives() -> String {
    let rows = DIRECTIVES.iter().map(|directive| {
        let form = directive.form.replace('|', "\\|");
        let place = if directive.in_a_sentence {
            "Anywhere in a sentence. "
        } else {
            ""
        };
        format!("| `{form}` | {place}{} |\n", directive.meaning)
    });
    format!(
        "| Directive | What it shows |\n| --- | --- |\n{}",
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::chapter::directives;

    /// Whether a file of the package is this; with `RENEW_REFERENCE` set it is made so.
    fn is_kept(file: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("RENEW_REFERENCE").is_some() {
            fs::write(&path, text).expect("it can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let differs = kept
            .lines()
            .zip(text.lines())
            .find(|(kept, text)| kept != text);
        assert!(
            kept == text,
            "{file} is not what the code says: RENEW_REFERENCE=1 cargo test -p mdbook-live --lib \
             reference:: renews it. The first lines that differ, kept and made: {differs:#?}"
        );
    }

    const PAGE: &str = "guide/src/reference.md";

    fn page() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        fs::read_to_string(path).expect("a page")
    }

    #[test]
    fn the_schemas_are_those_of_the_types() {
        for (name, schema) in all_schemas() {
            let Some(name) = name else {
                continue;
            };
            let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
            is_kept(&format!("schema/{name}.json"), &text);
        }
    }

    #[test]
    fn the_reference_is_what_the_code_says() {
        match renewed(&page()) {
            Ok(text) => is_kept(PAGE, &text),
            Err(error) => panic!("{PAGE}: {error}"),
        }
    }

    #[test]
    fn the_reference_has_every_built_in_figure_directive_and_verb() {
        let page = renewed(&page()).expect("it is right");
        for name in figure::built_in() {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
        for marker in ["<!-- directives -->", "<!-- commands -->"] {
            assert!(page.lines().any(|line| line == marker), "{marker}");
        }
    }

    #[test]
    fn the_directives_of_the_reference_are_shown_and_not_expanded() {
        let page = renewed(&page()).expect("it is right");
        assert_eq!(directives::find(&page, false), []);
        // mdBook expands its own also in code.
        let own = [
            "include",
            "playground",
            "playpen",
            "rustdoc_include",
            "title",
        ];
        for name in own.map(|name| format!("{{{{#{name}")) {
            assert!(!page.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_page_that_lacks_a_key_or_an_end_or_names_what_there_is_not_is_refused() {
        for (marker, says) in [
            (
                "<!-- keys: Run name -->\n<!-- end -->",
                "no table has the key ",
            ),
            (
                "<!-- keys: Run nmae -->\n<!-- end -->",
                "Run has no key nmae",
            ),
            ("<!-- keys: Rnu -->\n<!-- end -->", "there is no type Rnu"),
            ("<!-- keys: Match -->\n<!-- end -->", "Match has no keys"),
            (
                "<!-- figures: weight -->\n<!-- end -->",
                "there are no figures of weight",
            ),
            (
                "<!-- directives -->\n\nOld.",
                "<!-- directives --> has no <!-- end -->",
            ),
            (
                "<!-- figures: time -->\n<!-- directives -->\n<!-- end -->",
                "<!-- figures: time --> has no <!-- end -->",
            ),
        ] {
            let error = renewed(marker).expect_err(marker);
            assert!(error.starts_with(says), "{error}");
        }
    }
}
