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

pub(super) fn memory(peak: &TreeMemory, run: &str) -> Markup {
    let rows = [
        (
            "Total",
            peak.total_kib,
            "every page once: the processes' PSS, and shared memory that none of them maps",
        ),
        (
            "anonymous",
            peak.anon_kib,
            "private memory, heaps and stacks; what a fork shares is divided until one side writes",
        ),
        (
            "shared memory",
            peak.shmem_kib,
            "pages of memfd and /dev/shm, however many processes map them, or none",
        ),
        (
            "file",
            peak.file_kib,
            "page cache of programs and mapped files; the system can take it back",
        ),
    ];
    html! {
        div.memory tabindex="0" role="group" aria-label={ "Memory of " (run) " at its peak" } {
            table {
                caption {
                    "Memory at the peak, "
                    (format!("{:.1}", peak.seconds)) " s after the start, in "
                    (peak.processes)
                    @if peak.processes == 1 { " process" } @else { " processes" }
                }
                thead { tr { th scope="col" { "Kind" } th scope="col" { "MiB" } th scope="col" { "What it counts" } } }
                tbody {
                    @for (index, (name, kib, counts)) in rows.iter().enumerate() {
                        tr class=[(index == 0).then_some("total")] {
                            th scope="row" { (name) }
                            td.number { (mib(*kib)) }
                            td { (counts) }
                        }
                    }
                }
            }
        }
    }
}
