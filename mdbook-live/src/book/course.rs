//! The plans by which a book is taught: `course.toml` in the folder of its chapters.

use std::path::Path;

use anyhow::{Context, Result, bail};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::book::source;

/// The file, in the folder of the chapters.
pub const COURSE_TOML: &str = "course.toml";

/// The plans of a book.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// The file from the book's root, for errors.
    pub file: String,
    /// In the order of the file.
    pub plans: Vec<Plan>,
}

/// A course, by the clock.
#[derive(Debug, Clone)]
pub struct Plan {
    /// By which a chapter asks for it.
    pub name: String,
    /// Minutes after which there has to be a break.
    pub break_after: u32,
    /// At least one.
    pub sessions: Vec<Session>,
}

/// What is between a beginning and an end: a morning, a day, a week's class.
#[derive(Debug, Clone)]
pub struct Session {
    /// "The first day"; empty where it needs none.
    pub title: String,
    /// Its line in the file.
    pub line: usize,
    /// Minutes after midnight.
    pub starts: u32,
    /// Minutes that there are.
    pub length: u32,
    /// In their order, at least one.
    pub items: Vec<Item>,
    /// What the class does until the next session.
    pub homework: Vec<Item>,
}

/// A part of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its line in the file.
    pub line: usize,
    /// What is done.
    pub what: What,
}

/// What is done in a part of a session. A chapter is named by its file, without `.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A chapter, or some of its sections by their ids.
    Teach {
        /// The chapter.
        chapter: String,
        /// None: all of them.
        sections: Vec<String>,
    },
    /// A chapter is read.
    Read(String),
    /// All exercises of a chapter.
    Exercises(String),
    /// One exercise, `LISTING/NAME`.
    Exercise(String),
    /// Something that is in no chapter.
    Activity {
        /// What it is called.
        called: String,
        /// How long it takes.
        minutes: u32,
    },
    /// Nothing.
    Break {
        /// What it is called: "Lunch".
        called: String,
        /// How long it takes.
        minutes: u32,
    },
}

/// The plans of a course.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CourseToml {
    /// The plans.
    plan: Vec<PlanToml>,
}

/// A course, by the clock.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct PlanToml {
    /// By which `{{#plan NAME}}` asks for it.
    #[cfg_attr(test, schemars(with = "String"))]
    name: Spanned<String>,
    /// The longest time without a break.
    #[serde(default = "ninety_minutes")]
    #[cfg_attr(test, schemars(with = "String"))]
    break_after: Minutes,
    /// Its sessions: what is between a beginning and an end, as a morning, a day or a week's
    /// class.
    #[cfg_attr(test, schemars(with = "Vec<SessionToml>"))]
    session: Vec<Spanned<SessionToml>>,
}

/// What is between a beginning and an end.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct SessionToml {
    /// What stands above it: "The first day".
    #[serde(default)]
    title: String,
    /// When it begins: `"09:00"`.
    #[cfg_attr(test, schemars(with = "String"))]
    starts: Clock,
    /// How long it is at most: `"90min"`, `"7h 30min"`.
    #[cfg_attr(test, schemars(with = "String"))]
    length: Minutes,
    /// Its parts, in their order.
    #[cfg_attr(test, schemars(with = "Vec<ItemToml>"))]
    items: Vec<Spanned<ItemToml>>,
    /// What the class does until the next session.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<ItemToml>"))]
    homework: Vec<Spanned<ItemToml>>,
}

/// A part of a session: exactly one of `teach`, `read`, `exercises`, `exercise`, `activity` and
/// `break`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct ItemToml {
    /// The class is taught a chapter, as long as its `minutes` say:
    /// `{ teach = "start-methods" }`.
    teach: Option<String>,
    /// Beside `teach`: these sections alone, by the ids of their headings.
    #[serde(default)]
    sections: Vec<String>,
    /// The class reads a chapter: the minutes to read of its `lesson`.
    read: Option<String>,
    /// The class does all exercises of a chapter.
    exercises: Option<String>,
    /// It does one exercise, `"LISTING/NAME"`.
    exercise: Option<String>,
    /// Something that is in no chapter: `{ activity = "Set up", minutes = 15 }`.
    activity: Option<String>,
    /// Beside `activity`: how long it takes.
    minutes: Option<u32>,
    /// A break of so many minutes.
    #[serde(rename = "break")]
    pause: Option<u32>,
    /// Beside `break`: what it is called, such as "Lunch"; without it, "Break".
    called: Option<String>,
}

/// A time of the day, in minutes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Clock(u32);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Clock, String> {
        let time = text.split_once(':').and_then(|(hours, minutes)| {
            let two_digits = hours.len() <= 2 && minutes.len() == 2;
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            (two_digits && hours < 24 && minutes < 60).then_some(Clock(hours * 60 + minutes))
        });
        time.ok_or_else(|| format!("expected a time of the day such as \"09:00\", found `{text}`"))
    }
}

