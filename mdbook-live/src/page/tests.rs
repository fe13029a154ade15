//! What the parts of a page are made of.

use std::sync::LazyLock;

use regex::Regex;

use super::claims::ClaimView;
use super::inline::figure;
use super::listing::{Changes, ListingView, language, listing, with_line_anchors};
use super::memory::peak;
use super::output::LineStyle;
use super::run::{RecordView, RunView, run, runs};
use super::timeline;
use crate::book::claim::{AboutReference, Becomes, ByProcess, Claim};
use crate::book::claim::{Check, On};
use crate::book::config::{Cells, Reference, TimelineConfig};
use crate::book::program::Program;
use crate::book::varies::Varies;
use crate::judge::checks::CheckResult;
use crate::judge::checks::Judgement;
use crate::judge::figures::Figure;
use crate::record::account::{Observation, tests::account};
use crate::record::built_from::BuiltFrom;
use crate::record::cast::{Header, Provenance};
use crate::record::cast::{HostCard, Record};
use crate::record::line::lines_of;
use crate::record::memory::MemorySample;
use crate::record::result::{Exit, RunResult};
use crate::text::words::two_digits;

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
                    virtual_machine: false,
                },
                args: vec!["fork".into()],
                exit: 0,
                built_from: BuiltFrom::default(),
                stderr: Vec::new(),
                client: Vec::new(),
                imported: None,
                around: String::new(),
                by: "wall_s".into(),
                warm_ups: 0,
                data_limit: None,
                account: None,
                of: vec![1.2, 1.5, 1.75],
            },
        },
        lines: lines_of(text),
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
        reference: Some((
            &MANUAL,
            lines_of("Main <1>\n\n  ForkProcess-1 {{#run x/y}}\n"),
        )),
        reference_says: "The manual says",
        record: record.map(|record| RecordView {
            files: None,
            record,
            stale: None,
        }),
        live: None,
        has_one_size: true,
        style: LineStyle {
            varies: &TIMES_VARY,
            cells: Some(&CELLS),
        },
        claims,
        explains_memory: true,
        data_limit: None,
        program: &Program::Main,
        ends: None,
        client: None,
    }
}

static MANUAL: LazyLock<Reference> = LazyLock::new(|| Reference {
    name: "Manual".into(),
    about: "As printed in it".into(),
    says: "The manual says".into(),
    folder: "manual".into(),
});

static CELLS: LazyLock<Cells> = LazyLock::new(|| Cells {
    pattern: Regex::new(r"memory (\d+) MB(?:, peak (\d+) MB)?$").unwrap(),
    heads: vec!["MB".into(), "peak".into()],
});

static TIMES_VARY: LazyLock<Varies> = LazyLock::new(|| Varies {
    redact: vec![Regex::new(r"\[ *\d+\.\d+s\]").unwrap()],
    ..Varies::default()
});

fn a_claim() -> Claim {
    let pattern = |text: &str| Regex::new(text).unwrap();
    Claim {
        says: "Same `id` & value".into(),
        line: 1,
        note: None,
        hint: None,
        on: On::Any,
        broken_by: Vec::new(),
        reference: Some(AboutReference {
            says: None,
            in_words: true,
            becomes: Becomes::Holds { when: None },
        }),
        check: Check::Same(ByProcess {
            value: pattern("id (.)"),
            process: pattern(r"^(\S+)"),
        }),
    }
}

