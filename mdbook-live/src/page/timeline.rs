//! The timeline of a run: a lane for each process, the memory of all below, one axis.

use std::time::UNIX_EPOCH;

use maud::{Markup, PreEscaped, html};

use super::drawing::Drawing;
use super::inline::{mib, with_code, without_directives};
use crate::book::config::{StateStyle, TimelineConfig};
use crate::record::memory::TreeMemory;
use crate::record::result::RunResult;
use crate::record::timeline::{Span, Timeline};

/// The drawing's width, in its own units; the page scales it.
const WIDTH: f64 = 760.0;
/// Where the axis of time begins and ends.
const LEFT: f64 = 158.0;
const RIGHT: f64 = WIDTH - 14.0;
/// The height of a lane, and of what it holds at most.
const LANE: f64 = 22.0;
const BAR: f64 = 15.0;
/// The height of the memory's part.
const MEMORY: f64 = 96.0;
/// A curve through fewer samples of the memory would be drawn and not measured.
const FEWEST_OF_A_CURVE: usize = 8;

/// So many samples of the memory at most are shown as points, for the reader to see what lies
/// between them. More would be a line of their own.
const POINTS: usize = 40;

/// The picture of a live run, if its processes reported their states, or were observed.
pub fn picture(config: &TimelineConfig, name: &str, result: &RunResult) -> Option<String> {
    let (memory, seconds) = (&result.memory, result.seconds);
    let observed = |account| Timeline::of_account(account, memory, seconds);
    let timeline = Timeline::of(config, &result.marks, memory, seconds)
        .or_else(|| result.observation.account().and_then(observed))?;
    // A run that is made again has another picture, perhaps on the same page.
    let began = result.began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let id = format!("timeline-live-{}", began.as_micros());
    Some(timeline_of(config, &timeline, name, &id, "your live run"))
}

/// The picture of a record; `id` is unique on its page.
pub fn timeline(
    config: &TimelineConfig,
    timeline: &Timeline,
    name: &str,
    id: &str,
    date: &str,
) -> String {
    timeline_of(config, timeline, name, id, &format!("recorded {date}"))
}

/// In place of the picture of a record that has no marks.
pub fn timeline_not_recorded(name: &str) -> String {
    let page = html! {
        p.run-note { "What the processes of " code { (name) } " were doing when has not been recorded yet." }
    };
    page.into_string()
}

