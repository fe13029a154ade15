//! A question about a run that a chapter asks before it shows the run: its choices, each with
//! the check by which the run's record decides whether it is right.

use std::fmt;

use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::book::claim::Check;
use crate::book::claim_toml::{Checks, Count, Every, Never, Ratio, Value};
use crate::book::listing::{Book, RunRef};
use crate::book::pattern::Capture;
use crate::book::source;

/// A question with its choices, of which exactly one holds on the record of its run.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked. Backticks mark code.
    pub asks: String,
    /// `LISTING/RUN`, on whose record the choices are judged.
    pub run: String,
    /// Its line.
    run_line: usize,
    /// At least two, in the order in which they are shown.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The answer, as its reader would give it.
    pub says: String,
    /// Why it is right, or what is wrong with it.
    pub because: String,
    /// What decides it.
    pub check: Check,
    /// Its line.
    line: usize,
}

/// What is wrong with a question, and in which of its lines, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line.
    pub line: usize,
    /// What is wrong there, and what was expected.
    pub says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl std::error::Error for Problem {}

/// The question as its author writes it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionToml {
    /// The question. Backticks mark code.
    asks: String,
    /// The run on whose record the choices are judged: `LISTING/RUN`.
    #[cfg_attr(test, schemars(with = "String"))]
    run: Spanned<String>,
    /// Two answers or more, in the order in which they are shown.
    #[cfg_attr(test, schemars(with = "Vec<ChoiceToml>"))]
    choice: Vec<Spanned<ChoiceToml>>,
}

/// A choice as its author writes it: with exactly one of the checks of a claim.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct ChoiceToml {
    /// The answer, as its reader would give it.
    says: String,
    /// Why it is right, or what is wrong with it.
    because: String,
    /// As in a claim.
    count: Option<Count>,
    /// As in a claim.
    value: Option<Value>,
    /// As in a claim.
    same: Option<Capture>,
    /// As in a claim.
    distinct: Option<Capture>,
    /// As in a claim.
    every: Option<Every>,
    /// As in a claim.
    never: Option<Never>,
    /// As in a claim.
    ratio: Option<Ratio>,
}

impl Question {
    /// Reads a question; `process` finds the process of a line of its run.
    ///
    /// # Errors
    ///
    /// What was expected, with its line.
    pub fn parse(text: &str, process: &Regex) -> Result<Question, Problem> {
        let question: QuestionToml = toml::from_str(text).map_err(|error| {
            let (line, says) = source::problem_of(text, &error);
            Problem { line, says }
        })?;
        let problem = |line, says: String| Err(Problem { line, says });
        if question.asks.trim().is_empty() {
            return problem(1, "asks: expected a question".to_owned());
        }
        if let [only] = &question.choice[..] {
            let line = source::line_of(text, only.span().start);
            return problem(line, "expected two choices or more, found one".to_owned());
        }
        let mut choices: Vec<Choice> = Vec::new();
        for choice in question.choice {
            let line = source::line_of(text, choice.span().start);
            let choice = choice.into_inner();
            if choices.iter().any(|known| known.says == choice.says) {
                let says = format!("two choices say \"{}\"", choice.says);
                return problem(line, says);
            }
            for (key, words) in [("says", &choice.says), ("because", &choice.because)] {
                if words.trim().is_empty() {
                    return problem(line, format!("{key}: expected a sentence"));
                }
            }
            let checks = Checks {
                count: choice.count,
                value: choice.value,
                same: choice.same,
                distinct: choice.distinct,
                every: choice.every,
                never: choice.never,
                ratio: choice.ratio,
            };
            match checks.the_one() {
                Ok(check) => choices.push(Choice {
                    says: choice.says,
                    because: choice.because,
                    check: check.check(process),
                    line,
                }),
                Err(error) => {
                    return problem(line, format!("choice \"{}\": {error}", choice.says));
                }
            }
        }
        Ok(Question {
            asks: question.asks,
            run_line: source::line_of(text, question.run.span().start),
            run: question.run.into_inner(),
            choices,
        })
    }

