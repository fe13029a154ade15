//! What the directives of a chapter become: a function for each, in every form that a renderer
//! may need. The compiler names each form that lacks a new one.

use std::path::{Path, PathBuf};

use super::chart::ChartView;
use super::diagram::Diagram;
use super::exercise::ExerciseView;
use super::glossary::GlossaryEntry;
use super::listing::ListingView;
use super::machines::{FigureRow, MachinesView};
use super::plot::PlotView;
use super::question::QuestionView;
use super::run::{RunView, ShownRun};
use super::verdicts::VerdictsView;
use super::{
    chart, diagram, exercise, front, glossary, inline, listing, machines, plot, question, run,
    style, timeline, verdicts,
};
use crate::book::config::TimelineConfig;
use crate::judge::figures::Figure;
use crate::record::report::MachineReport;
use crate::record::timeline::Timeline;

/// A form of a book's directives. What each returns is Markdown.
pub trait Form {
    /// What a link to a chapter names, by its source in the folder of chapters.
    fn page_of(&self, chapter: &Path) -> PathBuf;
    /// What comes first in a chapter that has directives.
    fn head(&self) -> String;
    /// A whole chapter, its directives expanded: what of its author's own suits no such form
    /// is replaced.
    fn chapter(&self, expanded: String) -> String;
    /// `{{#listing …}}`
    fn listing(&self, view: &ListingView<'_>) -> String;
    /// `{{#run …}}`
    fn run(&self, view: &RunView<'_>) -> ShownRun;
    /// `{{#runs …}}`, of which each is [`Form::run`]'s.
    fn runs(&self, caption: &str, shown: &[ShownRun], reference_says: &str) -> String;
    /// `{{#chart …}}` and `{{#table …}}` of several runs.
    fn chart(&self, view: &ChartView<'_>) -> String;
    /// `{{#chart …}}` and `{{#table …}}` of the lines of one run.
    fn plot(&self, view: &PlotView<'_>) -> String;
    /// `{{#timeline …}}`
    fn timeline(&self, view: &TimelineView<'_>) -> String;
    /// `{{#timeline …}}` of a run that has none yet.
    fn timeline_not_recorded(&self, run: &str) -> String;
    /// `{{#diagram …}}`
    fn diagram(&self, diagram: &Diagram, id: &str) -> String;
    /// `{{#verdicts …}}`
    fn verdicts(&self, reference: &str, parts: &[VerdictsView<'_>]) -> String;
    /// `{{#reports}}`
    fn machines(&self, view: &MachinesView<'_>) -> String;
    /// `{{#reports …}}` of figures.
    fn reported_figures(&self, reports: &[MachineReport], rows: &[FigureRow]) -> String;
    /// `{{#exercise …}}`
    fn exercise(&self, view: &ExerciseView<'_>) -> String;
    /// A block of code in the language `question`.
    fn question(&self, view: &QuestionView<'_>) -> String;
    /// The answer to a question, for the end of its chapter.
    fn answer(&self, view: &QuestionView<'_>) -> String;
    /// The end of a chapter that has questions, with each [`Form::answer`].
    fn answers(&self, answers: &[String]) -> String;
    /// `{{#glossary}}`
    fn glossary(&self, entries: &[GlossaryEntry<'_>]) -> String;
    /// `{{#papers}}`: each file with what it is and its name, linked from the page `here`.
    fn papers(&self, papers: &[(String, String)], here: &Path) -> String;
    /// `{{#define …}}`
    fn defined(&self, shown: &str, id: &str) -> String;
    /// The first use of a term; `title` is its meaning, where it is plain text.
    fn term(&self, word: &str, href: &str, title: Option<&str>) -> String;
    /// A cited work.
    fn citation(&self, words: &str, href: &str) -> String;
    /// `{{#figure …}}`; `title` says which one.
    fn figure(&self, title: &str, figure: &Figure) -> String;
    /// `{{#figure … / …}}`
    fn quotient(&self, title: &str, value: f64) -> String;
    /// A figure that no record has yet.
    fn figure_not_recorded(&self, title: &str) -> String;
}

/// The timeline of a record.
#[derive(Debug, Clone, Copy)]
pub struct TimelineView<'a> {
    /// How the book has timelines drawn.
    pub config: &'a TimelineConfig,
    /// What the processes were doing when.
    pub timeline: &'a Timeline,
    /// The run's full name.
    pub name: &'a str,
    /// Unique on its page.
    pub id: &'a str,
    /// When it was recorded.
    pub date: &'a str,
}

/// The form for mdBook's own renderer.
#[derive(Debug, Clone, Copy)]
pub struct Html;

impl Form for Html {
    fn page_of(&self, chapter: &Path) -> PathBuf {
        chapter.with_extension("html")
    }

    fn head(&self) -> String {
        format!("{}\n\n", style::style())
    }

    fn chapter(&self, expanded: String) -> String {
        expanded
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
        plot::plot(view)
    }

    fn timeline(&self, view: &TimelineView<'_>) -> String {
        let TimelineView {
            config,
            timeline,
            name,
            id,
            date,
        } = view;
        timeline::timeline(config, timeline, name, id, date)
    }

    fn timeline_not_recorded(&self, run: &str) -> String {
        timeline::timeline_not_recorded(run)
    }

    fn diagram(&self, diagram: &Diagram, id: &str) -> String {
        diagram::diagram(diagram, id)
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
        exercise::head(view)
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
        glossary::glossary(entries)
    }

    fn papers(&self, papers: &[(String, String)], here: &Path) -> String {
        front::papers(papers, here)
    }

    fn defined(&self, shown: &str, id: &str) -> String {
        glossary::defined(shown, id)
    }

    fn term(&self, word: &str, href: &str, title: Option<&str>) -> String {
        glossary::term(word, href, title)
    }

    fn citation(&self, words: &str, href: &str) -> String {
        glossary::citation(words, href)
    }

    fn figure(&self, title: &str, figure: &Figure) -> String {
        inline::figure(title, figure)
    }

    fn quotient(&self, title: &str, value: f64) -> String {
        inline::quotient(title, value)
    }

    fn figure_not_recorded(&self, title: &str) -> String {
        inline::figure_not_recorded(title)
    }
}