/// A length of time, in minutes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Minutes(u32);

impl TryFrom<String> for Minutes {
    type Error = String;

    fn try_from(text: String) -> Result<Minutes, String> {
        let seconds = humantime::parse_duration(&text).map_or(0, |time| time.as_secs());
        match u32::try_from(seconds / 60) {
            Ok(minutes) if is_of_a_day(minutes) && seconds.is_multiple_of(60) => {
                Ok(Minutes(minutes))
            }
            _ => Err(format!(
                "expected minutes such as \"90min\" or \"7h 30min\", found `{text}`"
            )),
        }
    }
}

/// As an author would write it.
#[cfg(test)]
impl serde::Serialize for Minutes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}min", self.0))
    }
}

/// Whether it is a minute or more, and a day or less.
fn is_of_a_day(minutes: u32) -> bool {
    (1..=24 * 60).contains(&minutes)
}

fn ninety_minutes() -> Minutes {
    Minutes(90)
}

impl Course {
    /// Reads `course.toml` in the folder `chapters` of the book in `root`, if it is there.
    ///
    /// # Errors
    ///
    /// One line that names the file, the line and what is expected.
    pub fn open(root: &Path, chapters: &Path) -> Result<Course> {
        let file = chapters.join(COURSE_TOML);
        let path = root.join(&file);
        if !path.is_file() {
            return Ok(Course::default());
        }
        let file = file.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
        Course::parse(&file, &text)
    }

    pub(crate) fn parse(file: &str, text: &str) -> Result<Course> {
        let course: CourseToml = source::parse(file, text)?;
        let mut plans: Vec<Plan> = Vec::new();
        for plan in course.plan {
            let line = source::line_of(text, plan.name.span().start);
            let name = plan.name.into_inner();
            if plans.iter().any(|known| known.name == name) {
                bail!("{file}:{line}: two plans are named {name}; expected another name");
            }
            if plan.session.is_empty() {
                bail!("{file}:{line}: expected at least one [[plan.session]]");
            }
            let mut sessions = Vec::new();
            for session in plan.session {
                let line = source::line_of(text, session.span().start);
                let session = session.into_inner();
                let items = items(file, text, session.items)?;
                let homework = items_of_homework(file, text, session.homework)?;
                if items.is_empty() {
                    bail!("{file}:{line}: items: expected at least one");
                }
                sessions.push(Session {
                    title: session.title,
                    line,
                    starts: session.starts.0,
                    length: session.length.0,
                    items,
                    homework,
                });
            }
            plans.push(Plan {
                name,
                break_after: plan.break_after.0,
                sessions,
            });
        }
        Ok(Course {
            file: file.to_owned(),
            plans,
        })
    }
}

fn items(file: &str, text: &str, items: Vec<Spanned<ItemToml>>) -> Result<Vec<Item>> {
    let items = items.into_iter().map(|item| {
        let line = source::line_of(text, item.span().start);
        match item.into_inner().what() {
            Ok(what) => Ok(Item { line, what }),
            Err(problem) => bail!("{file}:{line}: {problem}"),
        }
    });
    items.collect()
}

fn items_of_homework(file: &str, text: &str, given: Vec<Spanned<ItemToml>>) -> Result<Vec<Item>> {
    let items = items(file, text, given)?;
    let is_break = |item: &&Item| matches!(item.what, What::Break { .. });
    if let Some(item) = items.iter().find(is_break) {
        bail!("{file}:{}: homework: expected no break", item.line);
    }
    Ok(items)
}

