//! What the book claims of a run, with its verdicts.

use maud::{Markup, html};

use super::inline::with_code;
use crate::book::claim::Claim;
use crate::judge::checks::Judgement;
use crate::judge::counter_run::{Counter, Outcome};
use crate::text::words::counted;

/// A claim with what was found.
#[derive(Debug, Clone)]
pub struct ClaimView<'a> {
    /// Unique on its page.
    pub id: String,
    /// The claim.
    pub claim: &'a Claim,
    /// Its verdict on the record.
    pub judgement: Judgement,
    /// Its verdict on the live run, if one was made and can decide it.
    pub live: Option<Judgement>,
    /// On what it has been seen to fail.
    pub counters: Vec<Counter>,
}

/// A class, a sign and a word for a verdict.
pub fn verdict_mark(judgement: &Judgement) -> (&'static str, &'static str, &'static str) {
    match judgement {
        Judgement::Decided(verdict) if verdict.holds => ("holds", "✔", "holds"),
        Judgement::Decided(_) => ("fails", "✘", "does not hold"),
        _ => ("open", "–", "not judged"),
    }
}

/// The claims of a run, folded below their tally.
pub(super) fn claims(run: &str, views: &[ClaimView<'_>], reference: &str) -> Markup {
    html! {
        @if !views.is_empty() {
            details.claims {
                summary {
                    (tally(Tally::of(views), reference))
                    // A live run's, once it has ended.
                    " " span.live-tally {}
                }
                ul.claims aria-label={ "Claims about " (run) } {
                    @for (index, view) in views.iter().enumerate() {
                        (claim(index, view, reference))
                    }
                }
            }
        }
    }
}

/// What became of a run's claims.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// How many hold.
    hold: usize,
    /// How many statements of the reference do not hold, as the book says.
    refuted: usize,
    /// How many do not hold though the book says that they do.
    fail: usize,
    /// How many could not be judged.
    open: usize,
}

impl Tally {
    /// Of a run's claims.
    pub fn of(views: &[ClaimView<'_>]) -> Tally {
        let mut tally = Tally::default();
        for view in views {
            let count = match verdict_mark(&view.judgement) {
                ("holds", ..) => &mut tally.hold,
                ("fails", ..) if view.claim.is_refuted() => &mut tally.refuted,
                ("fails", ..) => &mut tally.fail,
                _ => &mut tally.open,
            };
            *count += 1;
        }
        tally
    }

    /// Of both.
    pub fn and(self, other: Tally) -> Tally {
        Tally {
            hold: self.hold + other.hold,
            refuted: self.refuted + other.refuted,
            fail: self.fail + other.fail,
            open: self.open + other.open,
        }
    }
}

/// "9 claims hold, The manual says: 2 do not hold", each with its sign.
pub(super) fn tally(tally: Tally, reference_says: &str) -> Markup {
    let parts = tally.parts(reference_says);
    html! {
        @for (at, TallyPart { class, mark, words }) in parts.iter().enumerate() {
            @if at > 0 { ", " }
            span class={ "tally " (class) } { span aria-hidden="true" { (mark) } " " (words) }
        }
    }
}

/// Claims with one verdict, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyPart {
    /// "holds", "refuted", "fails", "open".
    pub class: &'static str,
    /// A sign for it.
    pub mark: &'static str,
    /// "9 claims hold".
    pub words: String,
}

impl Tally {
    /// A part for each verdict that there is; `reference_says` is before the reference's: "The
    /// manual says".
    pub fn parts(self, reference_says: &str) -> Vec<TallyPart> {
        let Tally {
            hold,
            refuted,
            fail,
            open,
        } = self;
        let holds = |number| verb(number, "holds", "hold");
        let does_not = |number| verb(number, "does not hold", "do not hold");
        let parts = [
            (
                "holds",
                "✔",
                hold,
                format!("{} {}", counted(hold, "claim"), holds(hold)),
            ),
            (
                "refuted",
                "✘",
                refuted,
                format!("{reference_says}: {refuted} {}", does_not(refuted)),
            ),
            (
                "fails",
                "✘",
                fail,
                format!("{} {}", counted(fail, "claim"), does_not(fail)),
            ),
            (
                "open",
                "–",
                open,
                format!("{open} {}", verb(open, "is not judged", "are not judged")),
            ),
        ];
        let parts = parts.into_iter().filter(|(_, _, number, _)| *number > 0);
        let parts = parts.map(|(class, mark, _, words)| TallyPart { class, mark, words });
        parts.collect()
    }
}

