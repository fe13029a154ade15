//! The way from a run's thread to the page: what is on it is bounded, whatever the run
//! prints and however slowly the page reads.
//!
//! Lines are left out for the page alone. The first ones go out as they are printed; of the
//! others the last ones are kept here, and follow when the run has ended.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::page;
use crate::run::stop::Stop;
use crate::serve::events::RunEvent;
use crate::text::words::{counted, grouped};

/// How many lines the page shows from the beginning of an output, and how many from its end.
const MOST_LINES: usize = 2000;

/// How many bytes of output the page shows from its beginning, and how many from its end.
const MOST_BYTES: usize = 256 << 10;

/// How many bytes of one line the page shows.
const MOST_OF_A_LINE: usize = 4 << 10;

/// Bytes of HTML that go out at once: the page shows them in one frame.
const BATCH: usize = 32 << 10;

/// Bytes of words, and of one verdict, that the page is sent.
const MOST_WORDS: usize = 4 << 10;

/// How often the page hears how many lines it does not show.
const OFTEN: Duration = Duration::from_millis(250);

/// What the page is sent, as it happens. Dropping it ends the run.
#[derive(Debug)]
pub struct Stream {
    state: Arc<Mutex<State>>,
    stop: Stop,
}

/// The thread's end of a stream. When its last copy is dropped, the stream ends.
#[derive(Debug, Clone)]
pub(crate) struct EventSender {
    writer: Arc<Writer>,
    /// Ends the run.
    pub stop: Stop,
}

/// Ends the stream when it is dropped.
#[derive(Debug)]
struct Writer(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What the page has not taken yet.
    waiting: VecDeque<RunEvent>,
    /// Wakes the task that waits for the next event.
    waker: Option<Waker>,
    ended: bool,
    /// How many lines were printed.
    printed: usize,
    /// How many of them went out first, and how many bytes they have.
    first: (usize, usize),
    /// The last lines after those, each cut, with how many bytes it lacks.
    last: VecDeque<(String, usize)>,
    last_bytes: usize,
    /// The number of the first of the last lines that are shown, once they are.
    last_from: Option<usize>,
    /// When the page last heard how many lines it does not show.
    heard: Option<Instant>,
}

/// Both ends of a stream; `stop` ends the run when the page lets go of its end.
pub(crate) fn stream(stop: Stop) -> (EventSender, Stream) {
    let state = Arc::new(Mutex::default());
    let sender = EventSender {
        writer: Arc::new(Writer(Arc::clone(&state))),
        stop: stop.clone(),
    };
    (sender, Stream { state, stop })
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // What a panic may leave behind is a line that is not shown.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl tokio_stream::Stream for Stream {
    type Item = RunEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        let mut state = lock(&self.state);
        match state.waiting.pop_front() {
            None if !state.ended => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
            next => Poll::Ready(next),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.request();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.ended = true;
        state.wake();
    }
}

impl EventSender {
    /// Sends an event; a page that has let go of the stream has asked the run to stop.
    pub fn tell(&self, event: RunEvent) {
        let mut state = lock(&self.writer.0);
        let event = state.bounded(event);
        state.send(event);
    }

    pub fn status(&self, words: impl Into<String>) {
        self.tell(RunEvent::Status {
            words: words.into(),
        });
    }

    /// Sends a line that was printed, or keeps it for the end. `render` makes HTML of the
    /// part of a line that is shown; its second argument is how many bytes that part lacks.
    pub fn line(&self, raw: &str, render: impl Fn(&str, usize) -> String) {
        let shown = &raw[..raw.floor_char_boundary(MOST_OF_A_LINE)];
        let lacks = raw.len() - shown.len();
        let mut state = lock(&self.writer.0);
        let number = state.printed;
        state.printed += 1;
        let (lines, bytes) = state.first;
        let all_went_out = lines == number;
        if all_went_out && lines < MOST_LINES && bytes + shown.len() <= MOST_BYTES {
            state.first = (lines + 1, bytes + shown.len());
            state.send_line(number, render(shown, lacks));
        } else {
            state.keep(shown, lacks);
        }
    }

