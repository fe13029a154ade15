//! The end of a run that has none of its own, and when its client is started.

use std::process::ExitStatus;
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
    /// How the client ended, once it has.
    client_ended: Option<ExitStatus>,
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
            client_ended: None,
            due,
        }
    }

    /// Whether it has no end of its own.
    pub(super) fn has_no_end(&self) -> bool {
        self.ends.is_some()
    }

    /// The run has ended; the client perhaps, too.
    pub(super) fn ended(&mut self, client: Option<ExitStatus>) {
        self.client_ended = self.client_ended.or(client);
    }

    /// Whether a client was started that has not ended.
    pub(super) fn waits_for_client(&self) -> bool {
        self.client_started && self.client_ended.is_none()
    }

    /// What is wrong with the client: it was never started, or has failed.
    pub(super) fn client_fault(&self) -> Option<String> {
        let client = self.client?;
        match (self.client_started, self.client_ended, &client.on_line) {
            (false, _, Some(pattern)) => Some(format!(
                "did not start its client: no line matched `{pattern}`"
            )),
            (true, Some(status), _) if !status.success() => {
                let command = client.typed();
                Some(format!("was called by `{command}`, which failed: {status}"))
            }
            _ => None,
        }
    }

    /// Looks at the lines that have come, and how the client has ended, if it has.
    pub(super) fn look(&mut self, lines: &[Line], client: Option<ExitStatus>) -> Due<'a> {
        self.client_ended = self.client_ended.or(client);
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
        if self.ends.is_none() && self.client_started && self.client_ended.is_some() {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use regex::Regex;

    use super::*;
    use crate::record::result::{Exit, RunResult};
    use crate::run::launch::{Input, Launch};
    use crate::run::runner::run;
    use crate::run::stop::Stop;

    fn script(script: &str, with: impl for<'a> FnOnce(Launch<'a>) -> Launch<'a>) -> RunResult {
        let args = ["-c".to_owned(), script.to_owned()];
        let launch = with(Launch::of(Path::new("/bin/sh"), &args, Path::new("/")));
        run(&launch, &Stop::default(), &mut |_| {}).expect("it starts")
    }

    fn lines(result: &RunResult, stream: Stream) -> Vec<&str> {
        let lines = result.lines.iter();
        let of_stream = lines.filter(|line| line.stream == stream);
        of_stream.map(Line::text).collect()
    }

    #[test]
    fn what_has_no_end_is_ended_and_that_is_right() {
        let on_line = Ends::OnLine(Regex::new("^3").expect("a pattern"));
        let counts = "n=0; while :; do n=$((n + 1)); echo $n; sleep 0.02; done";
        let args = ["-c".to_owned(), counts.to_owned()];
        let after = Ends::After(Duration::from_millis(200));
        for ends in [&on_line, &after] {
            let launch = Launch {
                ends: Some(ends),
                ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
            };
            let result = run(&launch, &Stop::default(), &mut |_| {}).expect("it starts");
            assert_eq!(result.end, Exit::AsMeant);
            assert!(result.faults(0).is_empty() && result.ended_with(0));
            assert_eq!(lines(&result, Stream::Output)[0], "1");
            assert_eq!(result.left_behind, [""; 0]);
        }
    }

    #[test]
    fn an_end_before_that_is_a_fault() {
        let ends = Ends::After(Duration::from_secs(50));
        let args = ["-c".to_owned(), "echo 1; exit 4".to_owned()];
        let launch = Launch {
            ends: Some(&ends),
            ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
        };
        let result = run(&launch, &Stop::default(), &mut |_| {}).expect("it starts");
        assert_eq!(
            result.faults(4),
            ["ended by itself with exit code 4; expected that it goes on until it is ended"]
        );
        assert!(!result.ended_with(4));
    }

    #[test]
    fn a_client_is_started_on_its_line_and_ends_the_run() {
        let client = Client {
            command: ["sh", "-c", "echo asked; echo $LANG >&2"]
                .map(str::to_owned)
                .into(),
            on_line: Some(Regex::new("ready").expect("a pattern")),
        };
        let args = ["-c".to_owned(), "echo ready; exec sleep 1000".to_owned()];
        let launch = Launch {
            client: Some(&client),
            ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
        };
        let result = run(&launch, &Stop::default(), &mut |_| {}).expect("it starts");
        assert_eq!(result.end, Exit::AsMeant);
        assert_eq!(lines(&result, Stream::Output), ["ready"]);
        assert_eq!(lines(&result, Stream::Client), ["asked", "C.UTF-8"]);

        for (command, on_line, fault) in [
            (
                "exit 7",
                "ready",
                "was called by `sh -c 'exit 7'`, which failed: exit status: 7",
            ),
            (
                "sleep 0.6; exit 5",
                "ready",
                "was called by `sh -c 'sleep 0.6; exit 5'`, which failed: exit status: 5",
            ),
            (
                "exit 0",
                "never",
                "did not start its client: no line matched `never`",
            ),
        ] {
            let client = Client {
                command: ["sh", "-c", command].map(str::to_owned).into(),
                on_line: Some(Regex::new(on_line).expect("a pattern")),
            };
            let args = ["-c".to_owned(), "echo ready; exec sleep 0.5".to_owned()];
            let launch = Launch {
                client: Some(&client),
                ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
            };
            let result = run(&launch, &Stop::default(), &mut |_| {}).expect("it starts");
            assert_eq!(result.faults(0), [fault]);
        }

        let gone = Client {
            command: vec!["no-such-program".to_owned()],
            on_line: None,
        };
        let launch = Launch {
            client: Some(&gone),
            ..launch
        };
        let error = run(&launch, &Stop::default(), &mut |_| {}).expect_err("there is none");
        assert_eq!(error.to_string(), "cannot start the client no-such-program");
    }

    #[test]
    fn what_a_run_reads_is_a_text_and_its_two_outputs_may_be_one() {
        let reads = "read line; echo \"$line\"; echo two >&2; echo three";
        let result = script(reads, |launch| Launch {
            input: Input::Text("one\n"),
            together: true,
            ..launch
        });
        assert_eq!(lines(&result, Stream::Output), ["one", "two", "three"]);
    }
}
