//! What one machine made of a book's runs: its card, and of each run the verdicts and the
//! figures. `reports/NAME.json` keeps it, one file a machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::book::listing::{Book, Size};
use crate::record::cast::HostCard;
use crate::record::files::{Replacement, read_if_there};

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// The folder of the reports, from the book's root.
const FOLDER: &str = "reports";

/// What one machine reports of a book's runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MachineReport {
    /// The version of this format: 1.
    pub version: u32,
    /// The day of the last run, in UTC: `2026-03-14`.
    pub made: String,
    /// The machine that made the runs.
    pub machine: Machine,
    /// The runs, in the order of the book.
    pub runs: Vec<ReportedRun>,
}

/// A machine, and what of it the runs were left to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor, the memory, the kernel, the compiler.
    pub host: HostCard,
    /// What the runs were left to use of it.
    pub limits: Limits,
}

/// What a container, or the person who made a report, left the runs to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The processors that a process may run on (sched_getaffinity(2)).
    pub processors: usize,
    /// Of how many processors the cgroup has the time; none where it is not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// The cgroup's limit of memory, in MiB; none where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_memory_mib: Option<u64>,
    /// The memory that a run may have, in MiB, by `--limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_memory_mib: Option<u64>,
    /// The size of `/dev/shm` in MiB; none where there is no such folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_mib: Option<u64>,
    /// Whether system calls are filtered: `none`, `strict`, `filter` or `unknown`.
    pub seccomp: String,
    /// How the kernel promises memory: `heuristic`, `always`, `never` or `unknown`.
    pub overcommit: String,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportedRun {
    /// `LISTING/RUN`.
    pub run: String,
    /// At which size it was made.
    pub size: Size,
    /// A hash of what the program was built from and of its arguments. By it a verdict of an
    /// earlier program is known.
    pub of: String,
    /// Seconds from its start to its exit; none where it could not be started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why it was skipped, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What is wrong with how it ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// In what it differs from the record of its size; none: it was compared with none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<Vec<String>>,
    /// Its figures, as the run printed them, with their units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, String>,
    /// Its claims that such a run decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ReportedClaim>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportedClaim {
    /// Its sentence.
    pub says: String,
    /// A hash of its check. A verdict of a check that has changed says nothing.
    pub of: String,
    /// What the check found.
    pub verdict: Verdict,
    /// What was seen, or why the check was not made.
    pub seen: String,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The claim holds.
    Holds,
    /// It does not.
    DoesNotHold,
    /// The check was not made.
    Open,
}

impl MachineReport {
    /// Every report of a book, with the name of its file, in the order of the processors and
    /// the memory that the runs were left to use, the smallest machine first.
    ///
    /// # Errors
    ///
    /// One line that names the file, the line and what is expected.
    pub fn load_all(book: &Book) -> Result<Vec<(String, MachineReport)>> {
        let folder = book.root.join(FOLDER);
        let mut reports = Vec::new();
        if !folder.is_dir() {
            return Ok(reports);
        }
        let at = || format!("cannot list {FOLDER}");
        for entry in std::fs::read_dir(&folder).with_context(at)? {
            let path = entry.with_context(at)?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let shown = book.relative(&path).display().to_string();
            ensure!(
                path.extension()
                    .is_some_and(|extension| extension == "json"),
                "{shown}: expected NAME.json"
            );
            let report = MachineReport::load(&path, &shown)?;
            reports.extend(report.map(|report| (name.into_owned(), report)));
        }
        reports.sort_by_cached_key(|(name, report)| {
            let Machine { host, limits } = &report.machine;
            (limits.processors, host.cores, host.memory_mib, name.clone())
        });
        Ok(reports)
    }