    /// Sends the last lines that were kept, and says how many are left out before them.
    pub fn end_of_lines(&self, render: impl Fn(&str, usize) -> String) {
        let mut state = lock(&self.writer.0);
        let (first, _) = state.first;
        if first == state.printed {
            return;
        }
        let last = std::mem::take(&mut state.last);
        let omitted = state.printed - first - last.len();
        state.send(RunEvent::Omitted {
            words: if omitted == 0 {
                String::new()
            } else {
                format!(
                    "… {} lines not shown here: the page shows the first {} and the last {}",
                    grouped(omitted),
                    grouped(first),
                    grouped(last.len()),
                )
            },
        });
        let begin = state.printed - last.len();
        state.last_from = Some(begin);
        for (at, (line, lacks)) in last.iter().enumerate() {
            state.send_line(begin + at, render(line, *lacks));
        }
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn send(&mut self, event: RunEvent) {
        match (self.waiting.back_mut(), event) {
            (Some(RunEvent::Omitted { words }), RunEvent::Omitted { words: newer }) => {
                *words = newer;
            }
            (_, event) => self.waiting.push_back(event),
        }
        self.wake();
    }

    fn send_line(&mut self, number: usize, line: String) {
        if let Some(RunEvent::Lines { first, html }) = self.waiting.back_mut()
            && *first + html.len() == number
            && html.iter().map(String::len).sum::<usize>() + line.len() <= BATCH
        {
            html.push(line);
            return;
        }
        self.send(RunEvent::Lines {
            first: number,
            html: vec![line],
        });
    }

    fn keep(&mut self, shown: &str, lacks: usize) {
        self.last.push_back((shown.to_owned(), lacks));
        self.last_bytes += shown.len();
        while self.last.len() > MOST_LINES || self.last_bytes > MOST_BYTES {
            let oldest = self.last.pop_front();
            self.last_bytes -= oldest.map_or(0, |(line, _)| line.len());
        }
        if self.heard.is_none_or(|heard| heard.elapsed() >= OFTEN) {
            self.heard = Some(Instant::now());
            self.send(RunEvent::Omitted {
                words: format!(
                    "… {} more so far; the last {} follow when the run has ended",
                    counted(self.printed - self.first.0, "line"),
                    grouped(MOST_LINES),
                ),
            });
        }
    }

    /// The event with what is too long for the page left out.
    fn bounded(&self, event: RunEvent) -> RunEvent {
        match event {
            RunEvent::Status { words } => RunEvent::Status { words: cut(words) },
            RunEvent::Failed { words } => RunEvent::Failed { words: cut(words) },
            RunEvent::Ended { words, well } => RunEvent::Ended {
                words: cut(words),
                well,
            },
            RunEvent::Agreement {
                words,
                agrees,
                mut live,
                mut recorded,
            } => {
                // A mark for a line that is not there would only be carried.
                let in_last = |line| self.last_from.is_some_and(|last| line >= last);
                live.retain(|line| *line < self.first.0 || in_last(*line));
                recorded.truncate(2 * MOST_LINES);
                RunEvent::Agreement {
                    words: cut(words),
                    agrees,
                    live,
                    recorded,
                }
            }
            RunEvent::Verdicts {
                mut claims,
                words,
                surprising,
            } => {
                for html in claims.values_mut() {
                    if html.len() > 4 * MOST_WORDS {
                        *html = page::live::live_verdict_too_long(html.len());
                    }
                }
                RunEvent::Verdicts {
                    claims,
                    words,
                    surprising,
                }
            }
            event => event,
        }
    }
}

fn cut(mut words: String) -> String {
    if words.len() > MOST_WORDS {
        words.truncate(words.floor_char_boundary(MOST_WORDS));
        words.push('…');
    }
    words
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The next event, when it comes; nothing at the end.
    pub(crate) fn next(stream: &mut Stream) -> Option<RunEvent> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let next = tokio_stream::StreamExt::next(stream);
        runtime.expect("a runtime").block_on(next)
    }

    fn all(stream: &mut Stream) -> Vec<RunEvent> {
        std::iter::from_fn(|| next(stream)).collect()
    }

    /// The numbers of the lines that events show, and what is said of the others at the end.
    fn shown(events: &[RunEvent]) -> (Vec<usize>, String) {
        let mut omitted = String::new();
        let mut numbers = Vec::new();
        for event in events {
            match event {
                RunEvent::Lines { first, html } => numbers.extend(*first..first + html.len()),
                RunEvent::Omitted { words } => omitted.clone_from(words),
                _ => {}
            }
        }
        (numbers, omitted)
    }

    fn plain(line: &str, lacks: usize) -> String {
        match lacks {
            0 => line.to_owned(),
            _ => format!("{line}+{lacks}"),
        }
    }

