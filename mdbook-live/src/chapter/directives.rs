//! The directives of a chapter: found where Markdown is prose, and taken apart.
//!
//! ```text
//! {{#listing demo/src/main.rs}}
//! {{#listing demo/src/main.rs:anchor A caption}}
//! {{#run demo/fork}}
//! {{#runs demo/fork-4 demo/fork-8 With four and with eight}}
//! {{#figure demo/fork-8 total_time_s}}
//! {{#figure demo/spawn-4 total_time_s / demo/sequential total_time_s}}
//! {{#figure reference:demo/fork-8 total_time_s}}
//! {{#define page}}
//! {{#description What the chapter is about}}
//! {{#reports demo/fork-4 total_time_s, demo/fork-8 total_time_s}}
//! ```
//!
//! A block of code in the language `question` is a directive too.
//! A `figure` and a `define` may be anywhere in a sentence; every other directive is alone on its line.
//! Code blocks, inline code, HTML comments and `\{{#…}}` are left as they are.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::lesson::LessonDirective;
use super::markdown::{self, left_alone};
use super::syntax;

/// One figure of one run: of its record, or of what the reference's program printed.
///
/// Written `LISTING/RUN FIGURE`, or `reference:LISTING/RUN FIGURE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFigure {
    /// Whether it is of the reference's output.
    pub in_reference: bool,
    /// `LISTING/RUN`.
    pub run: String,
    /// A figure of its `runs.toml`, or one that is built in.
    pub figure: String,
}

impl fmt::Display for RunFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.in_reference { REFERENCE } else { "" };
        write!(f, "{source}{} {}", self.run, self.figure)
    }
}

/// Before the run of a figure that is read from the reference's output.
const REFERENCE: &str = "reference:";

/// What a directive asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// A file of a listing, or one anchor of it.
    Listing {
        /// The listing's name.
        listing: String,
        /// The file, relative to the listing's folder.
        file: String,
        /// The anchor, where only its lines are asked for.
        anchor: Option<String>,
        /// The file of the same listing, and the anchor in it, that came before: lines that
        /// are not in it are marked.
        since: Option<(String, Option<String>)>,
        /// The author's words under the number; may be empty.
        caption: String,
    },
    /// A run with its record, by full name.
    Run(String),
    /// Runs like one that is in sight, folded behind one head.
    Runs {
        /// Their full names.
        runs: Vec<String>,
        /// The author's words for them.
        caption: String,
    },
    /// A figure of a run.
    Figure(RunFigure),
    /// Figures of several runs side by side.
    Chart {
        /// `LISTING/CHART`.
        name: String,
        /// Whether with bars, or as a table alone.
        bars: bool,
    },
    /// A diagram, by the name of its source in the chapters' folder `diagrams`.
    Diagram(String),
    /// What the processes of a run were doing when, by its full name.
    Timeline(String),
    /// What becomes of the reference's statements, by the runs of this chapter, or of all.
    Verdicts {
        /// Whether those of every chapter are meant.
        all: bool,
    },
    /// What the machines of the reports make of the claims; with figures of runs, those alone.
    Reports(Vec<RunFigure>),
    /// A term, where its meaning is said.
    Define(Definition),
    /// The head of an exercise, by its full name.
    Exercise(String),
    /// The terms of the book, each with its chapter's own words for it.
    Glossary,
    /// What the chapter is about, for a reader who has not opened it: no part of its page.
    Description(String),
    /// Links to the files of the whole book that a build has made.
    Papers,
    /// A figure divided by another.
    Quotient(RunFigure, RunFigure),
    /// A question that a run answers, as its author wrote it.
    Question(String),
    /// What a chapter says as a lesson, or what is made of what they say.
    Lesson(LessonDirective),
}

impl Directive {
    /// Whether it becomes a block, and so is alone on its line.
    pub fn is_block(&self) -> bool {
        matches!(
            self,
            Directive::Listing { .. }
                | Directive::Run(_)
                | Directive::Runs { .. }
                | Directive::Timeline(_)
                | Directive::Diagram(_)
                | Directive::Chart { .. }
                | Directive::Verdicts { .. }
                | Directive::Reports(_)
                | Directive::Glossary
                | Directive::Exercise(_)
                | Directive::Question(_)
                | Directive::Lesson(_)
                | Directive::Description(_)
                | Directive::Papers
        )
    }
}

