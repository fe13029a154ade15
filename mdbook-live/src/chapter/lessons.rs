//! Each chapter as a lesson: its minutes, its sections. Known before any chapter is expanded,
//! since plans and the table of all name chapters that come later.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use mdbook_preprocessor::book::BookItem;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::directives::{self, Directive};
use super::lesson::{LessonDirective, LessonLine};
use super::markdown::options;
use crate::book::course::Course;
use crate::book::listing::Book;
use crate::text::words::expected;

/// The lessons of a book, and the plans that are made of them.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    /// In reading order: every chapter.
    pub(super) chapters: Vec<Lesson>,
    /// The minutes of exercises, by `LISTING/NAME`.
    pub(super) exercises: BTreeMap<String, u32>,
    pub(super) course: Course,
}

/// A chapter.
#[derive(Debug, Clone, Default)]
pub(super) struct Lesson {
    pub(super) title: String,
    /// Its file, from the folder of chapters.
    pub(super) file: PathBuf,
    /// What its author says that it takes, if anything.
    pub(super) line: Option<LessonLine>,
    pub(super) sections: Vec<Section>,
    /// Minutes for the exercises that its page has.
    graded: u32,
}

/// A section of a chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) id: String,
    pub(super) title: String,
    /// To teach it, where its author says so.
    pub(super) minutes: Option<u32>,
}

impl Lesson {
    /// By which a plan names it.
    pub(super) fn name(&self) -> String {
        self.file.with_extension("").display().to_string()
    }

    /// Minutes to teach it, where its author says so.
    pub(super) fn teach(&self) -> Option<u32> {
        let minutes = self.sections.iter().filter_map(|section| section.minutes);
        let sum: u32 = minutes.sum();
        (sum > 0).then_some(sum)
    }

    /// Minutes for its exercises.
    pub(super) fn exercises(&self) -> u32 {
        self.graded + self.line.as_ref().map_or(0, |line| line.exercises)
    }
}

impl Lessons {
    /// Reads every chapter. What is wrong in one is told where that is expanded.
    pub(super) fn of(
        items: &[BookItem],
        others_may_follow: bool,
        course: Course,
        book: &Book,
    ) -> Lessons {
        let exercises = book.exercises();
        let exercises = exercises.map(|found| (found.full_name(), found.exercise.minutes));
        let mut lessons = Lessons {
            course,
            exercises: exercises.collect(),
            ..Lessons::default()
        };
        lessons.collect(items, others_may_follow);
        lessons
    }

    fn collect(&mut self, items: &[BookItem], others_may_follow: bool) {
        for item in items {
            let BookItem::Chapter(chapter) = item else {
                continue;
            };
            if let Some(path) = &chapter.path {
                let mut lesson = Lesson {
                    title: chapter.name.clone(),
                    file: path.clone(),
                    ..Lesson::default()
                };
                for place in directives::find(&chapter.content, others_may_follow) {
                    match place.directive {
                        Ok(Directive::Lesson(LessonDirective::Line(line))) => {
                            lesson.line.get_or_insert(line);
                        }
                        Ok(Directive::Lesson(LessonDirective::Minutes(minutes))) => {
                            if lesson.sections.is_empty() {
                                lesson.sections = sections(&chapter.content);
                            }
                            for (id, minutes) in minutes {
                                let mut sections = lesson.sections.iter_mut();
                                if let Some(known) = sections.find(|known| known.id == id) {
                                    known.minutes = Some(minutes);
                                }
                            }
                        }
                        Ok(Directive::Exercise(name)) => {
                            lesson.graded += self.exercises.get(&name).copied().unwrap_or(0);
                        }
                        _ => {}
                    }
                }
                self.chapters.push(lesson);
            }
            self.collect(&chapter.sub_items, others_may_follow);
        }
    }

    /// The chapter of that name, with what its author says that it takes.
    pub(super) fn lesson(&self, name: &str) -> Result<(&Lesson, &LessonLine)> {
        let lessons = self.chapters.iter();
        let lessons = lessons.filter_map(|lesson| Some((lesson, lesson.line.as_ref()?)));
        let named = lessons.clone().find(|(lesson, _)| lesson.name() == name);
        named.ok_or_else(|| {
            let names: Vec<String> = lessons.map(|(lesson, _)| lesson.name()).collect();
            anyhow!(
                "no chapter {name} with {{{{#lesson …}}}}; {}",
                expected(name, &names)
            )
        })
    }
}

/// The headings of a chapter below its title, with the ids that mdBook gives them.
pub(super) fn sections(markdown: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut ids = HashSet::new();
    let mut open: Option<(Option<String>, String)> = None;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::Heading { id, .. }) => {
                open = Some((id.map(|id| id.to_string()), String::new()));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, title)) = &mut open {
                    title.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(level)) => {
                let Some((id, title)) = open.take() else {
                    continue;
                };
                let base = id.unwrap_or_else(|| id_of(&title));
                let mut id = base.clone();
                let mut count = 0;
                while !ids.insert(id.clone()) {
                    count += 1;
                    id = format!("{base}-{count}");
                }
                if level != pulldown_cmark::HeadingLevel::H1 {
                    let minutes = None;
                    sections.push(Section { id, title, minutes });
                }
            }
            _ => {}
        }
    }
    sections
}

/// The id that mdBook makes of a heading.
fn id_of(title: &str) -> String {
    let letters = title.trim().to_lowercase();
    let letters = letters.chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use mdbook_preprocessor::book::Chapter;

    use super::*;

    fn ids(markdown: &str) -> Vec<(String, String)> {
        let sections = sections(markdown).into_iter();
        sections
            .map(|section| (section.id, section.title))
            .collect()
    }

    #[test]
    fn sections_have_the_ids_that_mdbook_gives_them() {
        let pair = |id: &str, title: &str| (id.to_owned(), title.to_owned());
        assert_eq!(
            ids(
                "# Title\n\n## Fork: one `call`\n\n### Again\n\n## Again\n\n## Named {#here}\n\n```\n## No\n```\n"
            ),
            [
                pair("fork-one-call", "Fork: one call"),
                pair("again", "Again"),
                pair("again-1", "Again"),
                pair("here", "Named"),
            ]
        );
    }

    #[test]
    fn a_chapter_takes_as_long_to_teach_as_its_sections() {
        let text = "# A\n\n{{#lesson read=10 exercises=5}}\n\n## One\n\n## Two\n\n{{#minutes one=3 two=4}}\n";
        let chapter = Chapter::new("A", text.to_owned(), "part/a.md", Vec::new());
        let dir = crate::fixture_book::book();
        let book = Book::open(dir.path()).unwrap();
        let items = [BookItem::Chapter(chapter)];
        let lessons = Lessons::of(&items, false, Course::default(), &book);
        let (lesson, line) = lessons.lesson("part/a").expect("it is there");
        assert_eq!(lesson.teach(), Some(7));
        assert_eq!((line.read, lesson.exercises()), (10, 5));
        let error = lessons.lesson("a").expect_err("not by that name");
        assert!(error.to_string().contains("expected part/a"), "{error}");
    }
}