    /// Bytes that wait for a page.
    fn waiting(stream: &Stream) -> usize {
        let state = lock(&stream.state);
        let events = state.waiting.iter().map(|event| match event {
            RunEvent::Lines { html, .. } => html.iter().map(String::len).sum(),
            _ => 100,
        });
        events.sum::<usize>() + state.last_bytes
    }

    #[test]
    fn endless_lines_that_nobody_reads_take_bounded_room() {
        let (sender, mut stream) = stream(Stop::default());
        for number in 0..1_000_000 {
            sender.line(&format!("line {number}"), plain);
        }
        assert!(waiting(&stream) < 4 * MOST_BYTES, "{}", waiting(&stream));
        sender.end_of_lines(plain);
        drop(sender);
        let (numbers, omitted) = shown(&all(&mut stream));
        let expected: Vec<usize> = (0..2000).chain(998_000..1_000_000).collect();
        assert_eq!(numbers, expected);
        assert_eq!(
            omitted,
            "… 996,000 lines not shown here: the page shows the first 2,000 and the last 2,000"
        );
    }

    #[test]
    fn an_output_that_the_page_has_room_for_is_shown_whole() {
        for lines in [1, 2000, 2001, 4000] {
            let (sender, mut stream) = stream(Stop::default());
            for number in 0..lines {
                sender.line(&format!("line {number}"), plain);
            }
            sender.end_of_lines(plain);
            drop(sender);
            let (numbers, omitted) = shown(&all(&mut stream));
            assert_eq!(numbers, (0..lines).collect::<Vec<_>>());
            assert_eq!(omitted, "");
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_what_it_lacks() {
        let (sender, mut stream) = stream(Stop::default());
        sender.line(&"ä".repeat(1 << 20), plain);
        sender.line(&format!("x{}", "ä".repeat(1 << 20)), plain);
        drop(sender);
        let shown: Vec<String> = all(&mut stream)
            .into_iter()
            .flat_map(|event| match event {
                RunEvent::Lines { html, .. } => html,
                _ => Vec::new(),
            })
            .collect();
        let lacks = (2 << 20) - 4096;
        assert!(shown[0].ends_with(&format!("ä+{lacks}")));
        assert!(shown[1].ends_with(&format!("ä+{}", lacks + 2)));
    }

    #[test]
    fn long_lines_use_up_the_bytes_before_the_lines() {
        let (sender, mut stream) = stream(Stop::default());
        let line = "\x1b[31mx".repeat(10_000);
        for _ in 0..1000 {
            sender.line(&line, plain);
        }
        sender.end_of_lines(plain);
        drop(sender);
        let (numbers, omitted) = shown(&all(&mut stream));
        assert_eq!(numbers.len(), 2 * MOST_BYTES / MOST_OF_A_LINE);
        assert!(
            omitted.contains("the first 64 and the last 64"),
            "{omitted}"
        );
    }

    #[test]
    fn lines_that_wait_go_out_together() {
        let (sender, mut stream) = stream(Stop::default());
        for number in 0..100 {
            sender.line(&format!("line {number}"), plain);
        }
        assert_eq!(shown(&[next(&mut stream).expect("an event")]).0.len(), 100);
    }

    #[test]
    fn marks_are_for_lines_that_are_shown_and_words_stay_short() {
        let (sender, mut stream) = stream(Stop::default());
        for number in 0..10_000 {
            sender.line(&format!("line {number}"), plain);
        }
        sender.end_of_lines(plain);
        sender.tell(RunEvent::Agreement {
            words: "x".repeat(1 << 20),
            agrees: false,
            live: (0..10_000).collect(),
            recorded: Vec::new(),
        });
        let huge = "x".repeat(1 << 20);
        sender.tell(RunEvent::Verdicts {
            claims: [(0, huge)].into(),
            words: "Live: 1 holds".into(),
            surprising: false,
        });
        drop(sender);
        let events = all(&mut stream);
        let numbers = shown(&events).0;
        let agreement = events.iter().find_map(|event| match event {
            RunEvent::Agreement { live, words, .. } => Some((live.clone(), words.len())),
            _ => None,
        });
        let (live, words) = agreement.expect("an event");
        assert_eq!(live, numbers);
        assert!(words <= MOST_WORDS + 3);
        let Some(RunEvent::Verdicts { claims, .. }) = events.last() else {
            panic!("no verdicts");
        };
        assert!(claims[&0].len() < 200, "{}", claims[&0]);
    }
}
