//! The page for an address at which there is nothing.

use maud::{DOCTYPE, PreEscaped, html};

/// Where the script puts the root of the book into the page that mdBook has made.
const MARK: &str = "<meta name=\"robots\" content=\"noindex\">";

/// What is shown at any address without a page, and what it becomes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    /// A page that needs no other file, and finds the book's root.
    pub finder: String,
    /// mdBook's page, for the root of the book: the finder becomes it.
    pub page: String,
}

/// mdBook's page for what is not there knows by `<base>` where the book is published. Here it
/// is found out, so that the book can be copied anywhere. `name` is that of the file in which
/// the page of this kind is kept, `start` the address of the book, where it has one.
pub fn not_found(made: &str, name: &str, start: Option<&str>) -> NotFound {
    let between = |before: &str, after: &str| {
        let (_, rest) = made.split_once(before)?;
        Some(rest.split_once(after)?.0)
    };
    let language = between("<html lang=\"", "\"").unwrap_or_default();
    let title = between("<title>", "</title>").unwrap_or("Page not found");
    let words = between("<main>", "</main>").unwrap_or("<p>There is no such page.</p>");
    let script = include_str!("not-found.js")
        .replace("PAGE", &format!("{name:?}"))
        .replace("MARK", &format!("{MARK:?}"));
    let finder = html! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="UTF-8";
                title { (PreEscaped(title)) }
                (PreEscaped(MARK))
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Else a browser asks for one at the root of the host.
                link rel="icon" href="data:,";
                style { "body { font-family: sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em; }" }
                script { (PreEscaped(script)) }
            }
            body {
                main {
                    (PreEscaped(words))
                    @if let Some(start) = start { p { a href=(start) { "The first page of the book" } } }
                }
            }
        }
    };
    NotFound {
        finder: finder.into_string(),
        page: without_base(made).replacen("<head>", &format!("<head>\n        {MARK}"), 1),
    }
}

fn without_base(page: &str) -> String {
    match page.split_once("<base href=\"") {
        Some((before, rest)) => {
            let after = rest.split_once('>').map_or("", |(_, after)| after);
            format!("{}{after}", before.trim_end())
        }
        None => page.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: &str = "<html lang=\"de\"><head>\n<title>Nichts &amp; mehr</title>\n<base href=\"/\">\n\
                        <link href=\"x.css\"></head><body><main><h1>Nichts</h1></main></body></html>";

    #[test]
    fn the_finder_has_the_words_and_needs_no_other_file() {
        let NotFound { finder, page } = not_found(MADE, "404-page.html", None);
        for part in [
            "<html lang=\"de\">",
            "<title>Nichts &amp; mehr</title>",
            "<h1>Nichts</h1>",
            "fetch(root + \"404-page.html\")",
            "noindex",
        ] {
            assert!(finder.contains(part), "{part} is not in {finder}");
        }
        assert!(!finder.contains("stylesheet") && !finder.contains("src="));
        assert!(!page.contains("<base"), "{page}");
        assert_eq!(page.matches(MARK).count(), 1, "{page}");
        let with_start = not_found(MADE, "404-page.html", Some("https://a/b/")).finder;
        assert!(with_start.contains("<a href=\"https://a/b/\">"));
    }
}