impl ItemToml {
    fn what(self) -> Result<What, String> {
        let minutes = self.minutes;
        let of_activity = |called| match minutes {
            Some(minutes) if is_of_a_day(minutes) => Ok(What::Activity { called, minutes }),
            _ => Err("activity: expected its `minutes`, 1 to 1440".to_owned()),
        };
        let of_break = |minutes| match minutes {
            minutes if is_of_a_day(minutes) => Ok(What::Break {
                called: self.called.clone().unwrap_or_else(|| "Break".to_owned()),
                minutes,
            }),
            _ => Err("break: expected 1 to 1440 minutes".to_owned()),
        };
        let (teaches, pauses) = (self.teach.is_some(), self.pause.is_some());
        let acts = self.activity.is_some();
        let teach = self.teach.map(|chapter| {
            Ok(What::Teach {
                chapter,
                sections: self.sections.clone(),
            })
        });
        let kinds = [
            teach,
            self.read.map(|chapter| Ok(What::Read(chapter))),
            self.exercises.map(|chapter| Ok(What::Exercises(chapter))),
            self.exercise.map(|name| Ok(What::Exercise(name))),
            self.activity.map(of_activity),
            self.pause.map(of_break),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let (Some(what), None) = (kinds.next(), kinds.next()) else {
            return Err(
                "expected one of teach, read, exercises, exercise, activity, break".to_owned(),
            );
        };
        if !self.sections.is_empty() && !teaches {
            return Err("expected `sections` only beside `teach`".to_owned());
        }
        if minutes.is_some() && !acts {
            return Err("expected `minutes` only beside `activity`".to_owned());
        }
        if self.called.is_some() && !pauses {
            return Err("expected `called` only beside `break`".to_owned());
        }
        what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(items: &str) -> String {
        format!(
            "[[plan]]\nname = 'day'\n[[plan.session]]\nstarts = '09:05'\nlength = '1h 30min'\nitems = [\n{items}\n]\n"
        )
    }

    fn error(text: &str) -> String {
        let error = Course::parse("src/course.toml", text).expect_err("it is wrong");
        let error = format!("{error:#}");
        assert!(!error.contains('\n'), "{error}");
        let rest = error.strip_prefix("src/course.toml:");
        rest.expect("the file is named").to_owned()
    }

    #[test]
    fn a_plan_has_sessions_of_items() {
        let text = plan(
            "{ teach = 'one', sections = ['a', 'b'] },\n{ break = 15 },\n{ break = 60, called = 'Lunch' },\n\
             { exercises = 'one' }, { exercise = 'demo/x' }, { read = 'one' },\n{ activity = 'Set up', minutes = 10 }",
        );
        let course = Course::parse("c", &text).expect("it is right");
        let session = &course.plans[0].sessions[0];
        assert_eq!((session.starts, session.length), (545, 90));
        assert_eq!(course.plans[0].break_after, 90);
        let lines: Vec<usize> = session.items.iter().map(|item| item.line).collect();
        assert_eq!(lines, [7, 8, 9, 10, 10, 10, 11]);
        let called = |called: &str, minutes| What::Break {
            called: called.to_owned(),
            minutes,
        };
        assert_eq!(session.items[1].what, called("Break", 15));
        assert_eq!(session.items[2].what, called("Lunch", 60));
    }

    #[test]
    fn what_is_wrong_in_a_plan_is_told_with_its_line() {
        for (items, told) in [
            ("{ teach = 'a', read = 'b' }", "expected one of teach, read"),
            ("{ sections = ['a'] }", "expected one of teach, read"),
            ("{ read = 'a', sections = ['b'] }", "`sections` only beside"),
            ("{ read = 'a', minutes = 5 }", "`minutes` only beside"),
            ("{ activity = 'a' }", "activity: expected its `minutes`"),
            (
                "{ activity = 'a', minutes = 5, called = 'x' }",
                "`called` only",
            ),
            ("{ break = 0 }", "break: expected 1 to 1440 minutes"),
            (
                "{ activity = 'a', minutes = 4294967295 }",
                "activity: expected its `minutes`",
            ),
            (
                "{ teech = 'a' }",
                "unknown key `teech`; did you mean teach?",
            ),
        ] {
            let error = error(&plan(items));
            assert!(error.starts_with("7: "), "{items}: {error}");
            assert!(error.contains(told), "{items}: {error}");
        }
        let right = plan("{ break = 5 }");
        for (from, to, told) in [
            (
                "'09:05'",
                "'9'",
                "4: starts: expected a time of the day such as \"09:00\", found `9`",
            ),
            (
                "'09:05'",
                "'24:00'",
                "4: starts: expected a time of the day such as \"09:00\", found `24:00`",
            ),
            (
                "'1h 30min'",
                "'90s'",
                "5: length: expected minutes such as \"90min\" or \"7h 30min\", found `90s`",
            ),
            (
                "items = [\n{ break = 5 }\n]",
                "items = []",
                "3: items: expected at least one",
            ),
            (
                "5 }\n]\n",
                "5 }\n]\nhomework = [{ break = 5 }]\n",
                "9: homework: expected no break",
            ),
        ] {
            assert_eq!(error(&right.replace(from, to)), told);
        }
        let twice = right.clone() + &right;
        assert_eq!(
            error(&twice),
            "10: two plans are named day; expected another name"
        );
    }

    #[test]
    fn the_references_example_is_right() {
        let reference = include_str!("../../guide/src/reference.md");
        let mut examples = reference.split("```toml\n").skip(1);
        let plan = examples.find(|example| example.starts_with("[[plan]]"));
        let plan = plan.and_then(|example| example.split("```").next());
        let course = Course::parse("course.toml", plan.expect("an example"));
        assert_eq!(course.expect("it is right").plans[0].name, "half-a-day");
    }

    #[test]
    fn a_book_without_plans_has_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let course = Course::open(dir.path(), Path::new("src")).expect("nothing is wrong");
        assert!(course.plans.is_empty());
    }
}