fn verb(number: usize, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// "Live: 4 hold, 1 does not": how many of a live run's verdicts are which, and whether one of them
/// is other than the book says.
pub fn live_tally<'a>(
    verdicts: impl IntoIterator<Item = (&'a Claim, &'a Judgement)>,
) -> (String, bool) {
    let (mut hold, mut fail, mut surprising) = (0, 0, 0);
    for (claim, judgement) in verdicts {
        if let Judgement::Decided(result) = judgement {
            if result.holds {
                hold += 1
            } else {
                fail += 1
            }
            surprising += usize::from(!claim.is_as_the_book_says(result));
        }
    }
    let mut words = format!("Live: {hold} {}", verb(hold, "holds", "hold"));
    if fail > 0 {
        words += &format!(", {fail} {} not", verb(fail, "does", "do"));
    }
    if surprising > 0 {
        words += &format!("; {surprising} other than the book says");
    }
    (words, surprising > 0)
}

/// A claim; `reference` comes before a sentence of the reference: "The manual says".
fn claim(index: usize, view: &ClaimView<'_>, reference: &str) -> Markup {
    let claim = view.claim;
    let (class, mark, word) = verdict_mark(&view.judgement);
    let who = if claim.is_of_reference() {
        reference
    } else {
        "The book says"
    };
    html! {
        li class=(class) id=(view.id) data-claim=(index) {
            span.verdict { span aria-hidden="true" { (mark) } " " (word) }
            " "
            span.claim {
                span.who { (who) ":" } " " (with_code(&claim.says))
                " " a.claim-link href={ "#" (view.id) } aria-label="Link to this claim" { "¶" }
                @if let Some(condition) = claim.condition() {
                    " " span.qualified { "when " (with_code(condition)) }
                }
                @if let Some(note) = &claim.note {
                    " " span.qualified { (with_code(note)) }
                }
                " "
                span.seen {
                    @match &view.judgement {
                        Judgement::Decided(verdict) => { "Seen: " (verdict.seen) }
                        other => { (other.why_not().unwrap_or_default()) }
                    }
                }
                @if let Some(judgement) = &view.live {
                    " " (live_verdict_of(claim, judgement))
                }
            }
            (seen_to_fail(claim, &view.counters))
        }
    }
}

/// On what a claim has been seen to fail, folded: a change of the program, or another run.
fn seen_to_fail(claim: &Claim, counters: &[Counter]) -> Markup {
    let broke = counters
        .iter()
        .filter_map(|counter| match &counter.outcome {
            Outcome::Broke(seen) => Some((counter, seen)),
            _ => None,
        });
    let broke: Vec<(&Counter, &String)> = broke.collect();
    let (seen_to, otherwise) = if claim.is_refuted() {
        ("Seen to hold", "Not yet seen to hold")
    } else {
        ("Seen to fail", "Not yet seen to fail")
    };
    html! {
        @if broke.is_empty() {
            @if !claim.broken_by.is_empty() { p.not-seen-to-fail { (otherwise) "." } }
        } @else {
            details.seen-to-fail {
                summary { (seen_to) }
                ul {
                    @for (counter, seen) in broke {
                        li {
                            @match &counter.run {
                                Some(run) => { "on " code { (run) } ", " (with_code(&counter.when)) ": " }
                                None => { "when " (with_code(&counter.when)) ": " }
                            }
                            span.seen { (with_code(seen)) }
                        }
                    }
                }
            }
        }
    }
}

/// The verdict of a claim on a live run.
pub fn live_verdict(claim: &Claim, judgement: &Judgement) -> String {
    live_verdict_of(claim, judgement).into_string()
}

fn live_verdict_of(claim: &Claim, judgement: &Judgement) -> Markup {
    let (class, mark, word) = verdict_mark(judgement);
    let surprising = match judgement {
        Judgement::Decided(result) => !claim.is_as_the_book_says(result),
        _ => false,
    };
    html! {
        span class={ "live-verdict " (class) } {
            strong { span aria-hidden="true" { (mark) } " Live: " (word) }
            @if surprising { ", other than the book says" }
            ". "
            @match judgement {
                Judgement::Decided(result) => { "Seen: " (with_code(&result.seen)) }
                other => (other.why_not().unwrap_or_default())
            }
        }
    }
}
