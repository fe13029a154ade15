//! The end of a run that has none of its own, and when its client is started.

use std::time::{Duration, Instant};

use crate::book::surroundings::{Client, Ends};
use crate::record::line::{Line, Stream};

/// How long a run goes on after what it ends on: what it prints just then belongs to it.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Watches a run for what ends it, and for what its client waits for.
pub(super) struct AsMeant<'a> {
    ends: Option<&'a Ends>,
    client: Option<&'a Client>,
    /// How many lines have been looked at.
    seen: usize,
    client_started: bool,
    /// When it is ended.
    due: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due<'a> {
    Nothing,
    StartClient(&'a Client),
    End,
}

impl<'a> AsMeant<'a> {
    pub(super) fn of(
        ends: Option<&'a Ends>,
        client: Option<&'a Client>,
        start: Instant,
    ) -> AsMeant<'a> {
        let due = match ends {
            Some(Ends::After(time)) => Some(start + *time),
            _ => None,
        };
        AsMeant {
            ends,
            client,
            seen: 0,
            client_started: false,
            due,
        }
    }

    /// Whether it has no end of its own.
    pub(super) fn has_no_end(&self) -> bool {
        self.ends.is_some()
    }

    /// Looks at the lines that have come, and whether the client has ended.
    pub(super) fn look(&mut self, lines: &[Line], client_has_ended: bool) -> Due<'a> {
        let mut start_client = false;
        if let Some(client) = self.client.filter(|_| !self.client_started) {
            start_client = client.on_line.is_none();
        }
        for line in &lines[self.seen..] {
            if line.stream == Stream::Client {
                continue;
            }
            if let Some(Client {
                on_line: Some(pattern),
                ..
            }) = self.client
            {
                start_client |= !self.client_started && pattern.is_match(line.text());
            }
            if let Some(Ends::OnLine(pattern)) = self.ends
                && pattern.is_match(line.text())
            {
                self.end_in_a_moment();
            }
        }
        self.seen = lines.len();
        if start_client && let Some(client) = self.client {
            self.client_started = true;
            return Due::StartClient(client);
        }
        if self.ends.is_none() && self.client_started && client_has_ended {
            self.end_in_a_moment();
        }
        match self.due {
            Some(due) if Instant::now() >= due => Due::End,
            _ => Due::Nothing,
        }
    }

    fn end_in_a_moment(&mut self) {
        self.due.get_or_insert(Instant::now() + A_MOMENT);
    }
}
