//! The directives by which a book is taught become Markdown.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::expand::Expander;
use super::lesson::{LessonDirective, LessonLine};
use super::lessons::Lesson;
use super::timetable;
use crate::page::lesson::{self as shown, LessonRow, LessonView};
use crate::text::paths::normal;
use crate::text::words::expected;

impl Expander<'_> {
    /// What a directive becomes on the page `here`.
    pub(super) fn expand_lesson(&self, directive: &LessonDirective, here: &Path) -> Result<String> {
        let up = "../".repeat(here.components().count().saturating_sub(1));
        match directive {
            LessonDirective::Line(line) => self.lesson_line(line, here, &up),
            LessonDirective::Minutes(minutes) => self.lesson_minutes(minutes, here),
            LessonDirective::All => {
                let with_a_line = self
                    .lessons
                    .chapters
                    .iter()
                    .filter(|lesson| lesson.line.is_some());
                let rows: Vec<LessonRow> = with_a_line
                    .map(|lesson| LessonRow {
                        title: lesson.title.clone(),
                        href: format!("{up}{}", lesson.file.display()),
                        read: lesson.line.as_ref().map_or(0, |line| line.read),
                        teach: lesson.teach(),
                        exercises: lesson.exercises(),
                    })
                    .collect();
                if rows.is_empty() {
                    bail!("no chapter is a lesson; expected {{{{#lesson read=MINUTES}}}} in one");
                }
                Ok(shown::table(&rows))
            }
            LessonDirective::Plan(name) => {
                let plans = &self.lessons.course.plans;
                let Some(plan) = plans.iter().find(|plan| plan.name == *name) else {
                    let names: Vec<&String> = plans.iter().map(|plan| &plan.name).collect();
                    bail!("no plan {name}; {}", expected(name, &names));
                };
                // What is wrong with a plan is told with all that is wrong with plans.
                let sessions = timetable::of(plan, &self.lessons, &up).unwrap_or_default();
                Ok(shown::plan(&sessions))
            }
        }
    }

    fn lesson_line(&self, line: &LessonLine, here: &Path, up: &str) -> Result<String> {
        let lesson = self.of_page(here)?;
        if lesson.line.as_ref() != Some(line) {
            bail!("expected one {{{{#lesson …}}}} in a chapter, found a second");
        }
        let folder = lesson.file.parent().unwrap_or(Path::new(""));
        let after = line.after.iter().map(|file| {
            let path = normal(&folder.join(file));
            let known = self
                .lessons
                .chapters
                .iter()
                .find(|known| known.file == path);
            let known = known.ok_or_else(|| {
                let files = self
                    .lessons
                    .chapters
                    .iter()
                    .map(|known| known.file.display());
                let files: Vec<String> = files.map(|file| file.to_string()).collect();
                anyhow!("after: no chapter {file}; {}", expected(file, &files))
            })?;
            let href = format!("{up}{}", known.file.display());
            Ok((known.title.clone(), href))
        });
        Ok(shown::line(&LessonView {
            read: line.read,
            teach: lesson.teach(),
            exercises: lesson.exercises(),
            after: after.collect::<Result<_>>()?,
        }))
    }

    fn lesson_minutes(&self, minutes: &[(String, u32)], here: &Path) -> Result<String> {
        let lesson = self.of_page(here)?;
        let mut seen = HashSet::new();
        let sections = minutes.iter().map(|(id, minutes)| {
            let section = lesson.sections.iter().find(|section| section.id == *id);
            let section = section.ok_or_else(|| {
                let ids: Vec<&String> = lesson.sections.iter().map(|known| &known.id).collect();
                anyhow!("no section {id}; {}", expected(id, &ids))
            })?;
            if !seen.insert(id) || section.minutes != Some(*minutes) {
                bail!("the section {id} has its minutes twice");
            }
            Ok((section.title.clone(), id.clone(), *minutes))
        });
        Ok(shown::minutes(&sections.collect::<Result<Vec<_>>>()?))
    }

    fn of_page(&self, here: &Path) -> Result<&Lesson> {
        let mut chapters = self.lessons.chapters.iter();
        let lesson = chapters.find(|lesson| self.form.page_of(&lesson.file) == here);
        lesson.context("expected a chapter with a file")
    }
}

#[cfg(test)]
mod tests {
    use crate::chapter::preprocessor::tests::expand;
    use crate::fixture_book::{book, write};

    const ONE: &str = "# One\n\n{{#lesson read=10 exercises=5 after=two.md,./half.md}}\n\n\
                       ## A part\n\n## Another\n\n{{#minutes a-part=30 another=45}}\n";

    const COURSE: &str = "[[plan]]\nname = 'morning'\n[[plan.session]]\nstarts = '09:00'\n\
                          length = '2h'\nitems = [\n{ teach = 'one', sections = ['another'] },\n\
                          { break = 15 },\n{ exercises = 'one' },\n]\nhomework = [{ read = 'one' }]\n";

    /// The chapter `two.md`, where `one.md` is a lesson.
    fn two(text: &str, course: &str) -> Result<String, String> {
        let dir = book();
        write(dir.path(), "src/one.md", ONE);
        write(dir.path(), "src/two.md", text);
        write(dir.path(), "src/course.toml", course);
        let chapters = expand(dir.path()).map_err(|error| error.to_string());
        Ok(chapters?.remove("two.md").expect("it is there"))
    }

