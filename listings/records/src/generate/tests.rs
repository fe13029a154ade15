//! Beside the generator's source and not in it: a changed test makes no data stale.

use std::io::Read;
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::*;
use crate::arguments::SEED;
use crate::nansum;

/// What [`write_part`] writes from record `first` on.
fn part(first: usize, count: usize) -> Vec<Record> {
    let file: OwnedFd = memfd_create(c"part", MFdFlags::MFD_CLOEXEC).expect("memfd");
    let part = Part {
        file: Descriptor::from(file.try_clone().expect("a second descriptor")),
        offset: 0,
        first,
        count,
        seed: SEED,
    };
    let (_, written) = write_part(part).expect("written");
    assert_eq!(written, count);
    let mut bytes = Vec::new();
    File::from(file).read_to_end(&mut bytes).expect("read");
    bytemuck::pod_collect_to_vec(&bytes[first * size_of::<Record>()..])
}

#[test]
fn records_are_numbered_and_a_microsecond_apart() {
    let records = part(PART, CHUNK + 1);
    assert_eq!(records.len(), CHUNK + 1);
    for (record, index) in records.iter().zip(PART as i64..) {
        assert_eq!(record.index, index);
        assert_eq!(record.timestamp, 1_704_067_200_000_000_000 + index * 1_000);
    }
}

#[test]
fn a_third_of_the_values_is_no_number_and_the_rest_is_as_it_always_was() {
    let records = part(0, PART);
    assert_eq!(nansum(&records), FIRST_PART_SUM);
    let of = |kind: fn(f64) -> bool| records.iter().filter(|r| kind(r.val)).count();
    let (zeros, ones, nans) = (of(|v| v == 0.0), of(|v| v == 1.0), of(f64::is_nan));
    assert_eq!(zeros + ones + nans, PART);
    assert!(zeros.abs_diff(PART / 3) < 2_000 && nans.abs_diff(PART / 3) < 2_000);
}

#[test]
fn a_part_is_the_same_alone_and_parts_differ() {
    // In bits: a value that is no number equals none, itself least of all.
    let values = |first, count| -> Vec<u64> {
        let records = part(first, count);
        records[..100].iter().map(|r| r.val.to_bits()).collect()
    };
    assert_eq!(values(0, 100), values(0, CHUNK * 2));
    assert_ne!(values(0, 100), values(PART, 100));
}

#[test]
fn another_seed_has_another_fingerprint() {
    assert_eq!(fingerprint(SEED), fingerprint(SEED));
    assert_ne!(fingerprint(SEED), fingerprint(SEED + 1));
}

/// Of the records of the first part, by the seed of the book.
const FIRST_PART_SUM: f64 = 349_061.0;
