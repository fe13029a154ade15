//! The memory of a run at its peak.

use maud::{Markup, html};

use super::inline::mib;
use crate::record::memory::{MemorySample, TreeMemory};

/// With fewer samples the peak may have been between them: a run that is over at once may have
/// been seen before its memory was there.
const FEWEST_SAMPLES: usize = 3;

/// The moment at which the process tree had most; the first of equals. `None`: it has not been
/// sampled, or too seldom.
pub(super) fn peak(samples: &[MemorySample]) -> Option<TreeMemory> {
    if TreeMemory::over_time(samples).count() < FEWEST_SAMPLES {
        return None;
    }
    // `max_by_key` alone would take the last.
    let times = TreeMemory::over_time(samples).rev();
    times.max_by_key(|tree| tree.total_kib)
}

/// What each kind of memory counts.
pub const KINDS: [(&str, &str); 4] = [
    (
        "Total",
        "every page once: the processes' PSS, and shared memory that none of them maps",
    ),
    (
        "anonymous",
        "private memory, heaps and stacks; what a fork shares is divided until one side writes",
    ),
    (
        "shared memory",
        "pages of memfd and /dev/shm, however many processes map them, or none",
    ),
    (
        "page cache",
        "programs and mapped files; the system can take it back",
    ),
];

/// How much there is of each of the [`KINDS`], in KiB.
pub fn by_kind(peak: &TreeMemory) -> [u64; 4] {
    [peak.total_kib, peak.anon_kib, peak.shmem_kib, peak.file_kib]
}

/// The memory of a run at its peak, kind by kind; `explained`: with what each kind counts.
pub(super) fn memory(peak: &TreeMemory, run: &str, explained: bool) -> Markup {
    html! {
        div.memory {
            table {
                caption {
                    "Memory at the peak, "
                    (format!("{:.1}", peak.seconds)) " s after the start, in "
                    (peak.processes)
                    @if peak.processes == 1 { " process" } @else { " processes" }
                    span.of-run { " of " (run) }
                    ", in MiB"
                }
                thead { tr { @for (kind, _) in KINDS { th scope="col" { (kind) } } } }
                tbody { tr { @for kib in by_kind(peak) { td.number { (mib(kib)) } } } }
            }
            @if explained {
                details.kinds {
                    summary { "What the kinds of memory count" }
                    dl { @for (kind, counts) in KINDS { div { dt { (kind) } dd { (counts) } } } }
                }
            }
        }
    }
}