fn timeline_of(
    config: &TimelineConfig,
    timeline: &Timeline,
    name: &str,
    id: &str,
    source: &str,
) -> String {
    let drawing = drawing(config, timeline, name, id).svg;
    let page = html! {
        figure.timeline {
            figcaption { (with_code(&caption(config, timeline, name, source))) }
            div.picture tabindex="0" role="group" aria-label={ "Timeline of " (name) } {
                (drawing)
            }
            ul.legend {
                @for (sample, words) in legend(config, timeline, id) {
                    li {
                        @match sample {
                            Sample::Svg(svg) => { (svg) " " }
                            Sample::Fill(kind) => { span class={ "swatch " (kind) } {} " " }
                        }
                        (words)
                    }
                }
            }
            details {
                summary { "The same as a table" }
                div.scroll tabindex="0" role="group" aria-label={ "States of " (name) " as a table" } {
                    table {
                        thead { tr { th scope="col" { "Process" } th scope="col" { "State" } th scope="col" { "From, s" } th scope="col" { "To, s" } } }
                        tbody {
                            @for lane in &timeline.lanes {
                                @for span in &lane.spans {
                                    tr {
                                        td { (lane.process) } td { (span.state) }
                                        td.number { (format!("{:.3}", span.from)) }
                                        td.number { (format!("{:.3}", span.to)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    without_directives(&page.into_string())
}

/// What stands above it; backticks mark code.
pub fn caption(config: &TimelineConfig, timeline: &Timeline, name: &str, source: &str) -> String {
    let mut words = format!("What each process of `{name}` does when");
    if has_memory(timeline) {
        words += ", and the memory of all of them";
    }
    if timeline.left_out > 0.0 && !config.prepared.is_empty() {
        words += &format!(", {}", config.prepared);
    }
    words + &format!(" ({source})")
}

/// The lanes and the memory, without their legend.
pub fn drawing(config: &TimelineConfig, timeline: &Timeline, name: &str, id: &str) -> Drawing {
    let x = |seconds: f64| LEFT + (RIGHT - LEFT) * (seconds / timeline.seconds.max(1e-9)).min(1.0);
    let lanes_height = LANE * timeline.lanes.len() as f64;
    let memory_top = lanes_height + 16.0;
    let has_memory = has_memory(timeline);
    let bottom = if has_memory {
        memory_top + MEMORY
    } else {
        lanes_height
    };
    let axis = bottom + 4.0;
    let ticks = ticks(timeline.seconds);
    let height = axis + 22.0;
    let svg = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (number(height)) } role="img" aria-labelledby={ (id) "-title" } {
            title id={ (id) "-title" } { (words(config, timeline, name)) }
            defs {
                pattern id={ (id) "-hatch" } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.paper width="6" height="6" {}
                    rect.ink width="3" height="6" {}
                }
                pattern id={ (id) "-dots" } width="5" height="5" patternUnits="userSpaceOnUse" {
                    rect.paper width="5" height="5" {}
                    circle.ink cx="2.5" cy="2.5" r="1.4" {}
                }
            }
            @for tick in &ticks {
                line.grid x1=(number(x(*tick))) x2=(number(x(*tick))) y1="0" y2=(number(axis)) {}
                text.tick x=(number(x(*tick))) y=(number(axis + 14.0)) text-anchor="middle" { (tick_label(*tick)) }
            }
            @for (nth, lane) in timeline.lanes.iter().enumerate() {
                @let middle = LANE * (nth as f64 + 0.5);
                text.name x=(LEFT - 10.0) y=(number(middle + 4.0)) text-anchor="end" { (lane.process) }
                @for span in &lane.spans { (bar(config, span, x(span.from), x(span.to), middle, id)) }
            }
            @if has_memory { (memory(timeline, memory_top, &x)) }
        }
    };
    Drawing {
        svg,
        size: (WIDTH, height),
    }
}

fn has_memory(timeline: &Timeline) -> bool {
    timeline.memory.len() >= FEWEST_OF_A_CURVE
}

/// What each shape and colour of the drawing is: a sample of it, an `svg` element or what fills
/// one, and its words.
pub fn legend(config: &TimelineConfig, timeline: &Timeline, id: &str) -> Vec<(Sample, String)> {
    let states = timeline.states().into_iter();
    let mut legend: Vec<(Sample, String)> = states
        .map(|state| {
            let sample = swatch(config, state, id);
            (Sample::Svg(sample), state.to_string())
        })
        .collect();
    if has_memory(timeline) {
        for (kind, words) in [
            ("anon", "anonymous memory"),
            ("shmem", "shared memory"),
            ("file", "page cache"),
        ] {
            legend.push((Sample::Fill(kind), words.to_owned()));
        }
        if has_points(timeline) {
            let point = html! {
                svg.sample viewBox="0 0 22 16" aria-hidden="true" { circle.point cx="11" cy="8" r="2.4" {} }
            };
            legend.push((Sample::Svg(point), "a sample".to_owned()));
        }
    }
    legend
}

/// How a legend shows what its words are of.
#[derive(Debug, Clone)]
pub enum Sample {
    /// An `svg` element of 22 × 16 units.
    Svg(Markup),
    /// The class of an area with its colour.
    Fill(&'static str),
}

/// What the drawing shows, in a sentence.
pub fn words(config: &TimelineConfig, timeline: &Timeline, name: &str) -> String {
    let mut words = format!(
        "{name}: {} processes in {:.2} seconds.",
        timeline.lanes.len(),
        timeline.seconds
    );
    for state in &config.described {
        let spans = timeline.lanes.iter().flat_map(|lane| &lane.spans);
        let begins = spans
            .filter(|span| span.state == *state && span.to > span.from)
            .map(|span| span.from);
        let begins: Vec<f64> = begins.collect();
        if let (Some(first), Some(last)) = (
            begins.iter().copied().reduce(f64::min),
            begins.iter().copied().reduce(f64::max),
        ) {
            words += &format!(
                " The first begins {state} at {first:.2} s, the last at {last:.2} s; at most {} at once.",
                timeline.most_at_once(state)
            );
        }
    }
    if timeline.memory.len() > 1 {
        words += &format!(
            " Memory peaks at {} MiB, by {} samples.",
            mib(timeline.peak_kib()),
            timeline.memory.len()
        );
    }
    words
}

/// Whether the samples of the memory are shown one by one.
fn has_points(timeline: &Timeline) -> bool {
    timeline.memory.len() <= POINTS
}

/// A state has a shape as well as a colour.
fn bar(config: &TimelineConfig, span: &Span, from: f64, to: f64, middle: f64, id: &str) -> Markup {
    let width = (to - from).max(0.6);
    let style = config.styles.get(&span.state).copied();
    let (class, height, fill) = match style.unwrap_or(StateStyle::Low) {
        StateStyle::Thin => ("thin", 2.5, None),
        StateStyle::Hatched => ("hatched", BAR, Some("hatch")),
        StateStyle::Dotted => ("dotted", BAR, Some("dots")),
        StateStyle::Solid => ("solid", BAR, None),
        StateStyle::Low => ("low", BAR * 0.6, None),
    };
    let fill = fill.map(|pattern| format!("url(#{id}-{pattern})"));
    html! {
        rect class={ "state " (class) } x=(number(from)) y=(number(middle - height / 2.0)) width=(number(width)) height=(number(height)) fill=[fill] {
            title { (span.state) ", " (format!("{:.3} s to {:.3} s", span.from, span.to)) }
        }
    }
}

fn swatch(config: &TimelineConfig, state: &str, id: &str) -> Markup {
    let span = Span {
        state: state.to_owned(),
        from: 0.0,
        to: 0.0,
    };
    html! {
        svg.sample viewBox="0 0 22 16" aria-hidden="true" { (bar(config, &span, 1.0, 21.0, 8.0, id)) }
    }
}

fn memory(timeline: &Timeline, top: f64, x: &dyn Fn(f64) -> f64) -> Markup {
    let peak = timeline.peak_kib().max(1) as f64;
    let bottom = top + MEMORY;
    let y = |kib: u64| bottom - MEMORY * kib as f64 / peak;
    // Each part is drawn from zero up to its own top, the largest first, so that each later
    // one covers what is not its own.
    let area = |top_of: &dyn Fn(&TreeMemory) -> u64| {
        let mut path = String::new();
        for (nth, sample) in timeline.memory.iter().enumerate() {
            let letter = if nth == 0 { 'M' } else { 'L' };
            path += &format!(
                "{letter}{} {}",
                number(x(sample.seconds)),
                number(y(top_of(sample)))
            );
        }
        let first = timeline.memory.first().map_or(0.0, |sample| sample.seconds);
        let last = timeline.memory.last().map_or(0.0, |sample| sample.seconds);
        path += &format!(
            "L{} {b}L{} {b}Z",
            number(x(last)),
            number(x(first)),
            b = number(bottom)
        );
        path
    };
    html! {
        path.file d=(area(&|sample| sample.total_kib)) {}
        path.shmem d=(area(&|sample| sample.anon_kib + sample.shmem_kib)) {}
        path.anon d=(area(&|sample| sample.anon_kib)) {}
        // Nothing is left at the end; what comes before it nobody has seen.
        @if let Some(last) = timeline.memory.last() {
            path.unseen d=(format!("M{} {}L{} {}", number(x(last.seconds)), number(y(last.total_kib)), number(RIGHT), number(bottom))) {}
        }
        @if has_points(timeline) {
            @for sample in &timeline.memory {
                circle.point cx=(number(x(sample.seconds))) cy=(number(y(sample.total_kib))) r="2.4" {}
            }
        }
        line.base x1=(LEFT) x2=(RIGHT) y1=(number(bottom)) y2=(number(bottom)) {}
        line.grid x1=(LEFT) x2=(RIGHT) y1=(number(top)) y2=(number(top)) {}
        text.name x=(LEFT - 10.0) y=(number(top + 8.0)) text-anchor="end" { (mib(timeline.peak_kib())) " MiB" }
        text.name x=(LEFT - 10.0) y=(number(bottom)) text-anchor="end" { "memory" }
    }
}

/// Times for the axis: some five of them, at round seconds.
fn ticks(seconds: f64) -> Vec<f64> {
    let rough = (seconds / 5.0).max(1e-6);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    (0..)
        .map(|nth| f64::from(nth) * step)
        .take_while(|tick| *tick <= seconds)
        .collect()
}

fn tick_label(seconds: f64) -> PreEscaped<String> {
    // Rounded: a product of steps has digits that mean nothing.
    let rounded = (seconds * 1e4).round() / 1e4;
    PreEscaped(format!("{rounded} s"))
}

/// A coordinate, to a tenth of a unit.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::marks::Mark;

    fn drawn() -> String {
        let mark = |seconds, process: &str, state: &str| Mark {
            seconds,
            process: process.into(),
            state: state.into(),
        };
        let marks = [
            mark(0.0, "Main", "waiting"),
            mark(0.5, "Fork<1>", "receiving"),
            mark(1.0, "Fork<1>", "computing"),
            mark(1.5, "Fork<1>", "ended"),
        ];
        let config = TimelineConfig {
            ended: Some("ended".into()),
            described: vec!["receiving".into(), "computing".into()],
            styles: [("computing".into(), StateStyle::Solid)].into(),
            ..TimelineConfig::default()
        };
        let run = Timeline::of(&config, &marks, &[], 2.0).expect("there are marks");
        timeline(
            &config,
            &run,
            "demo/fork",
            "timeline-demo-fork",
            "2026-11-23",
        )
    }

    #[test]
    fn a_timeline_says_in_words_what_it_draws() {
        let page = drawn();
        for part in [
            "demo/fork: 2 processes in 2.00 seconds.",
            "The first begins computing at 1.00 s, the last at 1.00 s; at most 1 at once.",
            "role=\"img\"",
            "Fork&lt;1&gt;",
            "<td>computing</td><td class=\"number\">1.000</td><td class=\"number\">1.500</td>",
            "recorded 2026-11-23",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("\n\n"), "one HTML block");
    }

    #[test]
    fn ticks_are_round_and_within_the_run() {
        assert_eq!(ticks(2.2), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(ticks(0.05).len(), 6);
        assert_eq!(ticks(12.7), [0.0, 5.0, 10.0]);
    }
}
