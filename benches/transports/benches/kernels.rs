//! How fast one core takes records that lie in huge pages: the two kernels beside a plain
//! read of the same bytes.
//!
//! ```text
//! cargo bench -p transports --bench kernels
//! ```

use std::sync::LazyLock;

use bytemuck::Pod;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use memmap2::{Advice, MmapMut};
use records::{Record, nansum, nansum_column, read_each_line};

/// 240 MB of records, more than a cache holds.
const RECORDS: usize = 10_000_000;

fn main() {
    divan::main();
}

/// What a value of the records can be.
const VALUES: [f64; 3] = [0.0, 1.0, f64::NAN];

static THE_RECORDS: LazyLock<MmapMut> = LazyLock::new(|| {
    in_huge_pages(|index| Record {
        index: index as i64,
        timestamp: index as i64,
        val: VALUES[index % VALUES.len()],
    })
});

/// As many bytes of values alone.
static A_COLUMN: LazyLock<MmapMut> =
    LazyLock::new(|| in_huge_pages(|index| VALUES[index % VALUES.len()]));

fn in_huge_pages<T: Pod>(element: impl Fn(usize) -> T) -> MmapMut {
    let mut memory = MmapMut::map_anon(RECORDS * size_of::<Record>()).expect("memory");
    // A wish: where the system has no huge pages for it, the pages are small.
    let _ = memory.advise(Advice::HugePage);
    let places = bytemuck::cast_slice_mut(&mut memory).iter_mut();
    for (index, place) in places.enumerate() {
        *place = element(index);
    }
    memory
}

fn measure<T: Pod + Sync, R>(bencher: Bencher, memory: &[u8], take: fn(&[T]) -> R) {
    bencher
        .counter(BytesCount::of_slice(memory))
        .bench(|| take(black_box(bytemuck::cast_slice(memory))));
}

#[divan::bench(sample_size = 1)]
fn read_a_word_of_each_line(bencher: Bencher) {
    measure(bencher, &THE_RECORDS, read_each_line);
}

#[divan::bench(sample_size = 1)]
fn read_every_word(bencher: Bencher) {
    measure(bencher, &THE_RECORDS, |words: &[u64]| {
        words.iter().fold(0, |all, word| all ^ word)
    });
}

#[divan::bench(sample_size = 1)]
fn nansum_of_records(bencher: Bencher) {
    measure(bencher, &THE_RECORDS, nansum);
}

#[divan::bench(sample_size = 1)]
fn nansum_of_a_column(bencher: Bencher) {
    measure(bencher, &A_COLUMN, nansum_column);
}
