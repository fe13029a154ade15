//! What a built book needs beyond what mdBook makes of it: each page's own description, the
//! book's version and date, a page for what is not there that works below any path, and, where
//! the book has an address, canonical links and a map of the site.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use mdbook_driver::config::Config;

use super::edition::edition;
use crate::book::load;
use crate::book::site::SiteConfig;
use crate::chapter::preprocessor;
use crate::chapter::texts::ChapterText;
use crate::page::head::{Edition, HeadView, sitemap, with_footer, with_head};
use crate::page::listing::with_line_anchors;
use crate::page::not_found::not_found;
use crate::page::style::style_once;

/// What is to be said of a book where it is published.
pub(super) struct Publication {
    book: String,
    site: SiteConfig,
    edition: Edition,
    /// The full address of the picture.
    image: Option<String>,
}

impl Publication {
    /// The book of `root` with this configuration.
    ///
    /// # Errors
    ///
    /// When what the configuration says of the site is wrong: it may come from the
    /// environment, and so is not only what `book.toml` says.
    pub(super) fn of(root: &Path, config: &Config) -> Result<Publication> {
        // What is wrong in the file is told with its line.
        load::config(root)?;
        let key = format!("preprocessor.{}.site", preprocessor::NAME);
        let site: Option<SiteConfig> = config.get(&key).map_err(|error| {
            let words = error.root_cause().to_string();
            let words: Vec<&str> = words.split_whitespace().collect();
            anyhow!("{key}: {}", words.join(" "))
        })?;
        let site = site.unwrap_or_default();
        if let Some(image) = &site.image {
            let path = config.book.src.join(&image.file);
            ensure!(
                root.join(&path).is_file(),
                "book.toml: the picture of the site: expected a file {}",
                path.display()
            );
        }
        let image = site.address.as_ref().zip(site.image.as_ref());
        Ok(Publication {
            book: config.book.title.clone().unwrap_or_default(),
            edition: edition(root)?,
            image: image.map(|(address, image)| address.of(&image.file)),
            site,
        })
    }

    /// Completes the pages that mdBook has `built`, of which `not_found` is the one for what is not there. `renamed` is
    /// what a file is called in them, and what it is called now.
    pub(super) fn complete(
        &self,
        built: &Path,
        texts: &[ChapterText],
        not_found: &str,
        renamed: Option<&(String, String)>,
    ) -> Result<()> {
        let first = texts.first().map(|text| &text.page);
        let mut by_page: HashMap<PathBuf, &ChapterText> = HashMap::new();
        for text in texts {
            by_page.insert(text.page.clone(), text);
        }
        // mdBook writes the first chapter twice.
        by_page.extend(
            texts
                .first()
                .map(|text| (PathBuf::from("index.html"), text)),
        );
        let mut others = vec![PathBuf::from("print.html"), PathBuf::from(not_found)];
        others.retain(|page| !by_page.contains_key(page));
        for page in by_page.keys().chain(&others) {
            let path = built.join(page);
            let Ok(mut html) = std::fs::read_to_string(&path) else {
                // A book may be configured to have no page for printing, or for what is not there.
                continue;
            };
            if let Some((before, now)) = renamed {
                html = html.replace(before, now);
            }
            if let Some(text) = by_page.get(page) {
                let is_first = Some(&text.page) == first;
                html = with_line_anchors(&self.with_head(&html, text, is_first));
                html = with_footer(&html, &self.edition);
            } else if page.as_path() == Path::new(not_found) {
                html = self.keep_apart(built, &html, not_found)?;
            } else {
                html = with_footer(&style_once(&html), &self.edition);
            }
            write(&path, &html)?;
        }
        self.map_site(built, texts)
    }

    fn with_head(&self, html: &str, text: &ChapterText, is_first: bool) -> String {
        let address = self.site.address.as_ref();
        let address = address.map(|address| address.of(&path_of(text, is_first)));
        let alt = self.site.image.as_ref().map_or("", |image| &image.alt);
        with_head(
            html,
            &HeadView {
                title: &text.title,
                book: &self.book,
                description: text.description.as_deref(),
                is_first,
                address: address.as_deref(),
                image: self.image.as_deref().map(|image| (image, alt)),
            },
        )
    }

    /// Keeps mdBook's page for what is not there under another name; what stands in for it.
    fn keep_apart(&self, built: &Path, html: &str, name: &str) -> Result<String> {
        let apart = name.replace(".html", "-page.html");
        let start = self.site.address.as_ref().map(|address| address.of(""));
        let parts = not_found(html, &apart, start.as_deref());
        write(&built.join(apart), &parts.page)?;
        Ok(parts.finder)
    }

    fn map_site(&self, built: &Path, texts: &[ChapterText]) -> Result<()> {
        let Some(address) = &self.site.address else {
            return Ok(());
        };
        let pages = texts.iter().enumerate();
        let pages: Vec<String> = pages
            .map(|(at, text)| address.of(&path_of(text, at == 0)))
            .collect();
        write(&built.join("sitemap.xml"), &sitemap(&pages))?;
        if address.is_a_root() {
            // Elsewhere nobody asks for it.
            let text = format!("Sitemap: {}\n", address.of("sitemap.xml"));
            write(&built.join("robots.txt"), &text)?;
        }
        Ok(())
    }
}

