//! The reports of several machines: their claims, chapter by chapter, and their figures.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Result, ensure};

use super::directives::RunFigure;
use super::expand::Expander;
use crate::book::listing::{RunRef, Size};
use crate::judge::digest;
use crate::judge::machines::Comparison;
use crate::page;
use crate::page::machines::{FigureRow, MachinesView, PartView};
use crate::record::report::MachineReport;

impl<'a> Expander<'a> {
    /// What the machines make of the claims, on the page `here`; or these figures on each of them.
    pub(super) fn expand_reports(&mut self, here: &Path, figures: &[RunFigure]) -> Result<String> {
        let reports = MachineReport::load_all(self.data.book)?;
        let reports: Vec<MachineReport> = reports.into_iter().map(|(_, report)| report).collect();
        ensure!(
            !reports.is_empty(),
            "there is no report: expected reports/NAME.json, which `report` writes"
        );
        if !figures.is_empty() {
            return self.expand_reported_figures(here, &reports, figures);
        }
        let mut parts: Vec<PartView<'a>> = Vec::new();
        let mut placed = BTreeSet::new();
        let chapters = self.chapters(here);
        for (title, link, runs) in &chapters {
            let new = runs.iter().filter(|(name, _)| placed.insert(name.clone()));
            let new: Vec<&(String, String)> = new.collect();
            let runs = new
                .iter()
                .filter_map(|(name, _)| self.data.book.run(name).ok());
            let runs: Vec<RunRef<'a>> = runs.collect();
            if runs.iter().any(|run| !run.run.claims.is_empty()) {
                parts.push(PartView {
                    title: title.clone(),
                    link: link.clone(),
                    comparison: self.compared(&reports, &runs)?,
                    hrefs: new.into_iter().cloned().collect(),
                });
            }
        }
        let elsewhere = self
            .data
            .book
            .runs()
            .filter(|run| !placed.contains(&run.full_name()));
        let elsewhere: Vec<RunRef<'a>> = elsewhere.collect();
        if !elsewhere.is_empty() {
            parts.push(PartView {
                title: "In no chapter".to_owned(),
                link: String::new(),
                comparison: self.compared(&reports, &elsewhere)?,
                hrefs: HashMap::new(),
            });
        }
        let named = reports.iter().flat_map(|report| &report.runs);
        let gone: BTreeSet<&String> = named
            .map(|run| &run.run)
            .filter(|run| self.data.book.run(run).is_err())
            .collect();
        Ok(page::machines::machines(&MachinesView {
            reports: &reports,
            parts: &parts,
            gone: &gone.into_iter().cloned().collect::<Vec<String>>(),
        }))
    }

    /// Every chapter's title, its page as a link from `here`, and its runs with their links.
    #[allow(clippy::type_complexity)]
    fn chapters(&self, here: &Path) -> Vec<(String, String, Vec<(String, String)>)> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        let chapters = self.surveyed.iter();
        chapters
            .map(|chapter| {
                let link = if chapter.page == here {
                    String::new()
                } else {
                    format!("{up}{}", chapter.page.display())
                };
                let runs = chapter.runs.iter();
                let runs = runs.map(|(name, id)| (name.clone(), format!("{link}#{id}")));
                (chapter.title.clone(), link.clone(), runs.collect())
            })
            .collect()
    }

    fn compared(
        &mut self,
        reports: &[MachineReport],
        runs: &[RunRef<'a>],
    ) -> Result<Comparison<'a>> {
        let now = runs.iter().map(|run| {
            let built_from = self.data.built_from(*run)?;
            let now = [Size::Quick, Size::Recorded];
            Ok((*run, now.map(|size| digest::of_run(*run, size, built_from))))
        });
        let now = now.collect::<Result<Vec<_>>>()?;
        Ok(Comparison::of(reports, &now))
    }

    fn expand_reported_figures(
        &self,
        here: &Path,
        reports: &[MachineReport],
        figures: &[RunFigure],
    ) -> Result<String> {
        let hrefs: HashMap<String, String> = self
            .chapters(here)
            .into_iter()
            .flat_map(|(_, _, runs)| runs)
            .collect();
        let mut rows = Vec::new();
        for figure in figures {
            let run = self.data.book.run(&figure.run)?;
            run.listing.require_figure(&figure.figure)?;
            let mut found = false;
            for size in [Size::Quick, Size::Recorded] {
                let of = |report: &MachineReport| {
                    let mut runs = report.runs.iter();
                    let run = runs.find(|run| run.run == figure.run && run.size == size)?;
                    run.figures.get(&figure.figure).cloned()
                };
                let values: Vec<Option<String>> = reports.iter().map(of).collect();
                if values.iter().any(Option::is_some) {
                    found = true;
                    rows.push(FigureRow {
                        run: figure.run.clone(),
                        href: hrefs.get(&figure.run).cloned(),
                        figure: figure.figure.clone(),
                        size,
                        values,
                    });
                }
            }
            ensure!(found, "no report has {figure}");
        }
        Ok(page::machines::figures(reports, &rows))
    }
}
