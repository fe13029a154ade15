//! The processes of an observed run in the terminal: their tree, each with its time as a bar.

use super::terminal::Terminal;
use crate::record::account::{Account, AtEnd, ObservedProcess};
use crate::text::words::{amount, counted};

/// More processes than this are counted and not shown.
const MOST_SHOWN: usize = 40;

/// The least and the most columns of a bar.
const BAR: std::ops::RangeInclusive<usize> = 10..=40;

/// What the processes of a run did: one line that counts, and a line for each, under the one that
/// started it, with the time that it was alive.
pub(super) fn shown(account: &Account, seconds: f64, terminal: Terminal) -> String {
    let mut lines = vec![terminal.strong(&in_words(account))];
    let rows = tree(account);
    let shown = &rows[..rows.len().min(MOST_SHOWN)];
    let names: Vec<String> = shown
        .iter()
        .map(|(stem, one)| format!("{stem}{}", one.name()))
        .collect();
    let facts: Vec<String> = shown.iter().map(|(_, one)| facts(one)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
    let (of_name, of_facts) = (widest(&names).unwrap_or(0), widest(&facts).unwrap_or(0));
    let left = terminal.width.saturating_sub(of_name + of_facts + 4);
    let width = left.clamp(*BAR.start(), *BAR.end());
    for ((name, facts), (_, one)) in names.iter().zip(&facts).zip(shown) {
        let bar = bar(one, seconds, width);
        lines.push(format!("{name:of_name$}  {bar}  {facts}"));
    }
    if rows.len() > MOST_SHOWN {
        let more = counted(rows.len() - MOST_SHOWN, "more process");
        lines.push(terminal.faint(&format!("and {more}")));
    }
    lines.join("\n")
}

/// "3 processes, 1 program executed, at most 12 descriptors and 1.2 MiB private at the end of
/// one …".
fn in_words(account: &Account) -> String {
    let mut words = vec![
        counted(account.processes(), "process"),
        format!("{} executed", counted(account.programs(), "program")),
    ];
    if account.threads() > 0 {
        words.push(format!("{} started", counted(account.threads(), "thread")));
    }
    let most = |part: fn(&AtEnd) -> u64| account.most(part);
    if let (Some(descriptors), Some(private), Some(resident)) = (
        most(|end| end.descriptors),
        most(|end| end.private_dirty),
        most(|end| end.peak_resident),
    ) {
        words.push(format!(
            "at most {} and {} private at the end of one and {} resident before it",
            descriptors_of(descriptors),
            amount(private << 10),
            amount(resident << 10)
        ));
    }
    if let Some(written) = account.sum(|end| end.written) {
        words.push(format!("{} written", amount(written)));
    }
    words.join(", ")
}

/// Each process with what stands before it, children under their parents.
fn tree(account: &Account) -> Vec<(String, &ObservedProcess)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); account.processes.len()];
    let mut roots = Vec::new();
    for process in &account.processes {
        match process.parent.and_then(|parent| children.get_mut(parent)) {
            Some(siblings) => siblings.push(process.id),
            None => roots.push(process.id),
        }
    }
    let mut rows = Vec::new();
    // What is to come, the next last: a process, what stands before its own children, and its
    // own sign.
    let mut left: Vec<(usize, String, &str)> = Vec::new();
    left.extend(roots.iter().rev().map(|root| (*root, String::new(), "")));
    while let Some((id, before, sign)) = left.pop() {
        rows.push((format!("{before}{sign}"), &account.processes[id]));
        let below = match sign {
            "" => String::new(),
            "└─ " => format!("{before}   "),
            _ => format!("{before}│  "),
        };
        for (nth, child) in children[id].iter().rev().enumerate() {
            let sign = if nth == 0 { "└─ " } else { "├─ " };
            left.push((*child, below.clone(), sign));
        }
    }
    rows
}

/// The part of the run in which it was alive; what ended at once has a mark, too.
fn bar(one: &ObservedProcess, seconds: f64, width: usize) -> String {
    let place = |time: f64| ((time / seconds.max(1e-9)).min(1.0) * width as f64) as usize;
    let from = place(one.born_s).min(width - 1);
    let to = place(one.ended_s.unwrap_or(seconds)).clamp(from + 1, width);
    let rest = width - to;
    format!(
        "{}{}{}",
        " ".repeat(from),
        "━".repeat(to - from),
        " ".repeat(rest)
    )
}

/// "0.001–0.124 s, exit 0, 12 descriptors, 1.2 MiB private".
fn facts(one: &ObservedProcess) -> String {
    let end = one.ended_s.map(|end| format!("{end:.3} s"));
    let mut words = vec![format!("{:.3}–{}", one.born_s, end.unwrap_or_default())];
    words.extend(one.exit.map(|exit| exit.to_string()));
    if let Some(end) = &one.at_end {
        words.push(descriptors_of(end.descriptors));
        words.push(format!("{} private", amount(end.private_dirty << 10)));
    }
    words.join(", ")
}

/// "1 descriptor", "12 descriptors".
fn descriptors_of(number: u64) -> String {
    // A process has far fewer than 2³² of them.
    counted(number as usize, "descriptor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::account::tests::account;

    const PLAIN: Terminal = Terminal {
        width: 80,
        colour: false,
    };

    #[test]
    fn a_tree_shows_who_started_whom_and_when_each_was_alive() {
        let of = account(&[
            (None, 0.0, 1.0),
            (Some(0), 0.1, 0.5),
            (Some(1), 0.2, 0.25),
            (Some(0), 0.9, 1.0),
        ]);
        let text = shown(&of, 1.0, PLAIN);
        let expected = "\
4 processes, 1 program executed, at most 6 descriptors and 8 MiB private at the end of one and 4 MiB resident before it, 40 bytes written
P0 demo   ━━━━━━━━━━━━━━━━━  0.000–1.000 s, exit 0, 3 descriptors, 1 MiB private
├─ P1      ━━━━━━━           0.100–0.500 s, exit 0, 4 descriptors, 2 MiB private
│  └─ P2     ━               0.200–0.250 s, exit 0, 5 descriptors, 4 MiB private
└─ P3                    ━━  0.900–1.000 s, exit 0, 6 descriptors, 8 MiB private";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn of_many_processes_the_first_are_shown_and_the_others_counted() {
        let mut processes = vec![(None, 0.0, 1.0)];
        processes.extend((0..50).map(|_| (Some(0), 0.1, 0.2)));
        let text = shown(&account(&processes), 1.0, PLAIN);
        assert_eq!(text.lines().count(), 42, "{text}");
        assert!(text.ends_with("\nand 11 more processes"), "{text}");
    }
}