/// The path by which others know a page: the first chapter is the book's first page.
fn path_of(text: &ChapterText, is_first: bool) -> String {
    if is_first {
        return "index.html".to_owned();
    }
    let parts = text.page.iter().map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::fixture_book::{book, write as write_file};
    use crate::verbs::build::build;

    /// The fixture with these lines in its `book.toml`, built into its folder `book`.
    fn built(toml: &str) -> Result<TempDir> {
        let dir = book();
        let text = fs::read_to_string(dir.path().join("book.toml"))?;
        write_file(dir.path(), "book.toml", &format!("{text}{toml}"));
        write_file(dir.path(), "src/one.md", "# One\n\nWhat is it? A page.\n");
        let two = "# Two\n\n{{#description Told by its author}}\n\nWhat is this?\n";
        write_file(dir.path(), "src/two.md", two);
        write_file(dir.path(), "src/page.png", "a picture");
        build(dir.path(), None)?;
        Ok(dir)
    }

    fn page(dir: &TempDir, name: &str) -> String {
        fs::read_to_string(dir.path().join("book").join(name)).expect(name)
    }

    const ADDRESS: &str = "[preprocessor.live.site]\naddress = 'https://example.org/b'\n\
                           image = { file = 'page.png', alt = 'A page' }\n";

    #[test]
    fn each_page_has_a_title_and_a_description_of_its_own() {
        let dir = built("").expect("it is right");
        for (name, parts) in [
            (
                "one.html",
                [
                    "<title>One - Demo</title>",
                    "content=\"What is it? A page.\"",
                ],
            ),
            (
                "two.html",
                [
                    "<title>Two - Demo</title>",
                    "content=\"Told by its author\"",
                ],
            ),
            (
                "index.html",
                [
                    "og:title\" content=\"Demo\"",
                    "og:type\" content=\"website\"",
                ],
            ),
        ] {
            let page = page(&dir, name);
            for part in parts {
                assert!(page.contains(part), "{name}: {part} is not in {page}");
            }
        }
        let two = page(&dir, "two.html");
        let (_, text) = two.split_once("<main>").expect("a text");
        assert!(!text.contains("Told by its author"), "{text}");
    }

    #[test]
    fn without_an_address_no_page_names_one_and_with_it_all_do() {
        let dir = built("").expect("it is right");
        for name in ["index.html", "one.html"] {
            let page = page(&dir, name);
            for absent in [
                "canonical",
                "og:url",
                "og:image",
                "Git repository",
                "Suggest an edit",
            ] {
                assert!(!page.contains(absent), "{name}: {absent}");
            }
        }
        assert!(!dir.path().join("book/sitemap.xml").exists());

        let repository = "[output.html]\ngit-repository-url = 'https://example.org/r'\n\
                          edit-url-template = 'https://example.org/r/edit/{path}'\n";
        let dir = built(&format!("{ADDRESS}{repository}")).expect("it is right");
        for (name, address) in [
            ("index.html", ""),
            ("foreword.html", ""),
            ("one.html", "one.html"),
        ] {
            let page = page(&dir, name);
            let address = format!("https://example.org/b/{address}");
            for part in [
                format!("<link rel=\"canonical\" href=\"{address}\">"),
                format!("<meta property=\"og:url\" content=\"{address}\">"),
                "content=\"https://example.org/b/page.png\"".to_owned(),
                "href=\"https://example.org/r\"".to_owned(),
            ] {
                assert!(page.contains(&part), "{name}: {part} is not in {page}");
            }
        }
        assert!(page(&dir, "one.html").contains("href=\"https://example.org/r/edit/src/one.md\""));
        let pages = ["", "one.html", "two.html", "half.html"];
        let found = page(&dir, "sitemap.xml");
        assert_eq!(found.matches("<loc>").count(), pages.len(), "{found}");
        for address in pages {
            assert!(found.contains(&format!("<loc>https://example.org/b/{address}</loc>")));
        }
        assert!(
            !dir.path().join("book/robots.txt").exists(),
            "nobody asks for it there"
        );
    }

    #[test]
    fn a_book_with_a_host_of_its_own_tells_robots_of_its_map() {
        let site = "[preprocessor.live.site]\naddress = 'https://example.org'\n";
        let dir = built(site).expect("it is right");
        let robots = page(&dir, "robots.txt");
        assert_eq!(robots, "Sitemap: https://example.org/sitemap.xml\n");
    }

    #[test]
    fn a_missing_picture_and_a_wrong_address_stop_the_build() {
        let error = |toml: &str| format!("{:#}", built(toml).expect_err("it is wrong"));
        assert_eq!(
            error("[preprocessor.live.site]\nimage = { file = 'none.png', alt = 'x' }\n"),
            "book.toml: the picture of the site: expected a file src/none.png"
        );
        assert_eq!(
            error("[preprocessor.live.site]\naddress = 'example.org'\n"),
            "book.toml:18: address: expected the address of a site, as in \
             https://example.org/book/, found example.org"
        );
    }

    #[test]
    fn the_page_for_what_is_not_there_is_as_its_author_calls_it() {
        let dir = built("[output.html]\ninput-404 = ''\n").expect("it is right");
        assert!(!dir.path().join("book/404.html").exists());
        let dir = book();
        write_file(
            dir.path(),
            "src/gone.md",
            "# Gone\n\nA word of the author.\n",
        );
        let toml = fs::read_to_string(dir.path().join("book.toml")).expect("it is there");
        let toml = toml + "[output.html]\ninput-404 = 'gone.md'\n";
        write_file(dir.path(), "book.toml", &toml);
        build(dir.path(), None).expect("it is right");
        let finder = page(&dir, "gone.html");
        assert!(finder.contains("root + \"gone-page.html\"") && finder.contains("A word of"));
        assert!(page(&dir, "gone-page.html").contains("A word of the author"));
    }
}
