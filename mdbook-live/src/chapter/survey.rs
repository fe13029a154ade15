//! Where each run is shown: known before any chapter is expanded, since a table of verdicts
//! links to chapters that come later.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mdbook_preprocessor::book::BookItem;

use super::consoles::Consoles;
use super::directives::{self, Directive};
use super::ids::Ids;
use crate::book::listing::Book;
use crate::page::form::{Form, Html};

/// A chapter, and the runs that it shows.
pub(super) struct Surveyed {
    pub(super) title: String,
    /// Its page, from the book's root.
    pub(super) page: PathBuf,
    /// Their full names, in reading order, each with the id of its first place on the page.
    pub(super) runs: Vec<(String, String)>,
}

/// The full names of the runs that a book shows, without looking at whether there are such runs;
/// its chapters are in the folder `src`.
pub fn runs_shown(items: &[BookItem], book: &Book, src: &Path) -> BTreeSet<String> {
    let consoles = Consoles::of(book);
    let mut items = items.to_vec();
    consoles.show_runs(&mut items, src);
    // Directives of others name no runs.
    let chapters = survey(&items, true, &Html).into_iter();
    let runs = chapters.flat_map(|chapter| chapter.runs);
    runs.map(|(run, _)| run).collect()
}

/// Every chapter in reading order.
pub(super) fn survey(
    items: &[BookItem],
    others_may_follow: bool,
    form: &dyn Form,
) -> Vec<Surveyed> {
    let mut surveyed = Vec::new();
    for item in items {
        let BookItem::Chapter(chapter) = item else {
            continue;
        };
        if let Some(path) = &chapter.path {
            let mut runs: Vec<(String, String)> = Vec::new();
            // The ids of other parts begin with other words, and take none of these.
            let mut ids = Ids::default();
            for place in directives::find(&chapter.content, others_may_follow) {
                let shown = match place.directive {
                    Ok(Directive::Run(run)) => vec![run],
                    Ok(Directive::Runs { runs, .. }) => runs,
                    _ => Vec::new(),
                };
                for run in shown {
                    let id = ids.of_run(&run);
                    if !runs.iter().any(|(known, _)| *known == run) {
                        runs.push((run, id));
                    }
                }
            }
            surveyed.push(Surveyed {
                title: chapter.name.clone(),
                page: form.page_of(path),
                runs,
            });
        }
        surveyed.extend(survey(&chapter.sub_items, others_may_follow, form));
    }
    surveyed
}