impl Directive {
    /// Whether what it becomes is sentences: no output, code or picture.
    pub fn is_prose(&self) -> bool {
        matches!(
            self,
            Directive::Figure(_)
                | Directive::Quotient(..)
                | Directive::Define(_)
                | Directive::Glossary
                | Directive::Exercise(_)
                | Directive::Verdicts { .. }
                | Directive::Question(_)
                | Directive::Lesson(_)
        )
    }
}

/// A term where a chapter says what it means:
/// `{{#define SHOWN}}` or `{{#define SHOWN | NAME, OTHER NAME | -1 +1}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// As the sentence has it.
    pub shown: String,
    /// Its names, the glossary's first.
    pub names: Vec<String>,
    /// How many sentences before belong to the definition.
    pub before: usize,
    /// How many sentences after belong to it.
    pub after: usize,
}

/// A directive with its place in a chapter, or why what is there is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes that it takes.
    pub range: Range<usize>,
    /// Its line, counted from 1.
    pub line: usize,
    /// The directive; an error says what is expected.
    pub directive: Result<Directive, String>,
}

static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*#\s*([A-Za-z0-9_-]*)").expect("the pattern is a constant and valid")
});

/// Directives that mdBook itself expands.
const MDBOOKS_OWN: [&str; 6] = [
    "include",
    "playground",
    "playpen",
    "rustdoc_include",
    "template",
    "title",
];

/// Finds the directives of a chapter, in order.
///
/// `others_may_follow`: further preprocessors have their own directives, so that an
/// unknown name is not for this one to judge.
pub fn find(markdown: &str, others_may_follow: bool) -> Vec<Place> {
    let left_alone = left_alone(markdown);
    let mut places = Vec::new();
    for opening in OPENING.captures_iter(markdown) {
        let whole = opening.get(0).expect("a match has a group 0");
        let start = whole.start();
        let escaped = markdown[..start].ends_with('\\');
        if escaped || left_alone.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let name = &opening[1];
        if MDBOOKS_OWN.contains(&name) {
            continue;
        }
        let ours = syntax::is_known(name);
        if !ours && others_may_follow {
            continue;
        }
        let line_end = markdown[start..]
            .find('\n')
            .map_or(markdown.len(), |end| start + end);
        let (end, directive) = match markdown[whole.end()..line_end].find("}}") {
            None => (
                line_end,
                Err(format!(
                    "a {{{{#{name} without `}}}}` on its line; {}",
                    syntax::expected()
                )),
            ),
            Some(_) if !ours => (
                line_end,
                Err(format!(
                    "unknown directive `{name}`; {}",
                    syntax::expected()
                )),
            ),
            Some(length) => {
                let arguments = &markdown[whole.end()..whole.end() + length];
                let end = whole.end() + length + 2;
                let directive = parse(name, arguments).and_then(|directive| {
                    if directive.is_block() && !stands_alone(markdown, start..end) {
                        Err(format!("{{{{#{name} …}}}} must be alone on its line"))
                    } else {
                        Ok(directive)
                    }
                });
                (end, directive)
            }
        };
        places.push(Place {
            range: start..end,
            line: 1 + markdown[..start].matches('\n').count(),
            directive,
        });
    }
    let questions = markdown::blocks_in(markdown, "question").into_iter();
    places.extend(questions.map(|(range, text)| Place {
        line: 1 + markdown[..range.start].matches('\n').count(),
        range,
        directive: Ok(Directive::Question(text)),
    }));
    places.sort_by_key(|place| place.range.start);
    places
}

fn stands_alone(markdown: &str, range: Range<usize>) -> bool {
    let before = markdown[..range.start].rsplit('\n').next().unwrap_or("");
    let after = markdown[range.end..].split('\n').next().unwrap_or("");
    before.trim().is_empty() && after.trim().is_empty()
}

