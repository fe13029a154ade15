//! Where the book is published, and how others show it: `[preprocessor.live.site]`.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

/// What only a published book needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// The address of the book's first page: `"https://example.org/book/"`. With it each page
    /// has a canonical link and `og:url`, and there is a `sitemap.xml`; a book at the root of
    /// its host also has a `robots.txt`, which names that.
    pub address: Option<SiteAddress>,
    /// A picture that others show beside a link to a page, where there is an `address`.
    pub image: Option<SiteImage>,
}

/// A picture of the book.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SiteImage {
    /// Its file, from the folder of the chapters.
    pub file: String,
    /// What it shows, in words.
    pub alt: String,
}

/// The address of a book's first page; it ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct SiteAddress(String);

impl TryFrom<String> for SiteAddress {
    type Error = String;

    fn try_from(text: String) -> Result<SiteAddress, String> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next());
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?#\"'<>".contains(c);
        match host {
            Some(host) if !host.is_empty() && text.chars().all(plain) => {
                let slash = if text.ends_with('/') { "" } else { "/" };
                Ok(SiteAddress(format!("{text}{slash}")))
            }
            _ => Err(format!(
                "expected the address of a site, as in https://example.org/book/, found {text}"
            )),
        }
    }
}

impl SiteAddress {
    /// The address of a page or a file, by its path in the built book.
    pub fn of(&self, path: &str) -> String {
        let path = if path == "index.html" { "" } else { path };
        format!("{}{path}", self.0)
    }

    /// Whether the book has its host for itself, and so is asked for what stands at its root.
    pub fn is_a_root(&self) -> bool {
        self.0.matches('/').count() == 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<SiteAddress, String> {
        SiteAddress::try_from(text.to_owned())
    }

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_ends_with_a_slash() {
        for text in ["https://example.org/book", "https://example.org/book/"] {
            let address = address(text).expect("it is one");
            assert_eq!(address.of("one.html"), "https://example.org/book/one.html");
            assert_eq!(address.of("index.html"), "https://example.org/book/");
            assert!(!address.is_a_root());
        }
        assert!(
            address("http://127.0.0.1:3000")
                .expect("it is one")
                .is_a_root()
        );
        for text in [
            "example.org",
            "https://",
            "/book/",
            "https://a/?b",
            "ftp://a/",
            "https://a b/",
        ] {
            let error = address(text).expect_err(text);
            assert!(
                error.starts_with("expected the address of a site"),
                "{error}"
            );
        }
    }
}
