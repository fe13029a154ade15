//! Questions of a chapter, answered by records.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::expand::{Expander, Page};
use crate::book::question::Question;
use crate::judge::question::{self, Answer};
use crate::page::question::QuestionView;

impl Expander<'_> {
    pub(super) fn expand_question(&mut self, text: &str, page: &mut Page) -> Result<String> {
        let config = &self.data.book.config;
        let question = Question::parse(text, &config.process_of_line())?;
        let run = question.run_in(self.data.book)?;
        let record = self.data.record(run)?;
        let record = record.as_ref().map(|judged| &judged.record);
        let answer = question::answer(self.data.book, run, record, &question);
        let answer: Answer = answer.map_err(|problem| anyhow!(problem))?;
        let count = self.questions_asked.entry(page.number).or_default();
        *count += 1;
        let number = match page.number {
            Some(chapter) => format!("{chapter}-{count}"),
            None => count.to_string(),
        };
        let view = QuestionView {
            id: &page.ids.unique(&format!("question-{}", question.run)),
            number: &number,
            question: &question,
            href: self.place_of(&question.run, &page.path),
            answer: &answer,
        };
        page.answers.push(self.form.answer(&view));
        Ok(self.form.question(&view))
    }

    /// Where a chapter shows a run, as a link from the page `here`.
    fn place_of(&self, run: &str, here: &Path) -> Option<String> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        self.surveyed.iter().find_map(|chapter| {
            let (_, id) = chapter.runs.iter().find(|(name, _)| name == run)?;
            Some(if chapter.page == here {
                format!("#{id}")
            } else {
                format!("{up}{}#{id}", chapter.page.display())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::chapter::preprocessor::tests::expand;
    use crate::fixture_book::{book, write};

    const QUESTION: &str = "```question\nasks = \"How many lines name an `id`?\"\nrun = \"demo/fork\"\n\
                            [[choice]]\nsays = \"Two\"\ncount = { lines = 'id:', is = 2 }\nbecause = \"One each.\"\n\
                            [[choice]]\nsays = \"Three <b>\"\ncount = { lines = 'id:', is = 3 }\nbecause = \"Not {{#run x}}.\"\n```\n";

    fn one(text: &str) -> Result<String, String> {
        let dir = book();
        write(dir.path(), "src/one.md", text);
        let chapters = expand(dir.path()).map_err(|error| error.to_string());
        Ok(chapters?.remove("one.md").expect("it is there"))
    }

    #[test]
    fn the_right_choice_is_read_from_the_record() {
        let text = format!("# One\n\n{QUESTION}\nBetween.\n\n{{{{#run demo/fork}}}}\n\nLast.\n");
        let text = one(&text).expect("it is right");
        for part in [
            "id=\"question-demo-fork\"",
            "Question 1-1</a>",
            "How many lines name an <code>id</code>?",
            "<span class=\"letter\">A</span> Two</summary><p><span class=\"holds\"><span aria-hidden=\"true\">✔</span> Right.</span> One each.",
            "Three &lt;b&gt;</summary><p><span class=\"fails\"><span aria-hidden=\"true\">✘</span> Not so.</span> Not {&#123;#run x}}.",
            "<a href=\"#run-demo-fork\"><code>demo/fork</code></a>: 2 lines</p>",
            "2 lines, not 3</p>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let (_, end) = text.split_once("Last.").expect("the chapter's end");
        assert!(
            end.contains("<strong>1-1</strong> A. Two. One each."),
            "{end}"
        );
        assert!(!end.contains("Three"), "{end}");
    }

    #[test]
    fn a_question_with_another_number_of_right_choices_than_one_stops_the_build() {
        let none = QUESTION.replace("is = 2", "is = 4");
        assert_eq!(
            one(&format!("# One\n\n{none}")).expect_err("none is right"),
            "src/one.md:3: expected one choice to hold on the record of demo/fork, found none; \
             seen for \"Two\": 2 lines, not 4; \"Three <b>\": 2 lines, not 3"
        );
        let both = QUESTION.replace("is = 3", "at_least = 1");
        assert_eq!(
            one(&format!("# One\n\n{both}")).expect_err("both are right"),
            "src/one.md:3: expected one choice to hold on the record of demo/fork, found 2: \
             \"Two\", \"Three <b>\""
        );
    }

    #[test]
    fn what_is_wrong_in_a_question_is_told_with_its_own_line() {
        for (from, to, told) in [
            (
                "demo/fork",
                "demo/frok",
                "src/one.md:5: no run demo/frok; did you mean demo/fork?",
            ),
            (
                "says = \"Three",
                "say = \"Three",
                "src/one.md:11: unknown key `say`",
            ),
            ("is = 3", "are = 3", "src/one.md:12: unknown key `are`"),
            (
                "because = \"Not",
                "x = \"Not",
                "src/one.md:13: unknown key `x`",
            ),
        ] {
            let text = format!("# One\n\n{}", QUESTION.replace(from, to));
            let error = one(&text).expect_err("it is wrong");
            assert!(error.starts_with(told), "{told}: {error}");
        }
    }

    #[test]
    fn a_choice_that_nothing_speaks_for_shows_no_pattern() {
        let text = one(&QUESTION.replace("lines = 'id:', is = 3", "lines = 'id=', is = 3"));
        let text = text.expect("one is right");
        assert!(text.contains("</code>: nothing of the kind</p>"), "{text}");
        assert!(!text.contains("matches no line"), "{text}");
    }

    #[test]
    fn without_a_record_no_choice_is_right() {
        let text = one(&QUESTION.replace("demo/fork", "demo/new")).expect("nothing is wrong");
        assert_eq!(
            text.matches("Not known: demo/new has not been recorded yet.")
                .count(),
            3
        );
        assert!(!text.contains("✔") && !text.contains("✘"), "{text}");
    }
}
