//! The directives of a chapter as a lesson, taken apart.
//!
//! ```text
//! {{#lesson read=25 exercises=20 after=one.md,two.md}}
//! {{#minutes predict=5 fork-one-call-two-returns=7}}
//! {{#lessons}}
//! {{#plan two-days}}
//! ```

/// What a chapter says as a lesson, or asks for of what others say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LessonDirective {
    /// What a reader needs for the chapter.
    Line(LessonLine),
    /// The minutes to teach each of its sections, by their ids.
    Minutes(Vec<(String, u32)>),
    /// All chapters with their minutes.
    All,
    /// A plan, by its name in `course.toml`.
    Plan(String),
}

/// What a reader needs for a chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonLine {
    /// Minutes to read it.
    pub read: u32,
    /// Minutes for its exercises.
    pub exercises: u32,
    /// The chapters to read before, by their files.
    pub after: Vec<String>,
}

impl LessonDirective {
    /// `None`: it is malformed.
    pub(super) fn parse(name: &str, arguments: &str) -> Option<LessonDirective> {
        match name {
            "lesson" => line(arguments).map(LessonDirective::Line),
            "minutes" => {
                let sections = arguments.split_whitespace();
                let sections = sections.map(|word| {
                    let (section, minutes) = word.split_once('=')?;
                    Some((section.to_owned(), positive(minutes)?))
                });
                let sections: Vec<(String, u32)> = sections.collect::<Option<_>>()?;
                (!sections.is_empty()).then_some(LessonDirective::Minutes(sections))
            }
            "lessons" if arguments.is_empty() => Some(LessonDirective::All),
            "plan" if !arguments.is_empty() => Some(LessonDirective::Plan(arguments.to_owned())),
            _ => None,
        }
    }
}

fn line(arguments: &str) -> Option<LessonLine> {
    let (mut read, mut exercises, mut after) = (None, None, None);
    for word in arguments.split_whitespace() {
        let (key, value) = word.split_once('=')?;
        let known = match key {
            "read" => read.replace(positive(value)?).is_some(),
            "exercises" => exercises.replace(positive(value)?).is_some(),
            "after" => {
                let files: Vec<String> = value.split(',').map(str::to_owned).collect();
                after.replace(files).is_some()
            }
            _ => return None,
        };
        if known {
            return None;
        }
    }
    Some(LessonLine {
        read: read?,
        exercises: exercises.unwrap_or(0),
        after: after.unwrap_or_default(),
    })
}

fn positive(minutes: &str) -> Option<u32> {
    // A day's, at most.
    minutes
        .parse()
        .ok()
        .filter(|minutes| (1..=24 * 60).contains(minutes))
}
