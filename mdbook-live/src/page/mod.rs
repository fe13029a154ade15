//! The page's HTML: the one place that knows it.
//!
//! What comes out is Markdown for mdBook: HTML blocks without blank lines, and fenced code,
//! so that mdBook's highlighter, copy button, themes, search and print page work on it.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

use maud::{Markup, PreEscaped, html};
use regex::Regex;

use crate::book::claim::{By, Claim};
use crate::book::varies::Varies;
use crate::judge::agreement;
use crate::judge::checks::Judgement;
use crate::judge::figures::Figure;
use crate::record::cast::{HostCard, Record};
use crate::record::memory::{MemorySample, TreeMemory};
use crate::text::ansi::{self, Colour, Piece};
use crate::text::words::counted;

mod chart;
pub mod diagram;
mod live;
mod plot;
mod timeline;
mod verdicts;

pub use chart::{ChartFigure, ChartRow, ChartView, chart};
pub use diagram::diagram as diagram_figure;
pub use live::{
    LiveView, live_line, live_verdict, live_verdict_too_long, template as live_template,
};
pub use plot::{PlotView, Point, Series, plot};
pub use timeline::{picture, timeline, timeline_not_recorded};
pub use verdicts::{VerdictsView, verdicts};

/// The style of everything below, with the colours of mdBook's five themes.
const CSS: &str = concat!(
    include_str!("page.css"),
    include_str!("live.css"),
    include_str!("verdicts.css"),
    include_str!("pictures.css")
);

/// A listing as the page shows it.
#[derive(Debug, Clone)]
pub struct ListingView<'a> {
    /// `2-1`: the chapter and the place in it.
    pub number: &'a str,
    /// Unique on its page.
    pub id: &'a str,
    /// The file, from the book's root.
    pub path: &'a str,
    /// The author's words; may be empty. Backticks mark code.
    pub caption: &'a str,
    /// The lines shown.
    pub code: &'a str,
    /// The name of the file that came before, and what has changed since.
    pub since: Option<(&'a str, &'a Changes)>,
}

/// What has changed from one step of a listing to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of each line shown, whether it is new.
    pub new: Vec<bool>,
    /// How many lines of the step before are gone.
    pub removed: usize,
}

/// A run as the page shows it.
#[derive(Debug, Clone)]
pub struct RunView<'a> {
    /// Unique on its page.
    pub id: &'a str,
    /// `LISTING/RUN`.
    pub name: &'a str,
    /// What `runs.toml` says of it.
    pub caption: &'a str,
    /// The listing's folder, from the book's root.
    pub folder: &'a str,
    /// What a reader types there.
    pub command: &'a str,
    /// The notes' output, where they recorded it.
    pub notes: Option<&'a str>,
    /// What was recorded of it, if it was.
    pub record: Option<RecordView<'a>>,
    /// A live run that was made while the book was built.
    pub live: Option<LiveView<'a>>,
    /// What varies by nature in its lines.
    pub varies: &'a Varies,
    /// What the book claims of it.
    pub claims: Vec<ClaimView<'a>>,
}

/// A record as the page shows it.
#[derive(Debug, Clone)]
pub struct RecordView<'a> {
    /// The record.
    pub record: &'a Record,
    /// What has changed since: "its sources have changed since 2026-03-14".
    pub stale: Option<String>,
}

/// A claim with what was found.
#[derive(Debug, Clone)]
pub struct ClaimView<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Where it stands on the record.
    pub standing: Judgement,
    /// Where it stands on the live run, where one was made and can decide it.
    pub live: Option<Judgement>,
}

/// The style sheet, to stand once on each page that shows any of this.
pub fn style() -> String {
    html! { style { (PreEscaped(CSS)) } }.into_string()
}

