//! Whether a record is of the run as it is now.

use anyhow::Result;

use super::fingerprint;
use crate::book::listing::{RunRef, Size};
use crate::record::built_from::BuiltFrom;
use crate::record::cast::Record;

impl Record {
    /// What has changed since: "its sources have changed since 2026-03-14".
    pub fn staleness(&self, run: RunRef<'_>, size: Size) -> Result<Option<String>> {
        Ok(self.staleness_by(run, size, &fingerprint::of_run(run)?))
    }

    /// As [`Record::staleness`], where it is known what the run's program is built from.
    pub fn staleness_by(&self, run: RunRef<'_>, size: Size, now: &BuiltFrom) -> Option<String> {
        let then = &self.header.live.built_from;
        if *then == BuiltFrom::default() {
            return Some("it does not say what it was built from".to_owned());
        }
        let mut changes = then.changes(now);
        if self.header.live.args != run.run.args(size) {
            changes.insert(0, "arguments".to_owned());
        } else if self.header.command != run.command(size) {
            // With its variables, its input and the options of cargo.
            changes.insert(0, "command".to_owned());
        }
        // One of a run that the tool ends is what that came to.
        let has_status = run.run.ends.is_none() && run.run.client.is_none();
        if has_status && self.header.live.exit != run.run.status {
            changes.insert(0, "exit status".to_owned());
        }
        if self.header.live.around != run.around() {
            changes.insert(0, "client or end".to_owned());
        }
        if self.header.live.data_limit != run.run.data_limit {
            changes.insert(0, "memory limit".to_owned());
        }
        let last = changes.pop()?;
        let (list, have) = match &changes[..] {
            [] if ["dependency", "profile", "memory limit"]
                .iter()
                .any(|one| last.starts_with(one))
                || ["command", "client or end", "exit status"].contains(&&*last) =>
            {
                (last, "has")
            }
            [] => (last, "have"),
            others => (format!("{} and {last}", others.join(", ")), "have"),
        };
        let date = self.header.date();
        Some(format!("its {list} {have} changed since {date}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::cast::tests::record_of;

    #[test]
    fn a_record_is_stale_when_arguments_or_sources_have_changed() {
        let (dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let run = book.run("demo/one").expect("it is there");
        let mut record = record_of("");
        record.header.live.built_from = fingerprint::of_run(run).expect("sources");
        record.header.command = run.command(Size::Recorded);
        assert_eq!(
            record.staleness(run, Size::Recorded).expect("sources"),
            None
        );

        let nothing = record_of("")
            .staleness(run, Size::Recorded)
            .expect("sources");
        assert_eq!(
            nothing.as_deref(),
            Some("it does not say what it was built from")
        );

        record.header.command = "PATH=/ cargo run".to_owned();
        assert_eq!(
            record
                .staleness(run, Size::Recorded)
                .expect("sources")
                .as_deref(),
            Some("its command has changed since 2026-03-14")
        );
        record.header.command = run.command(Size::Recorded);
        record.header.live.data_limit = Some(1 << 20);
        assert_eq!(
            record
                .staleness(run, Size::Recorded)
                .expect("sources")
                .as_deref(),
            Some("its memory limit has changed since 2026-03-14")
        );
        record.header.live.data_limit = None;

        record.header.live.args.pop();
        let told = |record: &Record| record.staleness(run, Size::Recorded).expect("sources");
        assert_eq!(
            told(&record).as_deref(),
            Some("its arguments have changed since 2026-03-14")
        );
        std::fs::write(
            dir.path().join("listings/demo/src/main.rs"),
            "fn main() { loop {} }",
        )
        .expect("a file");
        assert_eq!(
            told(&record).as_deref(),
            Some("its arguments and sources have changed since 2026-03-14")
        );
        record.header.live.built_from = fingerprint::of_run(run).expect("sources");
        record.header.live.args = run.run.args.clone();
        record.header.command = run.command(Size::Recorded);
        record.header.live.built_from.dependencies = vec!["nix 0.31.1".into()];
        let words = told(&record).expect("it is stale");
        assert!(words.contains("dependency nix 0.31.1 (gone)"), "{words}");
    }
}
