//! What a chapter takes, and what a course takes: sentences and tables, as Markdown that every
//! renderer understands.

use crate::text::words::counted;

/// What a reader needs for a chapter.
#[derive(Debug, Clone)]
pub struct LessonView {
    /// Minutes to read it.
    pub read: u32,
    /// Minutes to teach it, where its author says so.
    pub teach: Option<u32>,
    /// Minutes for its exercises; 0 where there is none.
    pub exercises: u32,
    /// The chapters to read before: title and link.
    pub after: Vec<(String, String)>,
}

/// "25 minutes to read, 40 to teach, 20 for the exercises. Read [One](one.md) first."
pub fn line(view: &LessonView) -> String {
    let mut text = format!("{} to read", counted(view.read as usize, "minute"));
    if let Some(teach) = view.teach {
        text += &format!(", {teach} to teach");
    }
    if view.exercises > 0 {
        text += &format!(", {} for the exercises", view.exercises);
    }
    text += ".";
    let links: Vec<String> = view
        .after
        .iter()
        .map(|(title, href)| format!("[{title}]({href})"))
        .collect();
    match &links[..] {
        [] => {}
        [one] => text += &format!(" Read {one} first."),
        [earlier @ .., last] => {
            text += &format!(" Read {} and {last} first.", earlier.join(", "));
        }
    }
    text
}

/// The minutes of sections: title, id and minutes of each.
pub fn minutes(sections: &[(String, String, u32)]) -> String {
    let all: u32 = sections.iter().map(|(_, _, minutes)| minutes).sum();
    let sections: Vec<String> = sections
        .iter()
        .map(|(title, id, minutes)| format!("[{title}](#{id}) {minutes}"))
        .collect();
    format!(
        "**Minutes** to teach: {}; {all} in all.",
        sections.join(", ")
    )
}

/// A chapter in the table of all.
#[derive(Debug, Clone)]
pub struct LessonRow {
    /// Its title.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Minutes to read it.
    pub read: u32,
    /// Minutes to teach it.
    pub teach: Option<u32>,
    /// Minutes for its exercises.
    pub exercises: u32,
}

/// All chapters, with their sums.
pub fn table(rows: &[LessonRow]) -> String {
    let mut text =
        "| Chapter | To read | To teach | Exercises |\n| --- | ---: | ---: | ---: |\n".to_owned();
    let shown = |minutes: u32| match minutes {
        0 => String::new(),
        minutes => minutes.to_string(),
    };
    for row in rows {
        text += &format!(
            "| [{}]({}) | {} | {} | {} |\n",
            cell(&row.title),
            row.href,
            row.read,
            shown(row.teach.unwrap_or(0)),
            shown(row.exercises)
        );
    }
    let sum = |minutes: fn(&LessonRow) -> u32| rows.iter().map(minutes).sum::<u32>();
    text + &format!(
        "| **All, in minutes** | **{}** | **{}** | **{}** |\n",
        sum(|row| row.read),
        sum(|row| row.teach.unwrap_or(0)),
        sum(|row| row.exercises)
    )
}

/// A session of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// What stands above it; may be empty.
    pub title: String,
    /// When it begins and when it has to end, in minutes after midnight.
    pub hours: (u32, u32),
    /// Its parts.
    pub rows: Vec<PlanRow>,
    /// What the class does until the next one.
    pub homework: Vec<PlanRow>,
}

/// A part of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// What is done, as Markdown.
    pub what: String,
    /// What it counts as.
    pub kind: Kind,
    /// How long it takes.
    pub minutes: u32,
}

/// What the minutes of a session are spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chapters, taught or read, and what else the class does together.
    Class,
    /// Exercises.
    Exercises,
    /// Nothing.
    Break,
}

fn sum(rows: &[PlanRow], kind: Option<Kind>) -> u32 {
    let counts = |row: &&PlanRow| kind.is_none_or(|kind| row.kind == kind);
    rows.iter().filter(counts).map(|row| row.minutes).sum()
}

/// A plan: a table for each session, and the sums.
pub fn plan(sessions: &[SessionView]) -> String {
    let mut text = String::from("<div class=\"plan\">\n\n");
    for session in sessions {
        let (starts, ends) = session.hours;
        let hours = format!("{} to {}", clock(starts), clock(ends));
        if session.title.is_empty() {
            text += &format!("**{hours}**\n\n");
        } else {
            text += &format!("**{}**, {hours}\n\n", session.title);
        }
        text += "| At | What | Minutes | So far | Left |\n| ---: | --- | ---: | ---: | ---: |\n";
        let mut passed = 0;
        for row in &session.rows {
            let at = clock(starts + passed);
            passed += row.minutes;
            let what = match row.kind {
                Kind::Break => format!("*{}*", cell(&row.what)),
                Kind::Class | Kind::Exercises => cell(&row.what),
            };
            let left = ends - starts - passed;
            text += &format!("| {at} | {what} | {} | {passed} | {left} |\n", row.minutes);
        }
        text += &format!("| {} | *End* | | | |\n\n", clock(starts + passed));
        text += &format!("{}\n\n", sums(&session.rows, ends - starts - passed));
        if !session.homework.is_empty() {
            let tasks: Vec<&str> = session.homework.iter().map(|row| &*row.what).collect();
            let minutes = sum(&session.homework, None);
            let minutes = counted(minutes as usize, "minute");
            text += &format!("At home, {minutes}: {}.\n\n", tasks.join("; "));
        }
    }
    if let [_, _, ..] = sessions {
        let rows = |of: fn(&SessionView) -> &Vec<PlanRow>| -> Vec<PlanRow> {
            sessions.iter().flat_map(of).cloned().collect()
        };
        let (in_class, at_home) = (rows(|one| &one.rows), rows(|one| &one.homework));
        let length: u32 = sessions.iter().map(|one| one.hours.1 - one.hours.0).sum();
        text += "**All of them**: ";
        text += &sums(&in_class, length - sum(&in_class, None));
        if !at_home.is_empty() {
            let minutes = counted(sum(&at_home, None) as usize, "minute");
            text += &format!(" At home, {minutes}.");
        }
    }
    format!("{}\n\n</div>", text.trim_end())
}

/// "55 minutes of class, 20 of exercises, 15 of breaks: 90, and 0 left."
fn sums(rows: &[PlanRow], left: u32) -> String {
    let part = |kind, what| match sum(rows, Some(kind)) {
        0 => None,
        minutes => Some(format!("{minutes} of {what}")),
    };
    let parts = [
        part(Kind::Class, "class"),
        part(Kind::Exercises, "exercises"),
        part(Kind::Break, "breaks"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "Minutes: {}; {} in all, {left} left.",
        parts.join(", "),
        sum(rows, None)
    )
}

/// "09:05".
fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