    /// The report in that file, which errors name as `shown`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// As [`MachineReport::load_all`].
    pub fn load(path: &Path, shown: &str) -> Result<Option<MachineReport>> {
        /// What tells a report of another version from one that is broken.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Some(text) = read_if_there(path)? else {
            return Ok(None);
        };
        let broken = |error: serde_json::Error| {
            let line = error.line();
            let error = error.to_string();
            let error = error
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned();
            anyhow::anyhow!("{shown}:{line}: expected what `report` writes: {error}")
        };
        let Versioned { version } = serde_json::from_str(&text).map_err(broken)?;
        ensure!(
            version == VERSION,
            "{shown}: expected version {VERSION}, found {version}; `report` makes it anew"
        );
        Ok(Some(serde_json::from_str(&text).map_err(broken)?))
    }

    /// Where a report of this machine lies, unless somebody says otherwise.
    pub fn path(&self, book: &Book) -> PathBuf {
        let folder = book.root.join(FOLDER);
        folder.join(format!("{}.json", self.machine.name()))
    }

    /// The file's text.
    ///
    /// # Errors
    ///
    /// When a number is none that JSON has.
    pub fn to_text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the disk has no room, or the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<()> {
        Replacement::of(path, &self.to_text()?)?.take_its_place()
    }

    /// Takes over the runs of an earlier report of the same machine that were not made again.
    pub fn add_earlier(&mut self, earlier: MachineReport) {
        for run in earlier.runs {
            let again = |known: &ReportedRun| known.run == run.run && known.size == run.size;
            if !self.runs.iter().any(again) {
                self.runs.push(run);
            }
        }
    }
}

