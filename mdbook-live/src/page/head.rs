//! What a page of the built book says of itself: to a search engine, to whoever links to it,
//! and at its foot.

use maud::{Markup, html};

/// A page as others show it.
#[derive(Debug, Clone)]
pub struct HeadView<'a> {
    /// Its title.
    pub title: &'a str,
    /// The book's.
    pub book: &'a str,
    /// What it is about.
    pub description: Option<&'a str>,
    /// Whether it is the book's first page.
    pub is_first: bool,
    /// Its full address, where the book has one.
    pub address: Option<&'a str>,
    /// The full address of a picture, and what it shows.
    pub image: Option<(&'a str, &'a str)>,
}

/// What of a book's state its pages tell at their foot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edition {
    /// Its version: "0.1.0".
    pub version: Option<String>,
    /// The day of its last change: "2026-11-26".
    pub date: Option<String>,
}

/// What mdBook says of every page alike.
const DESCRIPTION: &str = "<meta name=\"description\"";

/// A page that mdBook has made, with this in its head. The page's own description takes the
/// place of the book's.
pub fn with_head(page: &str, view: &HeadView<'_>) -> String {
    let Some((head, body)) = page.split_once("</head>") else {
        // A theme may have no head; there is no place for it then.
        return page.to_owned();
    };
    let (before, after) = match head.split_once(DESCRIPTION) {
        Some((before, rest)) if view.description.is_some() => {
            (before, rest.split_once('>').map_or("", |(_, after)| after))
        }
        _ => (head, ""),
    };
    let head = before.trim_end();
    format!(
        "{head}\n        {}{after}</head>{body}",
        meta(view).into_string()
    )
}

fn meta(view: &HeadView<'_>) -> Markup {
    let kind = if view.is_first { "website" } else { "article" };
    let title = if view.is_first { view.book } else { view.title };
    html! {
        @if let Some(description) = view.description {
            meta name="description" content=(description);
            meta property="og:description" content=(description);
        }
        meta property="og:title" content=(title);
        meta property="og:type" content=(kind);
        @if !view.book.is_empty() { meta property="og:site_name" content=(view.book); }
        @if let Some(address) = view.address {
            link rel="canonical" href=(address);
            meta property="og:url" content=(address);
        }
        @if let Some((image, alt)) = view.image {
            meta property="og:image" content=(image);
            meta property="og:image:alt" content=(alt);
        }
    }
}

/// A page that mdBook has made, with the book's version and date below its text.
pub fn with_footer(page: &str, edition: &Edition) -> String {
    match page.rsplit_once("</main>") {
        Some((before, after)) if *edition != Edition::default() => {
            format!("{before}{}</main>{after}", footer(edition).into_string())
        }
        _ => page.to_owned(),
    }
}

fn footer(Edition { version, date }: &Edition) -> Markup {
    html! {
        // Pages of prose have no style sheet of this tool.
        footer.edition style="margin-block-start: 4em; font-size: .85em; opacity: .85" {
            @if let Some(version) = version { "Version " (version) }
            @if let Some(date) = date {
                @if version.is_some() { ", as of " } @else { "As of " }
                time datetime=(date) { (date) }
            }
        }
    }
}

/// The pages of a book for a search engine, by their full addresses.
pub fn sitemap(addresses: &[String]) -> String {
    let pages = html! {
        @for address in addresses { url { loc { (address) } } "\n" }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{}</urlset>\n",
        pages.into_string()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html><head><title>One - B</title>\n        \
                        <meta name=\"description\" content=\"The book &quot;B&quot;\">\n        \
                        <link rel=\"icon\">\n</head><body><main>Text</main></body></html>";

    const VIEW: HeadView<'_> = HeadView {
        title: "One <1>",
        book: "B",
        description: Some("Is it \"one\"?"),
        is_first: false,
        address: None,
        image: None,
    };

    #[test]
    fn the_pages_own_description_takes_the_place_of_the_books() {
        let page = with_head(PAGE, &VIEW);
        assert_eq!(page.matches("name=\"description\"").count(), 1);
        for part in [
            "<meta name=\"description\" content=\"Is it &quot;one&quot;?\">",
            "<meta property=\"og:title\" content=\"One &lt;1&gt;\">",
            "<meta property=\"og:type\" content=\"article\">",
            "<meta property=\"og:site_name\" content=\"B\">",
            "<link rel=\"icon\">\n</head><body>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for absent in ["canonical", "og:url", "og:image", "The book"] {
            assert!(!page.contains(absent), "{absent} is in {page}");
        }
        // A page without one keeps the book's.
        let view = HeadView {
            description: None,
            ..VIEW
        };
        assert!(with_head(PAGE, &view).contains("The book &quot;B&quot;"));
    }

    #[test]
    fn the_first_page_stands_for_the_book() {
        let view = HeadView {
            is_first: true,
            address: Some("https://example.org/"),
            image: Some(("https://example.org/x.png", "A page")),
            ..VIEW
        };
        let page = with_head(PAGE, &view);
        for part in [
            "<meta property=\"og:title\" content=\"B\">",
            "<meta property=\"og:type\" content=\"website\">",
            "<link rel=\"canonical\" href=\"https://example.org/\">",
            "<meta property=\"og:url\" content=\"https://example.org/\">",
            "<meta property=\"og:image\" content=\"https://example.org/x.png\">",
            "<meta property=\"og:image:alt\" content=\"A page\">",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn a_footer_tells_what_is_known() {
        let some = |text: &str| Some(text.to_owned());
        let text = |version, date| {
            let page = with_footer(PAGE, &Edition { version, date });
            let tags = regex::Regex::new("<[^>]*>").expect("a pattern");
            tags.replace_all(page.split("<main>Text").nth(1).expect("it is there"), "")
                .into_owned()
        };
        assert_eq!(
            text(some("1.2.0"), some("2026-11-26")),
            "Version 1.2.0, as of 2026-11-26"
        );
        assert_eq!(text(None, some("2026-11-26")), "As of 2026-11-26");
        assert_eq!(text(some("1.2.0"), None), "Version 1.2.0");
        assert_eq!(text(None, None), "");
    }

    #[test]
    fn a_sitemap_names_each_page() {
        let text = sitemap(&["https://a/?x&y".to_owned()]);
        assert!(
            text.contains("<url><loc>https://a/?x&amp;y</loc></url>"),
            "{text}"
        );
    }
}
