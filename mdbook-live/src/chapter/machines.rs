//! The reports of several machines: their claims, chapter by chapter, and their figures.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::directives::RunFigure;
use super::expand::Expander;
use crate::book::listing::{RunRef, Size};
use crate::judge::digest;
use crate::judge::machines::Comparison;
use crate::page::machines::{FigureRow, MachinesView, PartView};
use crate::record::report::MachineReport;

/// A chapter as a page links to it.
struct LinkedChapter {
    title: String,
    /// Its page; empty for the page that links.
    link: String,
    /// The runs that it shows, by their full names, each with its link.
    runs: Vec<(String, String)>,
}

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
        for LinkedChapter { title, link, runs } in &chapters {
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
        Ok(self.form.machines(&MachinesView {
            reports: &reports,
            parts: &parts,
            gone: &gone.into_iter().cloned().collect::<Vec<String>>(),
        }))
    }

    /// Every chapter, with links from the page `here`.
    fn chapters(&self, here: &Path) -> Vec<LinkedChapter> {
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
                LinkedChapter {
                    title: chapter.title.clone(),
                    runs: runs.collect(),
                    link,
                }
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
            .flat_map(|chapter| chapter.runs)
            .collect();
        let mut rows = Vec::new();
        for figure in figures {
            let run = self.data.book.run(&figure.run)?;
            run.listing.require_figure(&figure.figure)?;
            // Figures at the size of the record are what is compared; others, where no machine
            // has made the run so.
            let row = [Size::Recorded, Size::Quick].into_iter().find_map(|size| {
                let of = |report: &MachineReport| {
                    let mut runs = report.runs.iter();
                    let run = runs.find(|run| run.run == figure.run && run.size == size)?;
                    run.figures.get(&figure.figure).cloned()
                };
                let values: Vec<Option<String>> = reports.iter().map(of).collect();
                values.iter().any(Option::is_some).then(|| FigureRow {
                    run: figure.run.clone(),
                    href: hrefs.get(&figure.run).cloned(),
                    figure: figure.figure.clone(),
                    size,
                    values,
                })
            });
            rows.push(row.with_context(|| format!("no report has {figure}"))?);
        }
        // A machine without any of them has no column.
        let has_some: Vec<bool> = (0..reports.len())
            .map(|at| rows.iter().any(|row| row.values[at].is_some()))
            .collect();
        let mut kept = has_some.iter();
        let mut reports = reports.to_vec();
        reports.retain(|_| *kept.next().unwrap_or(&true));
        for row in &mut rows {
            let mut kept = has_some.iter();
            row.values.retain(|_| *kept.next().unwrap_or(&true));
        }
        Ok(self.form.reported_figures(&reports, &rows))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use mdbook_driver::MDBook;
    use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

    use crate::book::listing::{Book, Size};
    use crate::chapter::preprocessor::LivePreprocessor;
    use crate::fixture_book::{book, write};
    use crate::judge::{digest, fingerprint};
    use crate::record::report::tests::{report_of, reported};
    use crate::record::report::{MachineReport, ReportedClaim, Verdict};

    /// The page with that text, of the book in that folder.
    fn page(root: &Path, text: &str) -> Result<String, String> {
        write(root, "src/one.md", text);
        let book = MDBook::load(root).unwrap();
        let context =
            PreprocessorContext::new(root.to_owned(), book.config.clone(), "html".to_owned());
        let chapters = LivePreprocessor::default().run(&context, book.book.clone());
        let chapters = chapters.map_err(|error| error.to_string())?;
        let one = chapters.chapters().find(|chapter| chapter.name == "One");
        Ok(one.unwrap().content.clone())
    }

    /// A report in which the second claim of `demo/fork` comes out so.
    fn report(root: &Path, verdict: Verdict) -> MachineReport {
        let book = Book::open(root).unwrap();
        let run = book.run("demo/fork").unwrap();
        let claims = run.run.claims.iter().enumerate();
        let claims = claims.map(|(at, claim)| ReportedClaim {
            says: claim.says.clone(),
            of: digest::of_claim(claim),
            verdict: if at == 1 { verdict } else { Verdict::Holds },
            seen: format!("seen {at}"),
        });
        let mut reported = reported("demo/fork", claims.collect());
        reported.of = digest::of_run(run, Size::Quick, &fingerprint::of_run(run).unwrap());
        reported
            .figures
            .insert("total_time_s".into(), "0.50 s".into());
        report_of(vec![reported])
    }

    /// A book with a chapter that shows `demo/fork`, and two machines that disagree.
    fn two_machines() -> tempfile::TempDir {
        let dir = book();
        let root = dir.path();
        write(root, "src/two.md", "# Two\n\n{{#run demo/fork}}\n");
        let save = |report: &MachineReport, name: &str| {
            report
                .save(&root.join(format!("reports/{name}.json")))
                .unwrap();
        };
        save(&report(root, Verdict::Holds), "a");
        let mut other = report(root, Verdict::DoesNotHold);
        other.machine.limits.processors = 1;
        save(&other, "b");
        dir
    }

    #[test]
    fn a_claim_that_differs_is_in_sight_with_what_each_machine_saw_and_the_rest_is_counted() {
        let dir = two_machines();
        let text = page(dir.path(), "# One\n\n{{#reports}}\n").unwrap();
        for part in [
            "2 claims came out as the book says on every machine that reports them.",
            "<span class=\"machine\">1 of 2 cores, 24 GiB</span>",
            "<a href=\"two.html\">Two</a>",
            "Three lines name an id <a href=\"two.html#run-demo-fork\"><code>demo/fork</code></a>",
            "otherwise</span> <span class=\"seen\">seen 1</span>",
            "as the book says</span> <span class=\"seen\">seen 1</span>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("One id everywhere"), "{text}");
        let (one, two) = (
            text.find("1 of 2 cores").unwrap(),
            text.find(">2 cores").unwrap(),
        );
        assert!(one < two, "the smallest machine comes first");
    }

    #[test]
    fn a_verdict_of_a_program_that_has_changed_is_marked() {
        let dir = two_machines();
        let source = "listings/demo/src/main.rs";
        write(dir.path(), source, "fn main() { loop {} }\n");
        let text = page(dir.path(), "# One\n\n{{#reports}}\n").unwrap();
        assert!(text.contains("6 verdicts marked"), "{text}");
        let marked = "otherwise</span> <span class=\"earlier\">of an earlier program</span>";
        assert!(text.contains(marked), "{text}");
    }

    #[test]
    fn a_run_that_the_book_has_no_more_is_named() {
        let dir = two_machines();
        let path = dir.path().join("reports/a.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("demo/fork", "demo/gone")).unwrap();
        let text = page(dir.path(), "# One\n\n{{#reports}}\n").unwrap();
        assert!(
            text.contains("The book has no more: <code>demo/gone</code>."),
            "{text}"
        );
    }

    #[test]
    fn figures_stand_side_by_side_and_what_no_report_has_is_told() {
        let dir = two_machines();
        let text = page(dir.path(), "# One\n\n{{#reports demo/fork total_time_s}}\n").unwrap();
        assert_eq!(text.matches("0.50\u{a0}s</td>").count(), 2, "{text}");
        let error =
            |directive: &str| page(dir.path(), &format!("# One\n\n{directive}\n")).unwrap_err();
        assert_eq!(
            error("{{#reports demo/fast total_time_s}}"),
            "src/one.md:3: no report has demo/fast total_time_s"
        );
        assert!(error("{{#reports demo/fork total}}").contains("no figure total of demo"));
        assert!(error("{{#reports demo/fork}}").contains("malformed"));
        fs::remove_dir_all(dir.path().join("reports")).unwrap();
        assert_eq!(
            error("{{#reports}}"),
            "src/one.md:3: there is no report: expected reports/NAME.json, which `report` writes"
        );
    }
}
