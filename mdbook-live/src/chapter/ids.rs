//! The ids of a page's parts.

use std::collections::BTreeSet;

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
        let mut id = base.clone();
        let mut count = 1;
        while !self.0.insert(id.clone()) {
            count += 1;
            id = format!("{base}-{count}");
        }
        id
    }

    /// The id of a run.
    pub(super) fn of_run(&mut self, name: &str) -> String {
        self.unique(&format!("run-{name}"))
    }
}