/// A listing: a captioned figure around a fenced block.
pub fn listing(view: &ListingView<'_>) -> String {
    // As many columns as the text has room for in mdBook's code font.
    let wide = view.code.lines().any(|line| line.chars().count() > 86);
    let opening = html! {
        figure.listing.wide[wide].changed[view.since.is_some()] id=(view.id) {
            figcaption {
                a.number href={ "#" (view.id) } { "Listing " (view.number) }
                " "
                code.path { (view.path) }
                @if !view.caption.is_empty() {
                    " "
                    span.caption { (with_code(view.caption)) }
                }
                @if let Some((name, changes)) = view.since {
                    @let new = changes.new.iter().filter(|new| **new).count();
                    " "
                    span.since {
                        (counted(new, "line")) " new since " code { (name) } ", marked +"
                        @if changes.removed > 0 { "; " (counted(changes.removed, "line")) " gone" }
                    }
                }
            }
            @if let Some((_, changes)) = view.since {
                // Beside the code and not in it: highlighting rewrites what is inside, and
                // what is copied is the code alone.
                div.gutter aria-hidden="true" {
                    @for new in &changes.new {
                        @if *new { i.new {} } @else { i {} }
                    }
                }
            }
        }
    }
    .into_string();
    let opening = without_directives(&opening);
    // The figure stays open around the fenced block, which ends the HTML block by its blank line.
    let opening = opening.strip_suffix("</figure>").unwrap_or(&opening);
    let language = language(view.path);
    let code = fenced_text(view.code, language);
    let fence = "`".repeat(longest_run_of_backticks(&code).max(2) + 1);
    format!("{opening}\n\n{fence}{language}\n{code}{fence}\n\n</figure>\n")
}

/// A run: its command, what the notes and the record show, its claims, its memory.
pub fn run(view: &RunView<'_>) -> String {
    let page = html! {
        section.run id=(view.id) data-run=(view.name) aria-label={ "Run " (view.name) } {
            div.run-head {
                p.run-title {
                    a.run-name href={ "#" (view.id) } title="Link to this run" { (view.name) }
                    @if !view.caption.is_empty() { " " span.caption { (with_code(view.caption)) } }
                }
                p.run-folder { "In " code { (view.folder) } ":" }
                pre.run-command { code.language-sh { (view.command) } }
            }
            div.run-columns {
                @if let Some(notes) = view.notes {
                    (column(
                        "notes",
                        "Notes",
                        html! { "CPython, as the notes recorded it" },
                        &lines_of(notes.lines(), view.varies, &[]),
                        view.name,
                    ))
                }
                @match &view.record {
                    Some(RecordView { record, .. }) => {
                        @let lines = record.lines();
                        @let only_recorded = match &view.live {
                            Some(live) => {
                                agreement::differing(&live.outcome.lines(), &lines, view.varies).1
                            }
                            None => Vec::new(),
                        };
                        (column(
                            "recorded",
                            "Recorded",
                            host_card(record),
                            &lines_of(
                                lines.iter().map(|line| line.raw.as_str()),
                                view.varies,
                                &only_recorded,
                            ),
                            view.name,
                        ))
                    }
                    None => div.run-column.recorded {
                        p.run-note {
                            "This run has not been recorded yet: "
                            code { "mdbook-live record " (view.name) }
                            " records it."
                        }
                    }
                }
                @if let Some(live) = &view.live {
                    (live::built_column(live, view.name, view.varies))
                }
            }
            @if let Some(live) = &view.live { (live::built_notes(live, view.varies)) }
            @if let Some(RecordView { record, stale }) = &view.record {
                @if let Some(what) = stale {
                    p.run-note.stale {
                        strong { "Stale: " }
                        "this record is older than its program: " (what) "; "
                        code { "mdbook-live record " (view.name) }
                        " makes a new one."
                    }
                }
                @match record.header.live.exit {
                    0 => {}
                    77 => p.run-note { "Exit code 77: the program says that it cannot run here." }
                    code => p.run-note { "The program ended with exit code " (code) "." }
                }
            }
            @if !view.claims.is_empty() {
                ul.claims aria-label={ "Claims about " (view.name) } {
                    @for (index, claim) in view.claims.iter().enumerate() {
                        (self::claim(index, claim))
                    }
                }
            }
            @if let Some(peak) = view.record.as_ref().and_then(|view| peak(&view.record.memory)) {
                (memory(&peak, view.name))
            }
        }
    };
    format!("{}\n", without_directives(&page.into_string()))
}

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

