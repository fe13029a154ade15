//! Where each run is shown: known before any chapter is expanded, since a table of verdicts
//! links to chapters that come later.

use std::path::PathBuf;

use mdbook_preprocessor::book::BookItem;

use super::directives::{self, Directive};

/// A chapter, and the runs that it shows.
pub(super) struct Surveyed {
    pub(super) title: String,
    /// Its page, from the book's root.
    pub(super) page: PathBuf,
    /// Their full names, in reading order.
    pub(super) runs: Vec<String>,
}

/// Every chapter in reading order.
pub(super) fn survey(items: &[BookItem], others_may_follow: bool) -> Vec<Surveyed> {
    let mut surveyed = Vec::new();
    for item in items {
        let BookItem::Chapter(chapter) = item else {
            continue;
        };
        if let Some(path) = &chapter.path {
            let mut runs = Vec::new();
            for place in directives::find(&chapter.content, others_may_follow) {
                if let Ok(Directive::Run(run)) = place.directive
                    && !runs.contains(&run)
                {
                    runs.push(run);
                }
            }
            surveyed.push(Surveyed {
                title: chapter.name.clone(),
                page: path.with_extension("html"),
                runs,
            });
        }
        surveyed.extend(survey(&chapter.sub_items, others_may_follow));
    }
    surveyed
}