    /// The run that it asks about, when every figure that its choices name is there.
    ///
    /// # Errors
    ///
    /// What there is in place of a name that is unknown, with its line.
    pub fn run_in<'b>(&self, book: &'b Book) -> Result<RunRef<'b>, Problem> {
        let at = |line| {
            move |error: anyhow::Error| Problem {
                line,
                says: format!("{error:#}"),
            }
        };
        let run = book.run(&self.run).map_err(at(self.run_line))?;
        for choice in &self.choices {
            for name in choice.check.figures() {
                book.require_figure_of(run, name).map_err(at(choice.line))?;
            }
        }
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};

    fn parse(text: &str) -> Result<Question, Problem> {
        Question::parse(text, &Regex::new(r"^(\S+)").expect("a pattern"))
    }

    fn problem(text: &str) -> (usize, String) {
        let problem = parse(text).expect_err("it is wrong");
        (problem.line, problem.says)
    }

    const HEAD: &str = "asks = 'How many?'\nrun = 'demo/one'\n";

    fn choice(says: &str, check: &str) -> String {
        format!("[[choice]]\nsays = '{says}'\nbecause = 'So'\n{check}\n")
    }

    #[test]
    fn a_question_has_two_choices_or_more_each_with_one_check_and_a_reason() {
        let one = choice("One", "count = { lines = 'x', is = 1 }");
        let two = choice("Two", "same = 'id (.)'");
        let question = parse(&(HEAD.to_owned() + &one + &two)).expect("it is right");
        assert_eq!(question.choices.len(), 2);
        assert_eq!(
            problem(&(HEAD.to_owned() + &one)),
            (3, "expected two choices or more, found one".to_owned())
        );
        assert_eq!(problem(HEAD), (1, "missing key `choice`".to_owned()));
        assert_eq!(
            problem(&(HEAD.to_owned() + &one + &choice("Two", ""))),
            (
                7,
                "choice \"Two\": expected one of count, value, same, distinct, every, never, \
                 ratio, found none"
                    .to_owned()
            )
        );
        assert_eq!(
            problem(&(HEAD.to_owned() + &one + &one)),
            (7, "two choices say \"One\"".to_owned())
        );
        let silent = one.replace("'So'", "' '");
        assert_eq!(
            problem(&(HEAD.to_owned() + &silent + &two)),
            (3, "because: expected a sentence".to_owned())
        );
        let unknown = one.replace("because", "becuase");
        assert_eq!(
            problem(&(HEAD.to_owned() + &unknown + &two)).0,
            5,
            "the line of the key"
        );
    }

    #[test]
    fn the_references_example_is_right() {
        let reference = include_str!("../../guide/src/reference.md");
        let block = |language: &str| {
            let after = reference.split(&format!("```{language}\n")).nth(1);
            let block = after.and_then(|after| after.split("```").next());
            block.expect("an example")
        };
        let (_dir, book) = book_with(block("toml"));
        let question = parse(block("question")).expect("it is right");
        let run = question
            .run_in(&book.expect("it is right"))
            .map(|run| run.full_name());
        assert_eq!(run.expect("it is there"), "demo/two-workers");
    }

    #[test]
    fn a_question_names_a_run_and_figures_that_there_are() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let names = |run: &str, figure: &str| {
            let ratio = format!("value = {{ figure = '{figure}', at_least = 1 }}");
            let text = HEAD.replace("demo/one", run) + &choice("One", &ratio);
            let question = parse(&(text + &choice("Two", "same = '(x)'"))).expect("it is right");
            let problem = question.run_in(&book).map(|_| ()).err()?;
            Some((problem.line, problem.says))
        };
        assert_eq!(names("demo/one", "wall_s"), None);
        let (line, says) = names("demo/onne", "wall_s").expect("no such run");
        assert!(
            line == 2 && says.contains("did you mean demo/one?"),
            "{says}"
        );
        let (line, says) = names("demo/one", "wall").expect("no such figure");
        assert!(line == 3 && says.contains("wall_s"), "{line}: {says}");
    }
}