/// The fence's info string for a file.
fn language(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        // Without a playground: no Run button for a foreign host, and no `fn main` added.
        "rs" => "rust,noplayground",
        "toml" | "lock" => "toml",
        "py" => "python",
        "sh" => "bash",
        "c" | "h" => "c",
        "json" | "cast" => "json",
        "yml" | "yaml" => "yaml",
        "js" => "javascript",
        "css" => "css",
        "html" => "html",
        "md" => "markdown",
        _ => "text",
    }
}

static DIRECTIVE_IN_CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\?\{\{#.*\}\}").expect("the pattern is a constant and valid"));

/// Code as it must stand in the fenced block so that the page shows it as it is in its file.
fn fenced_text(code: &str, language: &str) -> String {
    let mut text = String::with_capacity(code.len());
    for line in code.lines() {
        let bare = line.trim_start();
        // mdBook hides Rust lines that begin with `# `, and takes one `#` off a `##`.
        if language.starts_with("rust")
            && (bare == "#" || bare.starts_with("# ") || bare.starts_with("##"))
        {
            let indent = &line[..line.len() - bare.len()];
            text.push_str(indent);
            text.push('#');
            text.push_str(bare);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    // mdBook expands `{{#include …}}` in code too; it takes off one backslash.
    DIRECTIVE_IN_CODE.replace_all(&text, r"\$0").into_owned()
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Keeps mdBook from seeing a directive in what a program printed.
fn without_directives(html: &str) -> String {
    html.replace("{{", "{&#123;")
}

/// A sentence in which backticks mark code.
fn with_code(text: &str) -> Markup {
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

fn column(class: &str, title: &str, about: Markup, lines: &Markup, run: &str) -> Markup {
    html! {
        figure class={ "run-column " (class) } {
            figcaption { strong { (title) } " " span.about { (about) } }
            // What scrolls is reached by keyboard, and so has a name.
            pre tabindex="0" role="group" aria-label={ (title) " output of " (run) } { (lines) }
        }
    }
}

/// One line that a program has printed.
pub fn line(raw: &str, varies: &Varies) -> String {
    without_directives(&line_of(raw, varies, false).into_string())
}

/// The lines; those at the places `differ` are marked.
fn lines_of<'a>(lines: impl Iterator<Item = &'a str>, varies: &Varies, differ: &[usize]) -> Markup {
    html! {
        @for (at, line) in lines.enumerate() { (line_of(line, varies, differ.contains(&at))) }
    }
}

fn line_of(line: &str, varies: &Varies, differs: bool) -> Markup {
    let pieces = ansi::pieces(line);
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let varying = agreement::varying(&text, varies);
    html! {
        // A line of its own for the page, so that what does not fit is wrapped below its
        // start; and an HTML block, which ends at a blank line, never sees one.
        span.line.differs[differs] {
            @if differs { span.differs-word { "differs: " } }
            @for (varies, pieces) in parts(&pieces, &varying) {
                @if varies {
                    span.varies { @for piece in &pieces { (styled(piece)) } }
                } @else {
                    @for piece in &pieces { (styled(piece)) }
                }
            }
            "\n"
        }
    }
}

/// The pieces of a line, cut where what varies begins and ends: whether it varies, and what
/// it is made of.
fn parts(pieces: &[Piece], varying: &[Range<usize>]) -> Vec<(bool, Vec<Piece>)> {
    let mut parts: Vec<(bool, Vec<Piece>)> = Vec::new();
    let mut at = 0;
    for piece in pieces {
        let mut rest = piece.text.as_str();
        while !rest.is_empty() {
            let here = varying.iter().find(|range| range.end > at);
            let (varies, end) = match here {
                Some(range) if range.start <= at => (true, range.end),
                Some(range) => (false, range.start),
                None => (false, usize::MAX),
            };
            let (now, later) = rest.split_at(rest.len().min(end - at));
            let now = Piece {
                style: piece.style,
                text: now.to_owned(),
            };
            at += now.text.len();
            rest = later;
            match parts.last_mut() {
                Some((same, pieces)) if *same == varies => pieces.push(now),
                _ => parts.push((varies, vec![now])),
            }
        }
    }
    parts
}

fn styled(piece: &Piece) -> Markup {
    let style = piece.style;
    let mut classes = String::new();
    let mut add = |class: &str| {
        if !classes.is_empty() {
            classes.push(' ');
        }
        classes.push_str(class);
    };
    if style.bold {
        add("bold");
    }
    if style.dim {
        add("dim");
    }
    if style.italic {
        add("italic");
    }
    if style.underline {
        add("underline");
    }
    match style.colour {
        Some(Colour::Black) => add("dim"),
        Some(Colour::Red) => add("red"),
        Some(Colour::Green) => add("green"),
        Some(Colour::Yellow) => add("yellow"),
        Some(Colour::Blue) => add("blue"),
        Some(Colour::Magenta) => add("magenta"),
        Some(Colour::Cyan) => add("cyan"),
        Some(Colour::White) | None => {}
    }
    if classes.is_empty() {
        html! { (piece.text) }
    } else {
        html! { span class=(classes) { (piece.text) } }
    }
}

fn host_line(host: &HostCard) -> Markup {
    let HostCard {
        cpu,
        cores,
        memory_mib,
        kernel,
        rustc,
        ..
    } = host;
    // `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`: the version is enough here.
    let rustc = rustc.split(" (").next().unwrap_or(rustc);
    let gib = *memory_mib as f64 / 1024.0;
    html! {
        (cpu) ", " (cores) @if *cores == 1 { " core, " } @else { " cores, " }
        (format!("{gib:.0}")) " GiB memory, " (kernel) ", " (rustc)
    }
}

fn host_card(record: &Record) -> Markup {
    html! {
        (host_line(&record.header.live.host)) ", "
        time datetime=(record.header.date()) { (record.header.date()) }
        @if let [first, .., last] = record.header.live.of[..] {
            ", median of " (record.header.live.of.len()) " runs by "
            code { (record.header.live.by) }
            // A run too short for two decimals has no spread to tell.
            @if last > 0.0 { ", " (first) " to " (last) }
        }
    }
}

/// A class, a sign and a word for where a claim stands.
fn verdict_mark(standing: &Judgement) -> (&'static str, &'static str, &'static str) {
    match standing {
        Judgement::Decided(verdict) if verdict.holds => ("holds", "✔", "holds"),
        Judgement::Decided(_) => ("fails", "✘", "does not hold"),
        Judgement::Undecided(_) => ("open", "–", "not judged"),
    }
}

fn claim(index: usize, view: &ClaimView<'_>) -> Markup {
    let claim = view.claim;
    let (class, mark, word) = verdict_mark(&view.standing);
    let who = match claim.by {
        By::Notes => "The notes say:",
        By::Book => "The book says:",
    };
    html! {
        li class=(class) data-claim=(index) {
            span.verdict { span aria-hidden="true" { (mark) } " " (word) }
            " "
            span.claim {
                span.who { (who) } " " (with_code(&claim.says))
                @if let Some(condition) = &claim.when {
                    " " span.qualified { "when " (with_code(condition)) }
                }
                @if let Some(verdict) = &claim.verdict {
                    " " span.qualified { (with_code(verdict)) }
                }
                " "
                span.seen {
                    @match &view.standing {
                        Judgement::Decided(verdict) => { "Seen: " (verdict.seen) }
                        Judgement::Undecided(reason) => { (reason) }
                    }
                }
                @if let Some(standing) = &view.live {
                    " " (live::live_verdict_of(claim, standing))
                }
            }
        }
    }
}

/// The moment at which the process tree had most; the first of equals.
fn peak(samples: &[MemorySample]) -> Option<TreeMemory> {
    // `max_by_key` alone would take the last.
    let times = TreeMemory::over_time(samples).rev();
    times.max_by_key(|tree| tree.total_kib)
}

fn memory(peak: &TreeMemory, run: &str) -> Markup {
    let rows = [
        (
            "Total",
            peak.total_kib,
            "every page once: the processes' PSS, and shared memory that none of them maps",
        ),
        (
            "anonymous",
            peak.anon_kib,
            "private memory, heaps and stacks; what a fork shares is divided until one side writes",
        ),
        (
            "shared memory",
            peak.shmem_kib,
            "pages of memfd and /dev/shm, however many processes map them, or none",
        ),
        (
            "file",
            peak.file_kib,
            "page cache of programs and mapped files; the system can take it back",
        ),
    ];
    html! {
        div.memory tabindex="0" role="group" aria-label={ "Memory of " (run) " at its peak" } {
            table {
                caption {
                    "Memory at the peak, "
                    (format!("{:.1}", peak.seconds)) " s after the start, in "
                    (peak.processes)
                    @if peak.processes == 1 { " process" } @else { " processes" }
                }
                thead { tr { th scope="col" { "Kind" } th scope="col" { "MiB" } th scope="col" { "What it counts" } } }
                tbody {
                    @for (index, (name, kib, counts)) in rows.iter().enumerate() {
                        tr class=[(index == 0).then_some("total")] {
                            th scope="row" { (name) }
                            td.number { (mib(*kib)) }
                            td { (counts) }
                        }
                    }
                }
            }
        }
    }
}

fn mib(kib: u64) -> String {
    let mib = kib as f64 / 1024.0;
    if mib > 0.0 && mib < 99.95 {
        format!("{mib:.1}")
    } else {
        format!("{mib:.0}")
    }
}

/// A number to two significant digits, without an exponent: `4.2`, `0.23`, `120`.
fn two_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = |value: f64| value.abs().log10().floor() as i32;
    let unit = |magnitude: i32| 10f64.powi(magnitude - 1);
    let rounded = (value / unit(magnitude(value))).round() * unit(magnitude(value));
    // 0.996 rounds up to 1.0, which has one decimal fewer.
    let decimals = (1 - magnitude(rounded)).max(0) as usize;
    let mut text = String::new();
    write!(text, "{rounded:.decimals$}").expect("writing to a String does not fail");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::claim::{Check, On};
    use crate::judge::checks::CheckResult;
    use crate::record::cast::{Header, Provenance};
    use crate::record::line::Event;

    fn record(text: &str) -> Record {
        Record {
            header: Header {
                version: 2,
                width: 100,
                height: 24,
                timestamp: 1_795_392_000,
                duration: 1.5,
                title: "demo/fork".into(),
                command: "cargo run -- fork".into(),
                env: Default::default(),
                live: Provenance {
                    host: HostCard {
                        cpu: "A <fast> CPU".into(),
                        cores: 2,
                        memory_mib: 24_105,
                        kernel: "Linux 6.1.0".into(),
                        rustc: "rustc 1.95.0 (f2d3ce0bd 2026-03-21)".into(),
                        thp: "madvise".into(),
                    },
                    args: vec!["fork".into()],
                    exit: 0,
                    sources: String::new(),
                    by: "wall_s".into(),
                    of: vec![1.2, 1.5, 1.75],
                },
            },
            events: text
                .lines()
                .map(|line| Event {
                    seconds: 0.1,
                    text: format!("{line}\n"),
                })
                .collect(),
            marks: Vec::new(),
            memory: Vec::new(),
        }
    }

    fn sample(seconds: f64, ordinal: usize, pss: u64, anon: u64) -> MemorySample {
        MemorySample {
            seconds,
            process: "demo".into(),
            ordinal,
            pss_kib: pss,
            anon_kib: anon,
            file_kib: pss - anon,
            shmem_kib: 0,
            private_dirty_kib: 0,
            unmapped_kib: 0,
        }
    }

    fn view<'a>(record: Option<&'a Record>, claims: Vec<ClaimView<'a>>) -> RunView<'a> {
        RunView {
            id: "run-demo-fork",
            name: "demo/fork",
            caption: "With `fork`",
            folder: "listings/demo",
            command: "cargo run -- fork",
            notes: Some("MainProcess <1>\n\n  ForkProcess-1 {{#run x/y}}\n"),
            record: record.map(|record| RecordView {
                record,
                stale: None,
            }),
            live: None,
            varies: &NOTHING_VARIES,
            claims,
        }
    }

    static NOTHING_VARIES: Varies = Varies {
        masked: Vec::new(),
        incidental: Vec::new(),
    };

    fn a_claim() -> Claim {
        Claim {
            says: "Same `id` & value".into(),
            by: By::Notes,
            verdict: None,
            on: On::Any,
            refuted: false,
            when: None,
            statement: None,
            check: Check::Same(Regex::new("id (.)").unwrap()),
        }
    }

    #[test]
    fn a_listing_is_a_captioned_figure_around_a_fence() {
        let text = listing(&ListingView {
            number: "2-1",
            id: "listing-demo-src-main-rs",
            path: "listings/demo/src/main.rs",
            caption: "The `main` & more",
            code: "fn main() {}\n",
            since: None,
        });
        assert_eq!(
            text,
            "<figure class=\"listing\" id=\"listing-demo-src-main-rs\"><figcaption>\
             <a class=\"number\" href=\"#listing-demo-src-main-rs\">Listing 2-1</a> \
             <code class=\"path\">listings/demo/src/main.rs</code> \
             <span class=\"caption\">The <code>main</code> &amp; more</span></figcaption>\n\n\
             ```rust,noplayground\nfn main() {}\n```\n\n</figure>\n"
        );
    }

    #[test]
    fn code_is_kept_from_mdbooks_hidden_lines_directives_and_fences() {
        let code = "# a\n## b\n  #\n#[test]\n#![x]\n{{#include y}}\n\\{{#include z}}\n````\n";
        let text = listing(&ListingView {
            number: "1",
            id: "x",
            path: "a.rs",
            caption: "",
            code,
            since: None,
        });
        assert!(
            text.contains(
                "`````rust,noplayground\n## a\n### b\n  ##\n#[test]\n#![x]\n\
                 \\{{#include y}}\n\\\\{{#include z}}\n````\n`````\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn new_lines_are_marked_beside_the_code_and_counted_in_words() {
        let changes = Changes {
            new: vec![false, true],
            removed: 3,
        };
        let text = listing(&ListingView {
            number: "1",
            id: "x",
            path: "s2.rs",
            caption: "",
            code: "a\nb\n",
            since: Some(("s1.rs", &changes)),
        });
        for part in [
            "1 line new since <code>s1.rs</code>, marked +; 3 lines gone",
            "<div class=\"gutter\" aria-hidden=\"true\"><i></i><i class=\"new\"></i></div>",
            "```rust,noplayground\na\nb\n```",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn long_lines_make_a_listing_wide() {
        let class = |code: &str| {
            let text = listing(&ListingView {
                number: "1",
                id: "x",
                path: "a.rs",
                caption: "",
                code,
                since: None,
            });
            text.split('"').nth(1).unwrap().to_owned()
        };
        assert_eq!(class(&"x".repeat(86)), "listing");
        assert_eq!(class(&"x".repeat(87)), "listing wide");
    }

    #[test]
    fn a_file_has_the_language_of_its_name() {
        assert_eq!(language("a/runs.toml"), "toml");
        assert_eq!(language("a/peer.py"), "python");
        assert_eq!(language("a/Makefile"), "text");
    }

    #[test]
    fn a_run_is_one_html_block_with_escaped_columns() {
        let record = record("\x1b[1mMainProcess\x1b[0m \x1b[32m[ 0.00s]\x1b[0m a<b\n\nend");
        let html = run(&view(Some(&record), vec![]));
        assert!(!html.trim_end().contains("\n\n"), "{html}");
        assert!(!html.contains("{{"), "{html}");
        for part in [
            "<section class=\"run\" id=\"run-demo-fork\"",
            "href=\"#run-demo-fork\"",
            "<code>listings/demo</code>",
            "<code class=\"language-sh\">cargo run -- fork</code>",
            "CPython, as the notes recorded it",
            "MainProcess &lt;1&gt;",
            "<span class=\"bold\">MainProcess</span> <span class=\"varies\">\
             <span class=\"green\">[ 0.00s]</span></span> a&lt;b",
            "A &lt;fast&gt; CPU, 2 cores, 24 GiB memory, Linux 6.1.0, rustc 1.95.0, \
             <time datetime=\"2026-11-23\">",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("Stale"));
    }

    #[test]
    fn a_run_without_a_record_says_so() {
        let claim = a_claim();
        let html = run(&view(
            None,
            vec![ClaimView {
                claim: &claim,
                standing: Judgement::Undecided("There is no record yet.".into()),
                live: None,
            }],
        ));
        assert!(html.contains("has not been recorded yet"), "{html}");
        assert!(html.contains("not judged"), "{html}");
    }

    #[test]
    fn a_stale_record_and_a_failed_run_are_told() {
        let mut record = record("x");
        record.header.live.exit = 101;
        let mut view = view(Some(&record), vec![]);
        view.notes = None;
        if let Some(record) = &mut view.record {
            record.stale = Some("its sources have changed since 2026-11-23".into());
        }
        let html = run(&view);
        assert!(
            html.contains("its sources have changed since 2026-11-23"),
            "{html}"
        );
        assert!(html.contains("exit code 101"), "{html}");
        assert!(!html.contains("CPython"), "{html}");
    }

    #[test]
    fn claims_say_in_words_whether_they_hold() {
        let claim = a_claim();
        let record = record("x");
        let judged = |holds| ClaimView {
            claim: &claim,
            standing: Judgement::Decided(CheckResult {
                holds,
                seen: "4 of 4 lines".into(),
            }),
            live: None,
        };
        let html = run(&view(Some(&record), vec![judged(true), judged(false)]));
        for part in [
            "<span aria-hidden=\"true\">✔</span> holds",
            "<span aria-hidden=\"true\">✘</span> does not hold",
            "The notes say:",
            "Same <code>id</code> &amp; value",
            "Seen: 4 of 4 lines",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn the_peak_is_the_sample_with_the_largest_sum() {
        let samples = [
            sample(0.0, 0, 3000, 1000),
            sample(0.5, 0, 2000, 1000),
            sample(0.5, 1, 2000, 1500),
            sample(0.9, 0, 3500, 3500),
        ];
        let peak = super::peak(&samples).unwrap();
        assert_eq!(
            (
                peak.seconds,
                peak.processes,
                peak.total_kib,
                peak.anon_kib,
                peak.file_kib
            ),
            (0.5, 2, 4000, 2500, 1500)
        );
        assert_eq!(super::peak(&[]), None);
    }

    #[test]
    fn the_memory_table_counts_in_mib() {
        let mut record = record("x");
        record.memory = vec![sample(0.5, 0, 204_800, 1024)];
        let html = run(&view(Some(&record), vec![]));
        assert!(
            html.contains("0.5 s after the start, in 1 process<"),
            "{html}"
        );
        assert!(html.contains("<td class=\"number\">200</td>"), "{html}");
        assert!(html.contains("<td class=\"number\">1.0</td>"), "{html}");
    }

    #[test]
    fn a_figure_has_its_unit_and_its_title() {
        let value = Figure {
            value: 0.98,
            text: "0.98".into(),
            unit: "s".into(),
        };
        assert_eq!(
            figure("demo/fork total_time_s, recorded 2026-11-23", &value),
            "<span class=\"figure\" title=\"demo/fork total_time_s, recorded 2026-11-23\">\
             0.98\u{a0}s</span>"
        );
    }

    #[test]
    fn quotients_have_two_significant_digits() {
        for (value, text) in [
            (4.2345, "4.2"),
            (0.2345, "0.23"),
            (12.6, "13"),
            (123.0, "120"),
            (0.996, "1.0"),
            (9.96, "10"),
            (1.0, "1.0"),
            (0.05, "0.050"),
            (0.0, "0"),
        ] {
            assert_eq!(two_digits(value), text, "{value}");
        }
    }
}
