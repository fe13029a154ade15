//! A question that a run answers: its choices, each of which opens to say whether it is right,
//! and why. Paper has the choices alone, and the answers where the chapter ends.

use maud::{Markup, PreEscaped, html};

use super::inline::{with_code, without_directives};
use crate::book::question::{Choice, Question};
use crate::judge::checks::CheckResult;
use crate::judge::question::Answer;

/// A question with its answer.
#[derive(Debug)]
pub struct QuestionView<'a> {
    /// Of its block on the page.
    pub id: &'a str,
    /// "4-2".
    pub number: &'a str,
    /// What is asked.
    pub question: &'a Question,
    /// Where a chapter shows the run.
    pub href: Option<String>,
    /// What the run's record says.
    pub answer: &'a Answer,
}

/// The question.
pub fn question(view: &QuestionView<'_>) -> String {
    let page = html! {
        section.question id=(view.id) aria-label={ "Question " (view.number) } {
            p.asks {
                a.number href={ "#" (view.id) } { "Question " (view.number) }
                " " (with_code(&view.question.asks))
            }
            @for (at, choice) in view.question.choices.iter().enumerate() {
                details name=(view.id) {
                    summary { span.letter { (letter(at)) } " " (with_code(&choice.says)) }
                    @match view.answer {
                        Answer::Known(results) => { (outcome(choice, &results[at], view)) }
                        Answer::Open(why) => { p.open { "Not known: " (why) "." } }
                    }
                }
            }
        }
    };
    without_directives(&page.into_string())
}

/// Whether a choice is right, why, and what was seen.
fn outcome(choice: &Choice, result: &CheckResult, view: &QuestionView<'_>) -> Markup {
    let (class, mark, word) = if result.holds {
        ("holds", "✔", "Right.")
    } else {
        ("fails", "✘", "Not so.")
    };
    html! {
        p {
            span class=(class) { span aria-hidden="true" { (mark) } " " (word) } " "
            (with_code(&choice.because))
        }
        p.seen {
            "Recorded by "
            @match &view.href {
                Some(href) => { a href=(href) { code { (view.question.run) } } }
                None => { code { (view.question.run) } }
            }
            ": "
            // The pattern that has matched nothing is the author's business.
            @if result.nothing { "nothing of the kind" } @else { (with_code(&result.seen)) }
        }
    }
}

/// The right choice, for the end of the chapter.
pub fn answer(view: &QuestionView<'_>) -> String {
    let choices = view.question.choices.iter().enumerate();
    let page = html! {
        p {
            strong { (view.number) } " "
            @match view.answer {
                Answer::Known(results) => {
                    @for ((at, choice), _) in choices.zip(results).filter(|(_, result)| result.holds) {
                        (letter(at)) ". " (with_code(&choice.says)) ". " (with_code(&choice.because))
                    }
                }
                Answer::Open(why) => { "Not known: " (why) "." }
            }
        }
    };
    page.into_string()
}

/// The answers of a chapter, which paper alone shows.
pub fn answers(answers: &[String]) -> String {
    let page = html! {
        div.answers {
            p { strong { "Answers to the questions" } }
            @for answer in answers { (PreEscaped(answer)) }
        }
    };
    without_directives(&page.into_string())
}

/// The letter of a choice.
pub fn letter(at: usize) -> char {
    char::from(b'A' + u8::try_from(at).unwrap_or(25).min(25))
}