/// Takes a directive's arguments apart.
fn parse(name: &str, arguments: &str) -> Result<Directive, String> {
    let malformed = || {
        let expected = syntax::expected_of(name);
        format!("malformed {{{{#{name}{arguments}}}}}; {expected}")
    };
    let arguments = arguments.trim();
    match name {
        "listing" => {
            let (path, caption) = arguments
                .split_once(char::is_whitespace)
                .unwrap_or((arguments, ""));
            let place = |path: &str| match path.split_once(':') {
                Some((path, anchor)) => (path.to_owned(), Some(anchor.to_owned())),
                None => (path.to_owned(), None),
            };
            let (path, anchor) = place(path);
            let (since, caption) = match caption.trim_start().strip_prefix("since=") {
                None => (None, caption),
                Some(rest) => {
                    let (path, caption) =
                        rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                    (Some(place(path)), caption)
                }
            };
            let (listing, file) = path.split_once('/').ok_or_else(malformed)?;
            let empty = |anchor: &Option<String>| anchor.as_deref() == Some("");
            let since_is_empty = since
                .as_ref()
                .is_some_and(|(file, anchor)| file.is_empty() || empty(anchor));
            if listing.is_empty() || file.is_empty() || empty(&anchor) || since_is_empty {
                return Err(malformed());
            }
            Ok(Directive::Listing {
                listing: listing.to_owned(),
                file: file.to_owned(),
                anchor,
                since,
                caption: caption.trim().to_owned(),
            })
        }
        "exercise" if is_run_name(arguments) => Ok(Directive::Exercise(arguments.to_owned())),
        "run" if is_run_name(arguments) => Ok(Directive::Run(arguments.to_owned())),
        "runs" => {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let names = words.iter().take_while(|word| is_run_name(word)).count();
            if names == 0 || names == words.len() {
                return Err(malformed());
            }
            Ok(Directive::Runs {
                runs: words[..names]
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
                caption: words[names..].join(" "),
            })
        }
        "chart" | "table" if is_run_name(arguments) => Ok(Directive::Chart {
            name: arguments.to_owned(),
            bars: name == "chart",
        }),
        "diagram" if is_name(arguments) => Ok(Directive::Diagram(arguments.to_owned())),
        "timeline" if is_run_name(arguments) => Ok(Directive::Timeline(arguments.to_owned())),
        "glossary" if arguments.is_empty() => Ok(Directive::Glossary),
        "description" if !arguments.is_empty() => Ok(Directive::Description(arguments.to_owned())),
        "papers" if arguments.is_empty() => Ok(Directive::Papers),
        "define" => definition(arguments)
            .map(Directive::Define)
            .ok_or_else(malformed),
        "lesson" | "minutes" | "lessons" | "plan" => LessonDirective::parse(name, arguments)
            .map(Directive::Lesson)
            .ok_or_else(malformed),
        "reports" if arguments.is_empty() => Ok(Directive::Reports(Vec::new())),
        "reports" => {
            let figures = arguments.split(',').map(|figure| {
                let words: Vec<&str> = figure.split_whitespace().collect();
                match words[..] {
                    [run, figure] if is_run_name(run) => Some(RunFigure {
                        in_reference: false,
                        run: run.to_owned(),
                        figure: figure.to_owned(),
                    }),
                    _ => None,
                }
            });
            let figures = figures.collect::<Option<Vec<RunFigure>>>();
            figures.map(Directive::Reports).ok_or_else(malformed)
        }
        "verdicts" => match arguments {
            "" => Ok(Directive::Verdicts { all: false }),
            "all" => Ok(Directive::Verdicts { all: true }),
            _ => Err(malformed()),
        },
        "figure" => {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let figure = |run: &str, figure: &str| {
                let (in_reference, run) = match run.strip_prefix(REFERENCE) {
                    Some(run) => (true, run),
                    None => (false, run),
                };
                is_run_name(run)
                    .then(|| RunFigure {
                        in_reference,
                        run: run.to_owned(),
                        figure: figure.to_owned(),
                    })
                    .ok_or_else(malformed)
            };
            match words[..] {
                [run, name] if name != "/" => Ok(Directive::Figure(figure(run, name)?)),
                [run, name, "/", to_run, to_name] => Ok(Directive::Quotient(
                    figure(run, name)?,
                    figure(to_run, to_name)?,
                )),
                _ => Err(malformed()),
            }
        }
        _ => Err(malformed()),
    }
}

