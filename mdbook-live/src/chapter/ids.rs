//! The ids of a page's parts.

use std::collections::BTreeSet;

/// Bytes of a claim's words in its id.
const MOST_OF_A_CLAIM: usize = 40;

/// The ids that a page has.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeSet<String>);

impl Ids {
    /// An id made of letters, digits and hyphens, with a number added where it is taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let base: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        self.numbered(&base)
    }

    fn numbered(&mut self, base: &str) -> String {
        let mut id = base.to_owned();
        let mut count = 1;
        while !self.0.insert(id.clone()) {
            count += 1;
            id = format!("{base}-{count}");
        }
        id
    }

    /// The id of a claim about the run with the id `run`: made of its words, so that a link to
    /// it leads there also when others come before it.
    pub(super) fn of_claim(&mut self, run: &str, says: &str) -> String {
        let mut id = format!("{run}--");
        let begins = id.len();
        let words = says.replace(['\'', '’', '`'], "").to_lowercase();
        for word in words.split(|c: char| !c.is_alphanumeric()) {
            if id.len() + word.len() > begins + MOST_OF_A_CLAIM {
                break;
            }
            if id.len() > begins && !word.is_empty() {
                id.push('-');
            }
            id.push_str(word);
        }
        self.numbered(&id)
    }

    /// The id of a run.
    pub(super) fn of_run(&mut self, name: &str) -> String {
        self.unique(&format!("run-{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claims_id_is_its_words_and_unique_in_its_run() {
        let mut ids = Ids::default();
        let mut id = |run: &str, says: &str| ids.of_claim(run, says);
        let says = "The parent's list ends without `b`: 2 lines";
        assert_eq!(
            id("run-a-b", says),
            "run-a-b--the-parents-list-ends-without-b-2-lines"
        );
        assert_eq!(
            id("run-a-b", says),
            "run-a-b--the-parents-list-ends-without-b-2-lines-2"
        );
        assert_eq!(
            id("run-a-c", says),
            "run-a-c--the-parents-list-ends-without-b-2-lines"
        );
        assert_eq!(id("run-a-b", "Größe ×3"), "run-a-b--größe-3");
        let long = id("run-a-b", &"word ".repeat(30));
        assert_eq!(long, format!("run-a-b--{}word", "word-".repeat(7)));
    }
}
