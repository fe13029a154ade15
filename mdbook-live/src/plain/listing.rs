//! A listing: its caption, and its lines.

use super::words::{anchor, code, fenced, language_of, with_code};
use crate::page::listing::ListingView;
use crate::text::words::counted;

/// A file in full; of a step, what has changed, each new line marked.
pub(super) fn listing(view: &ListingView<'_>) -> String {
    let mut caption = format!(
        "{}**Listing {}** {}",
        anchor(view.id),
        view.number,
        code(view.path)
    );
    if !view.caption.is_empty() {
        caption += &format!(" {}", with_code(view.caption));
    }
    let shown = view.in_sight();
    let language = language_of(view.path);
    let Some((name, changes)) = view.since else {
        return format!("{caption}\n\n{}", fenced(&shown.code, language));
    };
    let since = format!(
        " ({} new since {}, marked +",
        counted(changes.count_new(), "line"),
        code(name)
    );
    caption += &since;
    if changes.removed > 0 {
        caption += &format!("; {} gone", counted(changes.removed, "line"));
    }
    if shown.is_excerpt {
        caption += &format!("; {} in all", counted(view.code.lines().count(), "line"));
    }
    caption.push(')');
    let new = shown.new.iter().chain(std::iter::repeat(&false));
    let lines = shown.code.lines().zip(new);
    let lines = lines.map(|(line, new)| {
        let mark = if *new { "+ " } else { "  " };
        format!("{}\n", format!("{mark}{line}").trim_end())
    });
    format!(
        "{caption}\n\n{}",
        fenced(&lines.collect::<String>(), "diff")
    )
}
