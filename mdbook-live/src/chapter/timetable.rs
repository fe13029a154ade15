//! A plan by the clock: what each part of it takes, from the chapters; whether it is longer than
//! it may be, or has no break for too long.

use anyhow::{Result, anyhow, bail, ensure};

use super::lessons::{Lesson, Lessons, Section};
use crate::book::course::{Item, Plan, Session, What};
use crate::page::lesson::{Kind, PlanRow, SessionView};
use crate::text::words::expected;

/// The sessions of a plan; `up` leads from the page that shows it to the folder of chapters.
///
/// # Errors
///
/// One line with the place in the file, what is expected and what was found.
pub(super) fn of(plan: &Plan, lessons: &Lessons, up: &str) -> Result<Vec<SessionView>> {
    let sessions = plan.sessions.iter().map(|session| {
        let row = |item: &Item| row(item, lessons, up);
        let rows: Vec<PlanRow> = session.items.iter().map(row).collect::<Result<_>>()?;
        let homework = session.homework.iter().map(row).collect::<Result<_>>()?;
        bounded(plan, session, &rows, &lessons.course.file)?;
        Ok(SessionView {
            title: session.title.clone(),
            hours: (session.starts, session.starts + session.length),
            rows,
            homework,
        })
    });
    sessions.collect()
}

/// What is wrong with the plans of a book, shown or not: a sentence each.
pub(super) fn problems(lessons: &Lessons) -> Vec<String> {
    let plans = lessons.course.plans.iter();
    let wrong = plans.filter_map(|plan| of(plan, lessons, "").err());
    wrong.map(|error| format!("{error:#}")).collect()
}

/// Refuses a session that is longer than it may be, or works too long without a break.
fn bounded(plan: &Plan, session: &Session, rows: &[PlanRow], file: &str) -> Result<()> {
    let all: u32 = rows.iter().map(|row| row.minutes).sum();
    ensure!(
        all <= session.length,
        "{file}:{}: plan {}: expected {} minutes at most, found {all}",
        session.line,
        plan.name,
        session.length
    );
    ensure!(
        session.starts + session.length <= 24 * 60,
        "{file}:{}: plan {}: expected a session that ends on its day",
        session.line,
        plan.name
    );
    let mut without_break = 0;
    for (item, row) in session.items.iter().zip(rows) {
        without_break = match row.kind {
            Kind::Break => 0,
            Kind::Class | Kind::Exercises => without_break + row.minutes,
        };
        ensure!(
            without_break <= plan.break_after,
            "{file}:{}: plan {}: expected a break after {} minutes at most, found {without_break} \
             without one",
            item.line,
            plan.name,
            plan.break_after
        );
    }
    Ok(())
}

fn row(item: &Item, lessons: &Lessons, up: &str) -> Result<PlanRow> {
    found(&item.what, lessons, up)
        .map_err(|error| anyhow!("{}:{}: {error:#}", lessons.course.file, item.line))
}

fn found(what: &What, lessons: &Lessons, up: &str) -> Result<PlanRow> {
    let link = |lesson: &Lesson| format!("[{}]({up}{})", lesson.title, lesson.file.display());
    let (what, kind, minutes) = match what {
        What::Teach { chapter, sections } => {
            let (lesson, _) = lessons.lesson(chapter)?;
            let Some(all) = lesson.teach() else {
                bail!("{chapter} does not say what its sections take; expected {{{{#minutes …}}}}");
            };
            if sections.is_empty() {
                (link(lesson), Kind::Class, all)
            } else {
                let of_lesson = of_sections(lesson, sections, up)?;
                (
                    format!("{}: {}", link(lesson), of_lesson.0),
                    Kind::Class,
                    of_lesson.1,
                )
            }
        }
        What::Read(chapter) => {
            let (lesson, line) = lessons.lesson(chapter)?;
            (format!("Read {}", link(lesson)), Kind::Class, line.read)
        }
        What::Exercises(chapter) => {
            let (lesson, _) = lessons.lesson(chapter)?;
            let minutes = lesson.exercises();
            ensure!(
                minutes > 0,
                "{chapter} does not say what its exercises take; expected `exercises=MINUTES` in \
                 its {{{{#lesson …}}}}"
            );
            let what = format!("The exercises of {}", link(lesson));
            (what, Kind::Exercises, minutes)
        }
        What::Exercise(name) => {
            let Some(minutes) = lessons.exercises.get(name) else {
                let names: Vec<&String> = lessons.exercises.keys().collect();
                bail!("no exercise {name}; {}", expected(name, &names));
            };
            (format!("Exercise `{name}`"), Kind::Exercises, *minutes)
        }
        What::Activity { called, minutes } => (called.clone(), Kind::Class, *minutes),
        What::Break { called, minutes } => (called.clone(), Kind::Break, *minutes),
    };
    Ok(PlanRow {
        what,
        kind,
        minutes,
    })
}

/// The sections of a chapter that a plan names, as links, and what they take.
fn of_sections(lesson: &Lesson, names: &[String], up: &str) -> Result<(String, u32)> {
    let taught = |section: &&Section| section.minutes.is_some();
    let mut links = Vec::new();
    let mut all = 0;
    for name in names {
        let mut sections = lesson.sections.iter().filter(taught);
        let Some(section) = sections.find(|section| section.id == *name) else {
            let taught = lesson.sections.iter().filter(taught);
            let ids: Vec<&String> = taught.map(|section| &section.id).collect();
            bail!(
                "no section {name} of {} with minutes; {}",
                lesson.name(),
                expected(name, &ids)
            );
        };
        let title = &section.title;
        links.push(format!("[{title}]({up}{}#{name})", lesson.file.display()));
        all += section.minutes.unwrap_or(0);
    }
    Ok((links.join(", "), all))
}
