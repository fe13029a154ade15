//! Names become data: records, figures, excerpts of files. Each file is read once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use super::directives::RunFigure;
use super::excerpt;
use crate::book::anchors::without_lines;
use crate::book::claim::Claim;
use crate::book::folder::is_rust;
use crate::book::listing::{Book, Listing, RunRef, Size};
use crate::book::program::Program;
use crate::judge::checks::Judgement;
use crate::judge::counter_run::{self, Counter};
use crate::judge::evidence::{self, Evidence, Judged};
use crate::judge::figures::{self, Figure};
use crate::judge::fingerprint::Fingerprints;
use crate::record::built_from::BuiltFrom;
use crate::record::cast::Record;
use crate::record::seen_to_fail::SeenToFail;
use crate::text::words::expected;

/// What chapters name, looked up.
pub(super) struct Resolver<'a> {
    pub(super) book: &'a Book,
    /// The chapters' folder, from the book's root.
    pub(super) chapters: &'a Path,
    records: HashMap<String, Option<Rc<JudgedRecord>>>,
    /// What each program is built from, by its listing's name: found out once for all its runs.
    fingerprints: Fingerprints,
    built_from: HashMap<(&'a str, &'a Program), BuiltFrom>,
    /// By listing.
    seen_to_fail: HashMap<&'a str, Vec<SeenToFail>>,
}

