//! How fast one core takes records that lie in huge pages: the two kernels beside a plain
//! read of the same bytes.
//!
//! ```text
//! cargo bench -p transports
//! ```

use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use memmap2::{Advice, MmapMut};
use records::{Record, nansum, nansum_column};

/// 240 MB of records, more than a cache holds.
const RECORDS: usize = 10_000_000;

fn main() {
    divan::main();
}

/// As many bytes as the records have, which every third 8 bytes are the value of.
static MEMORY: LazyLock<MmapMut> = LazyLock::new(|| {
    let mut memory = MmapMut::map_anon(RECORDS * size_of::<Record>()).expect("memory");
    // A wish: where the system has no huge pages for it, the pages are small.
    let _ = memory.advise(Advice::HugePage);
    let records: &mut [Record] = bytemuck::cast_slice_mut(&mut memory);
    for (index, record) in (0..).zip(records) {
        *record = Record {
            index,
            timestamp: index,
            val: [0.0, 1.0, f64::NAN][index as usize % 3],
        };
    }
    memory
});

fn measure<T: bytemuck::Pod, R>(bencher: Bencher, take: impl Fn(&[T]) -> R + Sync) {
    let elements: &[T] = bytemuck::cast_slice(&MEMORY);
    bencher
        .counter(BytesCount::of_slice(elements))
        .bench(|| take(black_box(elements)));
}

/// As little work as there can be for every byte: what is left is the memory.
#[divan::bench(sample_size = 1)]
fn read(bencher: Bencher) {
    measure(bencher, |words: &[u64]| {
        words.iter().fold(0, |all, word| all ^ word)
    });
}

#[divan::bench(sample_size = 1)]
fn nansum_of_records(bencher: Bencher) {
    measure(bencher, |records: &[Record]| nansum(records));
}

/// Of all 8 bytes as one column, three times as long as that of the records.
#[divan::bench(sample_size = 1)]
fn nansum_of_a_column(bencher: Bencher) {
    measure(bencher, |values: &[f64]| nansum_column(values));
}
