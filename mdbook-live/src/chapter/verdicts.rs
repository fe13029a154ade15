//! What becomes of the reference's statements, by the runs that chapters show.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::expand::Expander;
use crate::book::listing::RunRef;
use crate::judge::statements::{self, Row};
use crate::page::verdicts::VerdictsView;

impl Expander<'_> {
    /// The table of verdicts on the page `here`: of the runs that it shows, or of all.
    pub(super) fn expand_verdicts(&mut self, here: &Path, all: bool) -> Result<String> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        let mut parts: Vec<(String, String, Vec<Row>)> = Vec::new();
        let mut shown = BTreeSet::new();
        for chapter in &self.surveyed {
            let page = chapter.page.display();
            let link = if chapter.page == here {
                String::new()
            } else {
                format!("{up}{page}")
            };
            let mut rows = Vec::new();
            for (name, id) in &chapter.runs {
                if (!all && chapter.page != here) || !shown.insert(name.clone()) {
                    continue;
                }
                let Ok(run) = self.data.book.run(name) else {
                    // The error is where the run itself is expanded.
                    continue;
                };
                let href = format!("{link}#{id}");
                for (claim, standing) in self.data.judgements(run)? {
                    statements::add(&mut rows, claim, &standing, name, &href);
                }
            }
            if !rows.is_empty() {
                parts.push((chapter.title.clone(), link, rows));
            }
        }
        if all {
            let placed = |run: &RunRef<'_>| shown.contains(&run.full_name());
            let speaks = |run: &RunRef<'_>| {
                let claims = &run.run.claims;
                claims.iter().any(|claim| claim.reference.is_some())
            };
            if let Some(run) = self
                .data
                .book
                .runs()
                .find(|run| speaks(run) && !placed(run))
            {
                bail!(
                    "{}: run {}: it decides a statement of the reference, and no chapter shows it",
                    self.data.shown(&run.listing.dir.join("runs.toml")),
                    run.run.name
                );
            }
        }
        if parts.is_empty() {
            bail!("no run of this chapter decides a statement of the reference");
        }
        let views: Vec<VerdictsView<'_>> = parts
            .iter()
            .map(|(title, link, rows)| VerdictsView {
                chapter: all.then_some((title.as_str(), link.as_str())),
                rows,
            })
            .collect();
        let reference = self.data.book.config.reference.as_ref();
        let name = reference.map_or("Reference", |reference| &reference.name);
        Ok(self.form.verdicts(name, &views))
    }
}
