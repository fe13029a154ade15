//! Figures inside a sentence, and helpers that every part of a page needs.

use maud::{Markup, html};

use crate::judge::figures::Figure;
use crate::text::words::two_digits;

/// A figure inside a sentence; `title` says which one.
pub fn figure(title: &str, figure: &Figure) -> String {
    // A no-break space keeps a number and its unit on one line.
    inline(title, &figure.to_string().replace(' ', "\u{a0}"))
}

/// A quotient of two figures inside a sentence, to two significant digits.
pub fn quotient(title: &str, value: f64) -> String {
    inline(title, &format!("{}×", two_digits(value)))
}

/// In place of a figure that no record has yet.
pub fn figure_not_recorded(title: &str) -> String {
    inline(title, "(not recorded yet)")
}

fn inline(title: &str, text: &str) -> String {
    without_directives(&html! { span.figure title=(title) { (text) } }.into_string())
}

/// Keeps mdBook from seeing a directive in what a program printed.
pub(super) fn without_directives(html: &str) -> String {
    html.replace("{{", "{&#123;")
}

/// A sentence in which backticks mark code.
pub(super) fn with_code(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// KiB in MiB, with a decimal where it says something.
pub fn mib(kib: u64) -> String {
    let mib = kib as f64 / 1024.0;
    if mib > 0.0 && mib < 99.95 {
        format!("{mib:.1}")
    } else {
        format!("{mib:.0}")
    }
}
