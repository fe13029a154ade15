//! The head of an exercise: its title, how hard it is, and what a reader types.

use maud::html;

use super::inline::without_directives;
use crate::book::exercise::{Exercise, Kind};
use crate::book::exercises::ExerciseRef;

/// An exercise as the page shows it.
#[derive(Debug, Clone)]
pub struct ExerciseView<'a> {
    /// The exercise.
    pub exercise: ExerciseRef<'a>,
    /// Which of its page it is, from 1.
    pub number: usize,
    /// Unique on its page.
    pub id: &'a str,
    /// The listing's folder, from the book's root.
    pub folder: &'a str,
    /// What a reader types to call this tool.
    pub tool: &'a str,
}

/// The heading of an exercise, and what a reader does with it.
pub fn head(view: &ExerciseView<'_>) -> String {
    let exercise = view.exercise.exercise;
    let name = view.exercise.full_name();
    let head = html! {
        div.exercise id=(view.id) {
            p.exercise-about {
                span.level role="img" aria-label={ "Level " (exercise.level) " of " (Exercise::HARDEST) } {
                    (stars(exercise.level))
                }
                " " (exercise.minutes) " minutes. "
                @match &exercise.kind {
                    Kind::Graded { .. } => {
                        "Change "
                        code { (view.folder) "/" (view.exercise.program(None).source().display()) }
                        ", then have it judged:"
                    }
                    Kind::Generated { .. } => { "A fresh one for each seed:" }
                }
            }
            pre {
                code.language-sh {
                    (view.tool) " exercise " (name)
                    @if let Kind::Generated { .. } = &exercise.kind { " --seed 1" }
                }
            }
        }
    };
    // The heading is mdBook's: it has a link of its own, and a place in the contents.
    let heading = format!("### {}. {}", view.number, exercise.title);
    let head = without_directives(&head.into_string());
    format!("{heading}\n\n{head}\n")
}

/// A level as stars: "★★☆".
pub fn stars(level: u8) -> String {
    let hardest = usize::from(Exercise::HARDEST);
    let level = usize::from(level).min(hardest);
    "★".repeat(level) + &"☆".repeat(hardest - level)
}