    fn error(text: &str, course: &str) -> String {
        two(text, course).expect_err("it is wrong")
    }

    #[test]
    fn a_lesson_says_what_it_takes_and_what_comes_before() {
        let dir = book();
        write(dir.path(), "src/one.md", ONE);
        let text = expand(dir.path()).expect("it is right").remove("one.md");
        let text = text.expect("it is there");
        for part in [
            "10 minutes to read, 75 to teach, 5 for the exercises. Read [Two](two.md) and \
             [Two and a half](half.md) first.",
            "**Minutes** to teach: [A part](#a-part) 30, [Another](#another) 45; 75 in all.",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn the_table_of_lessons_adds_them_up() {
        let text = two("# Two\n\n{{#lesson read=7}}\n\n{{#lessons}}\n", COURSE).expect("right");
        for row in [
            "| [One](one.md) | 10 | 75 | 5 |\n",
            "| [Two](two.md) | 7 |  |  |\n",
            "| **All, in minutes** | **17** | **75** | **5** |\n",
        ] {
            assert!(text.contains(row), "{row} is not in {text}");
        }
    }

    #[test]
    fn a_chapter_s_exercises_take_what_their_listing_says() {
        let dir = book();
        let runs = "[[run]]\nname = 'fork'\n[[run.claim]]\nsays = 'One'\nhint = 'Look.'\n\
                    count = { lines = 'x', is = 1 }\n\
                    [[exercise]]\nname = 'fork'\ntitle = 'T'\nlevel = 1\nminutes = 12\n";
        write(dir.path(), "listings/demo/runs.toml", runs);
        write(dir.path(), "listings/demo/examples/exercise_fork.rs", "");
        let text = "# One\n\n{{#lesson read=10 exercises=5}}\n\n{{#exercise demo/fork}}\n";
        write(dir.path(), "src/one.md", text);
        let text = expand(dir.path()).expect("it is right").remove("one.md");
        let text = text.expect("it is there");
        assert!(text.contains("17 for the exercises"), "{text}");
        assert!(text.contains("### 1. T"), "{text}");
    }

    #[test]
    fn a_plan_has_the_clock_and_its_sums() {
        let text = two("# Two\n\n{{#plan morning}}\n", COURSE).expect("it is right");
        for part in [
            "**09:00 to 11:00**\n",
            "| 09:00 | [One](one.md): [Another](one.md#another) | 45 | 45 | 75 |\n\
             | 09:45 | *Break* | 15 | 60 | 60 |\n\
             | 10:00 | The exercises of [One](one.md) | 5 | 65 | 55 |\n\
             | 10:05 | *End* | | | |\n",
            "Minutes: 45 of class, 5 of exercises, 15 of breaks; 65 in all, 55 left.\n",
            "At home, 10 minutes: Read [One](one.md).",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_plan_that_cannot_be_kept_is_told_whether_it_is_shown_or_not() {
        for (from, to, told) in [
            (
                "'2h'",
                "'1h'",
                "src/course.toml:3: plan morning: expected 60 minutes at most, found 65",
            ),
            (
                "{ break = 15 }",
                "{ teach = 'one', sections = ['another', 'a-part'] }",
                "src/course.toml:3: plan morning: expected 120 minutes at most, found 125",
            ),
            (
                "{ break = 15 },",
                "{ activity = 'Talk', minutes = 46 },",
                "src/course.toml:8: plan morning: expected a break after 90 minutes at most, \
                 found 91 without one",
            ),
            (
                "'09:00'",
                "'22:30'",
                "src/course.toml:3: plan morning: expected a session that ends on its day",
            ),
            (
                "exercises = 'one'",
                "exercises = 'two'",
                "src/course.toml:9: no chapter two with {{#lesson …}}; expected one",
            ),
            (
                "'another'",
                "'an-other'",
                "src/course.toml:7: no section an-other of one with minutes; did you mean \
                 another? expected a-part, another",
            ),
            (
                "exercises = 'one'",
                "exercise = 'demo/x'",
                "src/course.toml:9: no exercise demo/x; there is none",
            ),
        ] {
            let course = COURSE.replace(from, to);
            assert_eq!(error("# Two\n\n{{#plan morning}}\n", &course), told);
            assert_eq!(error("# Two\n", &course), told);
        }
    }

    #[test]
    fn names_that_there_are_not_are_told_with_what_there_is() {
        for (text, told) in [
            (
                "{{#plan evening}}",
                "src/two.md:1: no plan evening; expected morning",
            ),
            (
                "{{#lesson read=1 after=on.md}}",
                "src/two.md:1: after: no chapter on.md; did you mean one.md? expected \
                 foreword.md, one.md, two.md, half.md",
            ),
            (
                "## A b\n\n{{#minutes b=1}}",
                "src/two.md:3: no section b; expected a-b",
            ),
            (
                "## A\n\n{{#minutes a=1 a=1}}",
                "src/two.md:3: the section a has its minutes twice",
            ),
            (
                "{{#lesson read=1}}\n\n{{#lesson read=2}}",
                "src/two.md:3: expected one {{#lesson …}} in a chapter, found a second",
            ),
        ] {
            assert_eq!(error(text, COURSE), told);
        }
    }
}