fn judged(claim: &Claim, holds: bool) -> ClaimView<'_> {
    ClaimView {
        id: "run-demo-fork--one-id".into(),
        claim,
        judgement: Judgement::Decided(CheckResult {
            holds,
            seen: "4 of 4 lines".into(),
            nothing: false,
        }),
        live: None,
        counters: Vec::new(),
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
        whole: true,
        since: None,
    });
    assert_eq!(
        text,
        "<figure class=\"listing\" id=\"listing-demo-src-main-rs\" data-lines=\"1\"><figcaption>\
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
        whole: true,
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
        whole: true,
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
fn a_long_file_is_folded_and_an_excerpt_is_not() {
    let text = |lines: usize, whole| {
        listing(&ListingView {
            number: "1",
            id: "x",
            path: "a.rs",
            caption: "The whole",
            code: &"a\n".repeat(lines),
            whole,
            since: None,
        })
    };
    let folded = text(17, true);
    assert!(
        folded.contains("<details><summary><span class=\"number\""),
        "{folded}"
    );
    assert!(folded.contains("<span class=\"lines\">17 lines</span></summary>\n\n```rust"));
    assert!(
        folded.ends_with("```\n\n</details>\n</figure>\n"),
        "{folded}"
    );
    assert!(!text(16, true).contains("<details>"));
    assert!(!text(17, false).contains("<details>"));
}

#[test]
fn a_step_shows_what_has_changed_and_folds_the_whole() {
    let code: String = (1..=60).map(|line| format!("    line {line}\n")).collect();
    let step = |changes: &Changes| {
        listing(&ListingView {
            number: "1",
            id: "x",
            path: "s2.rs",
            caption: "",
            code: &code,
            whole: true,
            since: Some(("s1.rs", changes)),
        })
    };
    let mut changes = Changes {
        new: vec![false; 60],
        removed: 0,
    };
    changes.new[9] = true;
    changes.new[15] = true;
    changes.new[59] = true;
    let text = step(&changes);
    // One line between two regions is shown: a line in its place would be no shorter.
    let excerpt = "```rust,noplayground\n    // … 7 lines as before\n    line 8\n    line 9\n    \
                   line 10\n    line 11\n    line 12\n    line 13\n    line 14\n    line 15\n    \
                   line 16\n    line 17\n    line 18\n    // … 39 lines as before\n    line 58\n    \
                   line 59\n    line 60\n```\n";
    assert!(text.contains(excerpt), "{text}");
    let marks = text.matches("<i").count();
    assert_eq!(marks, excerpt.lines().count() - 2, "a mark for each line");
    assert!(text.contains("<details><summary>The whole file, 60 lines</summary>\n\n```rust"));
    assert!(text.contains(&code), "{text}");

    changes.new.fill(true);
    let text = step(&changes);
    assert!(!text.contains("<details>"), "all of it is new: {text}");
}

#[test]
fn figures_at_the_ends_of_lines_are_cells_and_the_text_stays_whole() {
    let record = record("ready\nloaded, memory 5 MB\ndone, memory 7 MB, peak 9 MB\n");
    let html = run(&view(Some(&record), vec![])).text;
    for part in [
        // "loaded, " has 8 characters; two cells of 10 each.
        "style=\"--needs: 28; --cells: 2\"",
        "<div class=\"cell-heads\" aria-hidden=\"true\"><span>MB</span><span>peak</span></div>",
        "<span class=\"line\" id=\"run-demo-fork-L1\">ready\n</span>",
        "<span class=\"text\">done, </span><span class=\"cells\"><span class=\"words\">memory </span>\
         <span class=\"cell\">7</span><span class=\"words\"> MB, peak </span>\
         <span class=\"cell\">9</span><span class=\"words\"> MB</span></span>\n",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn runs_behind_one_head_tell_their_names_and_how_many_claims_hold() {
    let claim = a_claim();
    let record = record("x");
    let judged = |holds| judged(&claim, holds);
    let one = run(&view(Some(&record), vec![judged(true), judged(false)]));
    let two = run(&view(Some(&record), vec![judged(true)]));
    let html = runs("The `others`", &[one, two], "The manual says");
    for part in [
        "<details class=\"runs\"><summary><span class=\"caption\">The <code>others</code></span>",
        "<span class=\"names\"><code>demo/fork</code>, <code>demo/fork</code></span>",
        "</span> 2 claims hold</span>, <span class=\"tally fails\">",
        "</span> 1 claim does not hold</span></summary>\n<section class=\"run\"",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(html.ends_with("</section>\n</details>\n"), "{html}");
    assert!(!html.trim_end().contains("\n\n"), "{html}");
}

#[test]
fn each_claim_has_a_link_to_itself() {
    let claim = a_claim();
    let html = run(&view(None, vec![judged(&claim, true)])).text;
    for part in [
        "<li class=\"holds\" id=\"run-demo-fork--one-id\" data-claim=\"0\">",
        "<a class=\"claim-link\" href=\"#run-demo-fork--one-id\" aria-label=\"Link to this claim\">",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn without_scripts_a_link_to_a_line_leads_to_its_listing() {
    let page = "<p>\n<figure class=\"listing wide\" id=\"listing-a\" data-lines=\"2\"><pre>\
                <figure class=\"run-column\">";
    assert_eq!(
        with_line_anchors(page),
        "<p>\n<figure class=\"listing wide\" id=\"listing-a\" data-lines=\"2\">\
         <noscript><a id=\"listing-a-L1\"></a><a id=\"listing-a-L2\"></a></noscript><pre>\
         <figure class=\"run-column\">"
    );
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
            whole: true,
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
    let record = record("\x1b[1mMain\x1b[0m \x1b[32m[ 0.00s]\x1b[0m a<b\n\nend");
    let html = run(&view(Some(&record), vec![])).text;
    assert!(!html.trim_end().contains("\n\n"), "{html}");
    assert!(!html.contains("{{"), "{html}");
    for part in [
        "<section class=\"run\" id=\"run-demo-fork\"",
        "href=\"#run-demo-fork\"",
        "<code>listings/demo</code>",
        "<code class=\"language-sh\">cargo run -- fork</code>",
        "As printed in it",
        "Main &lt;1&gt;",
        "<span class=\"bold\">Main</span> <span class=\"varies\">\
         <span class=\"green\">[ 0.00s]</span></span> a&lt;b",
        "<strong>Recorded</strong> <span class=\"about\"><time datetime=\"2026-11-23\">",
        "title=\"Linux 6.1.0, rustc 1.95.0\">A &lt;fast&gt; CPU, 2 cores, 24 GiB memory</span>; median",
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
            id: "run-demo-fork--one-id".into(),
            claim: &claim,
            judgement: Judgement::Undecided("There is no record yet.".into()),
            live: None,
            counters: Vec::new(),
        }],
    ))
    .text;
    assert!(html.contains("has not been recorded yet"), "{html}");
    assert!(html.contains("not judged"), "{html}");
}

#[test]
fn a_limit_of_memory_stands_with_the_command() {
    let view = RunView {
        data_limit: Some(64 << 20),
        ..view(None, vec![])
    };
    let words = "With at most 64 MiB of private memory a process";
    let html = run(&view).text;
    assert!(
        html.contains(&format!("</pre><p class=\"run-limit\">{words}</p>")),
        "{html}"
    );
    let without = RunView {
        data_limit: None,
        ..view
    };
    assert!(!run(&without).text.contains("run-limit"));
}

#[test]
fn an_observed_run_has_a_picture_of_when_its_processes_were_alive() {
    let account = account(&[(None, 0.0, 1.0), (Some(0), 0.2, 0.5)]);
    let result = RunResult {
        began: std::time::UNIX_EPOCH,
        lines: Vec::new(),
        marks: Vec::new(),
        memory: Vec::new(),
        observation: Observation::Made(account),
        seconds: 1.0,
        end: Exit::Exited(0),
        left_behind: Vec::new(),
        client_fault: None,
    };
    let config = TimelineConfig::default();
    let html = timeline::picture(&config, "demo/fork", &result).expect("it was observed");
    assert!(
        html.contains("demo/fork: 2 processes in 1.00 seconds."),
        "{html}"
    );
    assert!(
        html.contains("<td>P1</td><td>alive</td><td class=\"number\">0.200</td>"),
        "{html}"
    );
    let result = RunResult {
        observation: Observation::NotAsked,
        ..result
    };
    assert_eq!(timeline::picture(&config, "demo/fork", &result), None);
}

#[test]
fn a_stale_record_and_a_failed_run_are_told() {
    let mut record = record("x");
    record.header.live.exit = 101;
    let mut view = view(Some(&record), vec![]);
    view.reference = None;
    if let Some(record) = &mut view.record {
        record.stale = Some("its sources have changed since 2026-11-23".into());
    }
    let html = run(&view).text;
    assert!(
        html.contains("its sources have changed since 2026-11-23"),
        "{html}"
    );
    assert!(html.contains("exit code 101"), "{html}");
    assert!(!html.contains("As printed"), "{html}");
}

#[test]
fn claims_say_in_words_whether_they_hold() {
    let claim = a_claim();
    let record = record("x");
    let judged = |holds| judged(&claim, holds);
    let html = run(&view(Some(&record), vec![judged(true), judged(false)])).text;
    for part in [
        "<span aria-hidden=\"true\">✔</span> holds",
        "<span aria-hidden=\"true\">✘</span> does not hold",
        "The manual says:",
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
    let most = peak(&samples).unwrap();
    assert_eq!(
        (
            most.seconds,
            most.processes,
            most.total_kib,
            most.anon_kib,
            most.file_kib
        ),
        (0.5, 2, 4000, 2500, 1500)
    );
    assert_eq!(peak(&[]), None);
}

#[test]
fn the_memory_table_counts_in_mib() {
    let mut record = record("x");
    record.memory = vec![sample(0.0, 0, 2000, 1000), sample(0.5, 0, 204_800, 1024)];
    let html = run(&view(Some(&record), vec![])).text;
    assert!(!html.contains("after the start"), "two samples: {html}");
    record.memory.push(sample(0.6, 0, 2000, 1000));
    let html = run(&view(Some(&record), vec![])).text;
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