fn definition(arguments: &str) -> Option<Definition> {
    let mut parts = arguments.split('|').map(str::trim);
    let shown = parts.next().filter(|shown| !shown.is_empty())?.to_owned();
    let names = match parts.next() {
        None => vec![shown.clone()],
        Some(names) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    };
    let (mut before, mut after) = (0, 0);
    for count in parts.next().unwrap_or_default().split_whitespace() {
        match (count.strip_prefix('-'), count.strip_prefix('+')) {
            (Some(count), _) => before = count.parse().ok()?,
            (_, Some(count)) => after = count.parse().ok()?,
            _ => return None,
        }
    }
    let whole = parts.next().is_none() && names.iter().all(|name| !name.is_empty());
    whole.then_some(Definition {
        shown,
        names,
        before,
        after,
    })
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

fn is_run_name(name: &str) -> bool {
    !name.contains(char::is_whitespace)
        && name
            .split_once('/')
            .is_some_and(|(listing, run)| !listing.is_empty() && !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(markdown: &str) -> Vec<Result<Directive, String>> {
        find(markdown, false)
            .into_iter()
            .map(|place| place.directive)
            .collect()
    }

    fn one(markdown: &str) -> Result<Directive, String> {
        let mut found = all(markdown);
        assert_eq!(found.len(), 1, "{markdown}: {found:?}");
        found.remove(0)
    }

    fn figure(run: &str, figure: &str) -> RunFigure {
        RunFigure {
            in_reference: false,
            run: run.to_owned(),
            figure: figure.to_owned(),
        }
    }

    #[test]
    fn a_listing_has_a_file_an_anchor_and_a_caption() {
        assert_eq!(
            one("{{#listing demo/src/main.rs:fork The forking *half*}}\n"),
            Ok(Directive::Listing {
                listing: "demo".into(),
                file: "src/main.rs".into(),
                anchor: Some("fork".into()),
                since: None,
                caption: "The forking *half*".into(),
            })
        );
        assert_eq!(
            one("{{#listing demo/runs.toml}}"),
            Ok(Directive::Listing {
                listing: "demo".into(),
                file: "runs.toml".into(),
                anchor: None,
                since: None,
                caption: String::new(),
            })
        );
    }

    #[test]
    fn a_listing_can_name_what_came_before_it() {
        let Ok(Directive::Listing { since, caption, .. }) =
            one("{{#listing pool/src/s2.rs since=src/s1.rs:main The second step}}")
        else {
            panic!("a listing");
        };
        assert_eq!(since, Some(("src/s1.rs".into(), Some("main".into()))));
        assert_eq!(caption, "The second step");
    }

    #[test]
    fn runs_figures_and_quotients_are_told_apart() {
        assert_eq!(
            one("{{#run demo/fork}}"),
            Ok(Directive::Run("demo/fork".into()))
        );
        assert_eq!(
            one("{{#runs demo/fork demo/spawn In two ways}}"),
            Ok(Directive::Runs {
                runs: vec!["demo/fork".into(), "demo/spawn".into()],
                caption: "In two ways".into(),
            })
        );
        assert_eq!(
            all("It takes {{#figure a/b total_time_s}}, or {{#figure a/b t / c/d t}}."),
            [
                Ok(Directive::Figure(figure("a/b", "total_time_s"))),
                Ok(Directive::Quotient(figure("a/b", "t"), figure("c/d", "t"))),
            ]
        );
    }

    #[test]
    fn line_and_range_say_where_it_stands() {
        let markdown = "# Title\n\ntext {{#figure a/b t}} text\n";
        let place = &find(markdown, false)[0];
        assert_eq!(place.line, 3);
        assert_eq!(&markdown[place.range.clone()], "{{#figure a/b t}}");
    }

    #[test]
    fn code_comments_and_escapes_are_left_alone() {
        let markdown = "\
```text
{{#run a/b}}
```

    {{#run a/b}}

Inline `{{#run a/b}}` and \\{{#run a/b}}.

<!-- {{#run a/b}} -->

<div>
<!-- {{#run a/b}}
-->
{{#figure a/b t}}
</div>

- item

  ~~~
  {{#run a/b}}
  ~~~
";
        assert_eq!(
            all(markdown),
            [Ok(Directive::Figure(figure("a/b", "t")))],
            "only the one inside the div"
        );
    }

    #[test]
    fn mdbooks_own_directives_are_left_to_mdbook() {
        assert_eq!(all("{{#include x.md}}\n{{#title X}}\n"), []);
    }

    #[test]
    fn malformed_directives_say_what_is_expected() {
        for markdown in [
            "{{#run}}",
            "{{#run fork}}",
            "{{#run a/b c}}",
            "{{#run /b}}",
            "{{#runs a/b}}",
            "{{#define }}",
            "{{#define a | b, }}",
            "{{#define a | b | 1}}",
            "{{#define a | b | -1 | c}}",
            "{{#glossary a}}",
            "{{#papers a}}",
            "{{#runs Without a name}}",
            "{{#figure a/b}}",
            "{{#figure a/b t / c/d}}",
            "{{#figure a/b t + c/d t}}",
            "{{#figure a t}}",
            "{{#listing}}",
            "{{#listing main.rs}}",
            "{{#listing a/main.rs: caption}}",
            "{{#verdicts a/b}}",
            "{{#timeline a}}",
            "{{#diagram ../x}}",
            "{{#chart a}}",
            "{{#listing a/main.rs since= caption}}",
            "{{#lesson}}",
            "{{#lesson exercises=5}}",
            "{{#lesson read=0}}",
            "{{#lesson read=1441}}",
            "{{#lesson read=5 read=6}}",
            "{{#lesson read=5 length=6}}",
            "{{#minutes}}",
            "{{#minutes a b=5}}",
            "{{#lessons all}}",
            "{{#plan}}",
            "{{#run a/b",
            "{{#run a/b\n}}",
        ] {
            let error = one(markdown).unwrap_err();
            assert!(error.contains("expected {{#"), "{markdown}: {error}");
            assert!(!error.contains('\n'), "{markdown}: {error}");
        }
    }

    /// What an author may write for a form of the reference: with all that may be missing in it,
    /// or without.
    fn written(form: &str, whole: bool) -> String {
        let mut written = String::new();
        let mut depth = 0;
        for c in form.chars() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                c if whole || depth == 0 => written.push(c),
                _ => {}
            }
        }
        let numbers = written.replace("MINUTES", "5").replace("BEFORE", "1");
        let numbers = numbers.replace("AFTER", "1");
        // What stands before a `…` may come once.
        numbers
            .replace(", …", "")
            .replace(",…", "")
            .replace(" …", "")
    }

    #[test]
    fn each_form_of_a_directive_that_the_reference_has_is_one() {
        for directive in syntax::DIRECTIVES {
            for whole in [false, true] {
                let text = written(directive.form, whole);
                let expected = format!("{{{{#{}", directive.name);
                assert!(text.starts_with(&expected), "{text}");
                match one(&text) {
                    Ok(found) => assert_eq!(found.is_block(), !directive.in_a_sentence, "{text}"),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_unless_another_preprocessor_may_know_it() {
        let error = one("{{#ran a/b}}").unwrap_err();
        assert!(error.starts_with("unknown directive `ran`"), "{error}");
        assert_eq!(find("{{#quiz a}}", true), []);
        assert_eq!(find("{{#run}}", true).len(), 1);
    }

    #[test]
    fn a_block_of_code_in_the_language_question_is_one() {
        let markdown = "{{#run a/b}}\n\n- item\n\n  ```question\n  asks = \"?\"\n  a = {{#run a/b}}\n  ```\n\n\
             ```text\n```question\n```\n\n```questions\n```\n\n{{#run a/b}}\n";
        let places = find(markdown, false);
        assert_eq!(places.len(), 3, "{places:?}");
        let question = "asks = \"?\"\na = {{#run a/b}}\n".to_owned();
        assert_eq!(places[1].directive, Ok(Directive::Question(question)));
        assert_eq!(places[1].line, 5);
        let block = &markdown[places[1].range.clone()];
        assert!(block.starts_with("```question") && block.trim_end().ends_with("```"));
    }

    #[test]
    fn a_block_directive_inside_a_sentence_is_refused() {
        let error = one("See {{#run a/b}}.").unwrap_err();
        assert_eq!(error, "{{#run …}} must be alone on its line");
    }
}
