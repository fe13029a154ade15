//! Questions, and the heads of exercises.

use super::words::{anchor, code, fenced, marked, with_code};
use crate::book::exercise::Kind;
use crate::judge::question::Answer;
use crate::page::exercise::{ExerciseView, stars};
use crate::page::question::{QuestionView, letter};

/// A question: its choices, without the answer.
pub(super) fn question(view: &QuestionView<'_>) -> String {
    let mut text = format!(
        "{}**Question {}** {}\n\n",
        anchor(view.id),
        marked(view.number),
        with_code(&view.question.asks)
    );
    for (at, choice) in view.question.choices.iter().enumerate() {
        text += &format!("- **{}** {}\n", letter(at), with_code(&choice.says));
    }
    text
}

/// Its answer, for the end of the chapter: the right choice, and what is wrong with each other.
pub(super) fn answer(view: &QuestionView<'_>) -> String {
    let results = match view.answer {
        Answer::Known(results) => results,
        Answer::Open(why) => {
            return format!("**{}** Not known: {}.\n", marked(view.number), marked(why));
        }
    };
    let choices = view.question.choices.iter().zip(results).enumerate();
    let choices = choices.map(|(at, (choice, result))| {
        let mark = if result.holds { "✔" } else { "✘" };
        let letter = letter(at);
        format!(
            "- {mark}\u{a0}**{letter}** {}\n",
            with_code(&choice.because)
        )
    });
    let number = marked(view.number);
    format!("**{number}**\n\n{}", choices.collect::<String>())
}

/// The answers of a chapter.
pub(super) fn answers(answers: &[String]) -> String {
    format!("**Answers to the questions**\n\n{}", answers.join("\n"))
}

/// The head of an exercise.
pub(super) fn exercise(view: &ExerciseView<'_>) -> String {
    let exercise = view.exercise.exercise;
    let name = view.exercise.full_name();
    let (what, more) = match &exercise.kind {
        Kind::Graded { .. } => {
            let file = view.exercise.program(None).source();
            let file = format!("{}/{}", view.folder, file.display());
            (
                format!("Change {}, then have it judged:", code(&file)),
                String::new(),
            )
        }
        Kind::Generated { .. } => (
            "A fresh one for each seed:".to_owned(),
            " --seed 1".to_owned(),
        ),
    };
    let command = fenced(&format!("{} exercise {name}{more}", view.tool), "sh");
    format!(
        "### {}. {}\n\n{}{} {} minutes. {what}\n\n{command}",
        view.number,
        exercise.title,
        anchor(view.id),
        stars(exercise.level),
        exercise.minutes
    )
}