/// A record, and what the judge says of it.
pub(super) struct JudgedRecord {
    pub(super) record: Record,
    pub(super) judged: Judged,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(book: &'a Book, chapters: &'a Path) -> Resolver<'a> {
        Resolver {
            book,
            chapters,
            records: HashMap::new(),
            fingerprints: Fingerprints::default(),
            built_from: HashMap::new(),
            seen_to_fail: HashMap::new(),
        }
    }

    /// A figure and where it is from; `None` where there is no record yet.
    pub(super) fn figure(&mut self, name: &RunFigure) -> Result<Option<(Figure, String)>> {
        let run = self.book.run(&name.run)?;
        if name.in_reference {
            let figure = figures::of_reference(run, &name.figure)?;
            return Ok(Some((figure, "as the reference recorded it".to_owned())));
        }
        // Before the record: a name that does not exist is an error with a record and without.
        run.listing.require_figure(&name.figure)?;
        let Some(record) = self.record(run)? else {
            return Ok(None);
        };
        let figure = figures::of_record(run, &record.record, &name.figure)?;
        Ok(Some((
            figure,
            format!("recorded {}", record.record.header.date()),
        )))
    }

    /// What has changed since the record; a program's sources are read once for all its runs.
    pub(super) fn staleness(&mut self, run: RunRef<'a>, record: &Record) -> Result<Option<String>> {
        Ok(record.staleness_by(run, Size::Recorded, self.built_from(run)?))
    }

    pub(super) fn built_from(&mut self, run: RunRef<'a>) -> Result<&BuiltFrom> {
        let key = (&*run.listing.name, &run.run.program);
        let built_from = match self.built_from.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(
                self.fingerprints
                    .of_run(run)
                    .with_context(|| format!("hashing the sources of {}", run.listing.name))?,
            ),
        };
        Ok(built_from)
    }

    /// The counter-runs of a run's claims, those by patches as they were kept.
    pub(super) fn counters(&mut self, run: RunRef<'a>) -> Result<Vec<Vec<Counter>>> {
        let built_from = self.built_from(run)?.clone();
        let kept = match self.seen_to_fail.entry(&run.listing.name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(SeenToFail::load(run.listing)?),
        };
        let claims = run.run.claims.iter();
        let counters =
            claims.map(|claim| counter_run::counters(self.book, run, claim, kept, &built_from));
        counters.collect()
    }

    /// The record, read once, and what the judge says of it.
    pub(super) fn record(&mut self, run: RunRef<'a>) -> Result<Option<Rc<JudgedRecord>>> {
        let name = run.full_name();
        if let Some(record) = self.records.get(&name) {
            return Ok(record.clone());
        }
        let record = Record::load(run, Size::Recorded)?.map(|record| {
            let judged = evidence::judge(self.book, run, Evidence::Recorded(&record));
            Rc::new(JudgedRecord { record, judged })
        });
        self.records.insert(name, record.clone());
        Ok(record)
    }

    /// The verdicts of a run's claims on its record.
    pub(super) fn judgements(&mut self, run: RunRef<'a>) -> Result<Vec<(&'a Claim, Judgement)>> {
        let claims = &run.run.claims;
        Ok(match self.record(run)? {
            Some(record) => {
                let judged = record.judged.claims.iter();
                judged
                    .map(|(at, judgement)| (&claims[*at], judgement.clone()))
                    .collect()
            }
            None => {
                let undecided = || Judgement::Undecided("There is no record yet.".to_owned());
                claims.iter().map(|claim| (claim, undecided())).collect()
            }
        })
    }

    /// A file of a listing as a reader knows it, and what is shown of it.
    pub(super) fn excerpt(
        &self,
        listing: &str,
        file: &str,
        anchor: Option<&str>,
    ) -> Result<(String, String)> {
        let (listing, file) = self.listing_of(listing, file);
        let path = self.file_of_listing(&listing, &file)?;
        let shown = self.shown(&path);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {shown} as text"))?;
        let strip = &self.book.config.strip_lines;
        let text = if is_rust(&path) {
            without_lines(&text, strip)
        } else {
            text
        };
        let code = excerpt::of(&text, anchor);
        let code = code.with_context(|| shown.clone())?;
        Ok((shown, code))
    }

    /// The listing of a path that begins with its name, and what follows; of several the one with
    /// the longest name. A path that begins with none is cut after its first part.
    pub(super) fn listing_of(&self, listing: &str, file: &str) -> (String, String) {
        let whole = format!("{listing}/{file}");
        let rest = |listing: &Listing| {
            let rest = whole.strip_prefix(&listing.name)?.strip_prefix('/')?;
            Some((listing.name.clone(), rest.to_owned()))
        };
        let listings = self.book.listings.iter().filter_map(rest);
        let longest = listings.max_by_key(|(name, _)| name.len());
        longest.unwrap_or_else(|| (listing.to_owned(), file.to_owned()))
    }

    /// The path of a file of a listing, or of a sibling crate that has no runs.
    fn file_of_listing(&self, listing: &str, file: &str) -> Result<PathBuf> {
        let dir = self
            .book
            .listing(listing)
            .map(|listing| listing.dir.clone())
            .or_else(|| self.crate_beside(listing))
            .or_else(|| {
                // A file of the book that belongs to no listing, by its path.
                let path = self.book.root.join(listing);
                path.join(file).is_file().then_some(path)
            });
        let Some(dir) = dir else {
            let names = self.book.listings.iter().map(|listing| &listing.name);
            let names: Vec<&String> = names.collect();
            bail!("no listing {listing}; {}", expected(listing, &names));
        };
        let inside = Path::new(listing)
            .join(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = dir.join(file);
        if inside && path.is_file() {
            return Ok(path);
        }
        let mut files = Vec::new();
        collect_files(&dir, &dir, &mut files);
        bail!(
            "no file {file} in {}; {}",
            self.shown(&dir),
            expected(file, &files)
        )
    }

    fn crate_beside(&self, name: &str) -> Option<PathBuf> {
        if !matches!(
            Path::new(name).components().collect::<Vec<_>>()[..],
            [Component::Normal(_)]
        ) {
            return None;
        }
        self.book
            .listings
            .iter()
            .filter_map(|listing| listing.dir.parent())
            .map(|parent| parent.join(name))
            .find(|dir| dir.join("Cargo.toml").is_file())
    }

    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.book.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// The text files that a chapter might show, for an error message.
fn collect_files(root: &Path, dir: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || matches!(&*name, "target" | "recorded") {
            continue;
        }
        if path.is_dir() {
            collect_files(root, &path, files);
        } else if matches!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("rs" | "toml" | "py" | "sh" | "c" | "md" | "txt")
        ) {
            files.push(
                path.strip_prefix(root)
                    .unwrap_or(&path)
                    .display()
                    .to_string(),
            );
        }
    }
}