impl Machine {
    /// A name for the file of its report: `2-cores-24-gib-amd-epyc`.
    pub fn name(&self) -> String {
        let Machine { host, limits } = self;
        let counted = |cores: usize| if cores == 1 { "core" } else { "cores" };
        let mut parts = vec![if limits.processors < host.cores {
            format!(
                "{}-of-{}-{}",
                limits.processors,
                host.cores,
                counted(host.cores)
            )
        } else {
            format!("{}-{}", host.cores, counted(host.cores))
        }];
        parts.push(gib(host.memory_mib));
        parts.push(processor(&host.cpu));
        if let Some(quota) = limits.cpu_quota {
            parts.push(format!("time-of-{quota}"));
        }
        if let Some(limit) = limits.cgroup_memory_mib {
            parts.push(format!("cgroup-{}", gib(limit)));
        }
        if let Some(limit) = limits.run_memory_mib {
            parts.push(format!("limit-{}", gib(limit)));
        }
        match limits.shm_mib {
            None => parts.push("no-shm".to_owned()),
            Some(shm) if limits.has_small_shm(host) => parts.push(format!("shm-{}", gib(shm))),
            Some(_) => {}
        }
        if !["none", "unknown"].contains(&limits.seccomp.as_str()) {
            parts.push("seccomp".to_owned());
        }
        if !["heuristic", "unknown"].contains(&limits.overcommit.as_str()) {
            parts.push(format!("overcommit-{}", limits.overcommit));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("-")
    }

    /// Whether it may be the same machine: another kernel or compiler makes no other of it.
    pub fn is(&self, other: &Machine) -> bool {
        self.host.cpu == other.host.cpu && self.name() == other.name()
    }
}

impl Limits {
    /// Whether `/dev/shm` is far below the half of the memory that a Linux system gives it.
    pub fn has_small_shm(&self, host: &HostCard) -> bool {
        self.shm_mib.is_some_and(|shm| shm < host.memory_mib / 4)
    }
}

/// "24-gib", "64-mib".
fn gib(mib: u64) -> String {
    if mib < 1024 {
        format!("{mib}-mib")
    } else {
        format!("{:.0}-gib", mib as f64 / 1024.0)
    }
}

/// The first words of a processor's name: "amd-epyc", "intel-core-i7-1165g7".
fn processor(cpu: &str) -> String {
    let cpu = cpu.replace("(R)", " ").replace("(TM)", " ").to_lowercase();
    let words = cpu
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !["cpu", "processor", "r", "tm"].contains(word));
    words.take(5).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};

    pub(crate) fn machine() -> Machine {
        Machine {
            host: HostCard {
                cpu: "AMD EPYC".into(),
                cores: 2,
                memory_mib: 24_105,
                kernel: "Linux 6.1".into(),
                rustc: "rustc 1.95.0".into(),
                thp: "madvise".into(),
                virtual_machine: true,
            },
            limits: Limits {
                processors: 2,
                cpu_quota: None,
                cgroup_memory_mib: None,
                run_memory_mib: None,
                shm_mib: Some(24_105),
                seccomp: "none".into(),
                overcommit: "heuristic".into(),
            },
        }
    }

    pub(crate) fn report_of(runs: Vec<ReportedRun>) -> MachineReport {
        MachineReport {
            version: VERSION,
            made: "2026-03-14".into(),
            machine: machine(),
            runs,
        }
    }

    pub(crate) fn reported(run: &str, claims: Vec<ReportedClaim>) -> ReportedRun {
        ReportedRun {
            run: run.into(),
            size: Size::Quick,
            of: "1".into(),
            seconds: Some(0.25),
            skipped: None,
            faults: Vec::new(),
            differs: Some(Vec::new()),
            figures: BTreeMap::from([("t".into(), "4 ms".into())]),
            claims,
        }
    }

    #[test]
    fn a_report_is_named_by_what_the_runs_were_left_to_use() {
        let name = |change: fn(&mut Machine)| {
            let mut machine = machine();
            change(&mut machine);
            machine.name()
        };
        assert_eq!(name(|_| {}), "2-cores-24-gib-amd-epyc");
        assert_eq!(
            name(|machine| machine.limits.processors = 1),
            "1-of-2-cores-24-gib-amd-epyc"
        );
        assert_eq!(
            name(|machine| machine.limits.run_memory_mib = Some(4096)),
            "2-cores-24-gib-amd-epyc-limit-4-gib"
        );
        assert_eq!(
            name(|machine| {
                machine.limits.shm_mib = Some(64);
                machine.limits.seccomp = "filter".into();
                machine.limits.cpu_quota = Some(1.5);
                machine.limits.cgroup_memory_mib = Some(512);
            }),
            "2-cores-24-gib-amd-epyc-time-of-1.5-cgroup-512-mib-shm-64-mib-seccomp"
        );
        assert_eq!(
            name(|machine| machine.host.cpu = "Intel(R) Core(TM) i7-1165G7 CPU @ 2.80GHz".into()),
            "2-cores-24-gib-intel-core-i7-1165g7-2"
        );
    }

    #[test]
    fn a_report_survives_its_file_and_another_version_or_key_is_told() {
        let (dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        assert_eq!(MachineReport::load_all(&book).expect("none"), []);
        let report = report_of(vec![reported("demo/one", Vec::new())]);
        let path = report.path(&book);
        report.save(&path).expect("it can be written");
        let name = "2-cores-24-gib-amd-epyc".to_owned();
        assert_eq!(
            MachineReport::load_all(&book).expect("one"),
            [(name, report.clone())]
        );

        let text = report.to_text().expect("JSON");
        let error = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            std::fs::write(&path, text.replace(from, to)).expect("a file");
            MachineReport::load_all(&book)
                .expect_err("it is wrong")
                .to_string()
        };
        let file = "reports/2-cores-24-gib-amd-epyc.json";
        assert_eq!(
            error("\"version\": 1", "\"version\": 9"),
            format!("{file}: expected version 1, found 9; `report` makes it anew")
        );
        let unknown = error("\"made\"", "\"maid\"");
        assert!(
            unknown.starts_with(&format!(
                "{file}:3: expected what `report` writes: unknown field `maid`, expected one of"
            )),
            "{unknown}"
        );
        std::fs::remove_file(&path).expect("it is there");
        std::fs::write(dir.path().join("reports/x.txt"), "").expect("a file");
        let error = MachineReport::load_all(&book).expect_err("it is none");
        assert_eq!(error.to_string(), "reports/x.txt: expected NAME.json");
    }

    #[test]
    fn runs_that_are_made_again_take_the_place_of_earlier_ones_and_the_others_stay() {
        let mut now = report_of(vec![reported("demo/one", Vec::new())]);
        let mut recorded = reported("demo/one", Vec::new());
        recorded.size = Size::Recorded;
        let mut before = reported("demo/one", Vec::new());
        before.of = "0".into();
        now.add_earlier(report_of(vec![
            before,
            recorded,
            reported("demo/two", Vec::new()),
        ]));
        let found: Vec<(&str, Size, &str)> = now
            .runs
            .iter()
            .map(|run| (run.run.as_str(), run.size, run.of.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("demo/one", Size::Quick, "1"),
                ("demo/one", Size::Recorded, "1"),
                ("demo/two", Size::Quick, "1"),
            ]
        );
    }
}
