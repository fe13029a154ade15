//! The form itself.

use std::path::{Path, PathBuf};

use super::picture::Picture;
use super::words::{anchor, marked, with_code};
use super::{author, chart, listing, machines, question, run, verdicts};
use crate::judge::figures::Figure;
use crate::page::chart::ChartView;
use crate::page::diagram::Diagram;
use crate::page::exercise::ExerciseView;
use crate::page::form::{Form, TimelineView};
use crate::page::glossary::GlossaryEntry;
use crate::page::listing::ListingView;
use crate::page::machines::{FigureRow, MachinesView};
use crate::page::plot::PlotView;
use crate::page::question::QuestionView;
use crate::page::run::{RunView, ShownRun};
use crate::page::timeline;
use crate::page::verdicts::VerdictsView;
use crate::record::report::MachineReport;
use crate::text::words::two_digits;

/// Markdown without HTML, but for the anchors to which links lead.
#[derive(Debug, Clone, Copy)]
pub struct Markdown;

impl Form for Markdown {
    fn page_of(&self, chapter: &Path) -> PathBuf {
        chapter.to_owned()
    }

    fn head(&self) -> String {
        String::new()
    }

    fn chapter(&self, expanded: String) -> String {
        author::unfolded(&expanded)
    }

    fn listing(&self, view: &ListingView<'_>) -> String {
        listing::listing(view)
    }

    fn run(&self, view: &RunView<'_>) -> ShownRun {
        run::run(view)
    }

    fn runs(&self, caption: &str, shown: &[ShownRun], reference_says: &str) -> String {
        run::runs(caption, shown, reference_says)
    }

    fn chart(&self, view: &ChartView<'_>) -> String {
        chart::chart(view)
    }

    fn plot(&self, view: &PlotView<'_>) -> String {
        chart::plot(view)
    }

    fn timeline(&self, view: &TimelineView<'_>) -> String {
        let TimelineView {
            config,
            timeline,
            name,
            id,
            date,
        } = view;
        let source = format!("recorded {date}");
        let caption = timeline::caption(config, timeline, name, &source);
        let words = timeline::words(config, timeline, name);
        let picture = Picture::of_timeline(config, timeline, name, id);
        format!(
            "{}{}:\n\n{}\n",
            anchor(id),
            with_code(&caption),
            picture.image(&words)
        )
    }

    fn timeline_not_recorded(&self, run: &str) -> String {
        format!("What the processes of `{run}` were doing when has not been recorded yet.\n")
    }

    fn diagram(&self, diagram: &Diagram, id: &str) -> String {
        let picture = Picture::of_diagram(diagram);
        let image = picture.image(&diagram.alt);
        format!("{}{image}\n\n*{}*\n", anchor(id), marked(&diagram.caption))
    }

    fn verdicts(&self, reference: &str, parts: &[VerdictsView<'_>]) -> String {
        verdicts::verdicts(reference, parts)
    }

    fn machines(&self, view: &MachinesView<'_>) -> String {
        machines::machines(view)
    }

    fn reported_figures(&self, reports: &[MachineReport], rows: &[FigureRow]) -> String {
        machines::figures(reports, rows)
    }

    fn exercise(&self, view: &ExerciseView<'_>) -> String {
        question::exercise(view)
    }

    fn question(&self, view: &QuestionView<'_>) -> String {
        question::question(view)
    }

    fn answer(&self, view: &QuestionView<'_>) -> String {
        question::answer(view)
    }

    fn answers(&self, answers: &[String]) -> String {
        question::answers(answers)
    }

    fn glossary(&self, entries: &[GlossaryEntry<'_>]) -> String {
        let mut text = String::new();
        for entry in entries {
            let [name, others @ ..] = entry.names else {
                continue;
            };
            let others = if others.is_empty() {
                String::new()
            } else {
                format!(", also {}", marked(&others.join(", ")))
            };
            let said = entry.said.lines().collect::<Vec<_>>().join(" ");
            text += &format!(
                "- **{}**{others}: {said} ([{}]({}))\n",
                marked(name),
                marked(entry.chapter),
                entry.href
            );
        }
        text
    }

    /// A book in one file has no other beside it.
    fn papers(&self, _: &[(String, String)], _: &Path) -> String {
        String::new()
    }

    fn defined(&self, shown: &str, id: &str) -> String {
        format!("{}*{}*", anchor(id), marked(shown))
    }

    fn term(&self, word: &str, href: &str, _: Option<&str>) -> String {
        link(word, href)
    }

    fn citation(&self, words: &str, href: &str) -> String {
        link(words, href)
    }

    fn figure(&self, _: &str, figure: &Figure) -> String {
        // A no-break space keeps a number and its unit on one line.
        marked(&figure.to_string().replace(' ', "\u{a0}"))
    }

    fn quotient(&self, _: &str, value: f64) -> String {
        format!("{}×", two_digits(value))
    }

    fn figure_not_recorded(&self, _: &str) -> String {
        "(not recorded yet)".to_owned()
    }
}

/// A link from words that are a chapter's own, and so are Markdown.
fn link(words: &str, href: &str) -> String {
    format!("[{words}]({href})")
}
