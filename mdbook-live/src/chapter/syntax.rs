//! The directives that a chapter may have: how each is written, and what it shows. The parser
//! takes their names from here, its errors their forms; the reference is made of both.

use std::sync::LazyLock;

/// A directive, as the reference explains it.
#[derive(Debug)]
pub struct Syntax {
    /// Its name.
    pub name: &'static str,
    /// How it is written: what is in `[…]` may be missing, and what stands before a `…` may come
    /// several times.
    pub form: &'static str,
    /// Whether it may stand anywhere in a sentence; else it is alone on its line.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the reference is made by a test")
    )]
    pub in_a_sentence: bool,
    /// What it shows, in Markdown.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the reference is made by a test")
    )]
    pub meaning: &'static str,
}

/// A directive that is alone on its line.
const fn on_a_line(name: &'static str, form: &'static str, meaning: &'static str) -> Syntax {
    Syntax {
        name,
        form,
        in_a_sentence: false,
        meaning,
    }
}

/// A directive that may stand anywhere in a sentence.
const fn in_a_sentence(name: &'static str, form: &'static str, meaning: &'static str) -> Syntax {
    Syntax {
        name,
        form,
        in_a_sentence: true,
        meaning,
    }
}

/// All of them.
pub const DIRECTIVES: [Syntax; 19] = [
    on_a_line(
        "listing",
        "{{#listing LISTING/FILE[:ANCHOR] [since=FILE[:ANCHOR]] [CAPTION]}}",
        "A file of a listing, of a crate next to the listings, or by its path in the book; with \
         `:ANCHOR` the lines of an anchor alone. A file of more than 16 lines is folded. With \
         `since=FILE` it is a step: the lines that are new since that file are marked and shown \
         with two around them, and the whole is folded.",
    ),
    on_a_line(
        "run",
        "{{#run LISTING/RUN}}",
        "A run: its command, the record, the live run, the reference, its memory, its claims.",
    ),
    on_a_line(
        "runs",
        "{{#runs LISTING/RUN … CAPTION}}",
        "Runs like one that is in sight, folded behind one head.",
    ),
    in_a_sentence(
        "figure",
        "{{#figure LISTING/RUN FIGURE [/ LISTING/RUN FIGURE]}}",
        "A figure of a record, with its unit, or the quotient of two. `reference:LISTING/RUN` in \
         place of `LISTING/RUN` reads the reference's output.",
    ),
    on_a_line(
        "timeline",
        "{{#timeline LISTING/RUN}}",
        "What the processes of a record were doing when.",
    ),
    on_a_line(
        "diagram",
        "{{#diagram NAME}}",
        "`diagrams/NAME.pikchr`, in the folder of the chapters, drawn.",
    ),
    on_a_line(
        "chart",
        "{{#chart LISTING/CHART}}",
        "A chart of a listing's `runs.toml`, with bars or lines.",
    ),
    on_a_line(
        "table",
        "{{#table LISTING/CHART}}",
        "A chart as a table alone.",
    ),
    on_a_line(
        "verdicts",
        "{{#verdicts [all]}}",
        "What becomes of the reference's statements, by the runs of this chapter, or of all.",
    ),
    on_a_line(
        "reports",
        "{{#reports [LISTING/RUN FIGURE, …]}}",
        "What the machines of the reports make of the claims, chapter by chapter: what is not as \
         the book says on each of them, and a tally of the rest. With figures, those alone: of \
         the runs at the size of their records, or at the quick size where no machine has made \
         them so, and a column for each machine that has one of them.",
    ),
    on_a_line(
        "glossary",
        "{{#glossary}}",
        "The terms that chapters define, each with the sentence that defines it.",
    ),
    in_a_sentence(
        "define",
        "{{#define TERM [| NAME, NAME] [| -BEFORE +AFTER]}}",
        "A term, where its meaning is said. The names are given where it has several, or where \
         the sentence has it in another form; the numbers, where sentences before or after \
         belong to its meaning. On other pages, and before that place, the first use of the term \
         becomes a link.",
    ),
    on_a_line(
        "exercise",
        "{{#exercise LISTING/EXERCISE}}",
        "The head of an exercise: its number on the page and its title as a heading, how hard it \
         is, its minutes, the file to change and the command that judges it. The task follows in \
         the author's words, and a solution in `<details class=\"solution\">`.",
    ),
    on_a_line(
        "lesson",
        "{{#lesson read=MINUTES [exercises=MINUTES] [after=CHAPTER.md,…]}}",
        "What the chapter takes, in minutes, and the chapters to read before it. The minutes to \
         teach it are those of its sections.",
    ),
    on_a_line(
        "minutes",
        "{{#minutes SECTION=MINUTES …}}",
        "The minutes to teach each section, by the ids that mdBook gives to its heading: \
         `fork-and-exec` for `## Fork and exec`.",
    ),
    on_a_line(
        "lessons",
        "{{#lessons}}",
        "All chapters that have a `lesson`, with their minutes and the sums.",
    ),
    on_a_line(
        "plan",
        "{{#plan NAME}}",
        "A plan of `course.toml`, by the clock.",
    ),
    on_a_line(
        "description",
        "{{#description WORDS}}",
        "Nothing: others show these words with a link to the chapter, and a search engine below \
         it. Without it they are the first sentences of the chapter's first paragraph.",
    ),
    on_a_line(
        "papers",
        "{{#papers}}",
        "Where a build makes the whole book one file, a link to each. Else nothing.",
    ),
];

/// Whether there is a directive of that name.
pub(super) fn is_known(name: &str) -> bool {
    DIRECTIVES.iter().any(|directive| directive.name == name)
}

/// "expected {{#listing …}}, {{#run …}}, …": every form.
pub(super) fn expected() -> &'static str {
    static EXPECTED: LazyLock<String> = LazyLock::new(|| {
        let forms = DIRECTIVES.each_ref().map(|directive| directive.form);
        format!("expected {}", forms.join(", "))
    });
    &EXPECTED
}

/// The form of one directive, or of all where there is none of that name.
pub(super) fn expected_of(name: &str) -> String {
    let found = DIRECTIVES.iter().find(|directive| directive.name == name);
    found.map_or_else(
        || expected().to_owned(),
        |directive| format!("expected {}", directive.form),
    )
}
