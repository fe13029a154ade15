//! The table of what becomes of the reference's statements.

use super::words::{code, marked, table, with_code};
use crate::judge::statements::{ReferenceVerdict, Row};
use crate::page::verdicts::{VerdictsView, verdict_words};

/// A table for each part.
pub(super) fn verdicts(reference: &str, parts: &[VerdictsView<'_>]) -> String {
    let head = [
        marked(reference),
        "Verdict".to_owned(),
        "By this run".to_owned(),
    ];
    let parts = parts.iter().map(|part| {
        let title = part.chapter.map(|(title, href)| {
            let title = marked(title);
            if href.is_empty() {
                format!("**{title}**\n\n")
            } else {
                format!("**[{title}]({href})**\n\n")
            }
        });
        let rows: Vec<Vec<String>> = part.rows.iter().flat_map(rows_of).collect();
        title.unwrap_or_default() + &table(&head, 0, &rows)
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// A row for each verdict of a statement, which the first of them says.
fn rows_of(row: &Row) -> impl Iterator<Item = Vec<String>> {
    row.verdicts
        .iter()
        .enumerate()
        .map(|(at, (verdict, reasons))| {
            let statement = match at {
                0 => {
                    let who = if *verdict == ReferenceVerdict::LeftOut {
                        "*Left out:* "
                    } else if !row.in_words {
                        "*Shown, not said:* "
                    } else {
                        ""
                    };
                    format!("{who}{}", with_code(&row.statement))
                }
                _ => String::new(),
            };
            let (_, mark, words) = verdict_words(verdict);
            let mut fate = format!("{mark}\u{a0}**{words}**");
            match verdict {
                ReferenceVerdict::HoldsWhen(condition) => {
                    fate += &format!(" {}", with_code(condition))
                }
                ReferenceVerdict::Open(why) => fate += &format!(": {}", marked(why)),
                _ => {}
            }
            let reasons = reasons.iter().map(|reason| {
                let mut text = format!("[{}]({})", code(&reason.run), reason.href);
                for sentence in reason.says.iter().chain(&reason.qualifier) {
                    text += &format!(" {}.", with_code(sentence));
                }
                text + &format!(" Seen: {}", with_code(&reason.seen))
            });
            let reasons: Vec<String> = reasons.collect();
            vec![statement, fate, reasons.join("; ")]
        })
}
