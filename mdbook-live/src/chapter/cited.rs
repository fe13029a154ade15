//! Works that a chapter cites by a short form, as `mmap(2)`: each use becomes a link.

use std::ops::Range;

use crate::book::config::CitedWork;

/// Every citation in the `prose` of a chapter, with the address that it leads to.
pub(super) fn citations(
    markdown: &str,
    prose: &[Range<usize>],
    works: &[CitedWork],
) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    for range in prose {
        let text = &markdown[range.clone()];
        for work in works {
            for citation in work.cites.0.captures_iter(text) {
                let whole = citation.get(0).expect("a match has a group 0").range();
                let mut address = String::new();
                citation.expand(&work.at, &mut address);
                found.push((range.start + whole.start..range.start + whole.end, address));
            }
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found.dedup_by(|next, kept| next.0.start < kept.0.end);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chapter::{directives, glossary};

    #[test]
    fn a_citation_in_prose_leads_to_its_work() {
        let works = [CitedWork {
            cites: r"\b([a-z_]+)\(([1-8])\)"
                .to_owned()
                .try_into()
                .expect("a pattern"),
            at: "https://example.org/$2/$1.html".to_owned(),
        }];
        let text = "# fork(2)\n\n`mmap(2)` and [open(2)](x), then mmap(2) and f(9).\n";
        let prose = glossary::prose(text, &directives::find(text, false));
        let found = citations(text, &prose, &works);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(range, address)| (&text[range.clone()], &address[..]))
            .collect();
        assert_eq!(found, [("mmap(2)", "https://example.org/2/mmap.html")]);
    }
}
