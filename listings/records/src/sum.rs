//! The work itself: a sum over one field.

use std::ops::Range;

use crate::Record;

/// The sum of `val` over all records whose `val` is a number.
///
/// Exact where the sum and every part of it are integers below 2^53, so that the
/// order of the additions does not matter: here the values are 0, 1 and NaN.
/// Without any number the sum is 0, as `numpy.nansum` has it.
pub fn nansum(records: &[Record]) -> f64 {
    sum_of_numbers(records, |record| record.val)
}

/// [`nansum`] over values that lie side by side, eight bytes each.
pub fn nansum_column(values: &[f64]) -> f64 {
    sum_of_numbers(values, |val| *val)
}

/// The values of `records`, copied out of them.
pub fn column(records: &[Record]) -> Vec<f64> {
    records.iter().map(|record| record.val).collect()
}

/// Reads one word of each cache line of 64 bytes, and does next to nothing with it: all of the
/// memory has to come, as for a sum, and nothing else is asked for.
///
/// The words are combined, so that no compiler can leave a read out.
pub fn read_each_line(records: &[Record]) -> u64 {
    let words: &[u64] = bytemuck::cast_slice(records);
    let (lines, rest) = words.as_chunks::<8>();
    let all = lines.iter().fold(0, |all, line| all ^ line[0]);
    rest.first().map_or(all, |word| all ^ word)
}

fn sum_of_numbers<T>(elements: &[T], val: impl Fn(&T) -> f64) -> f64 {
    // One accumulator would have each addition wait for the one before.
    let mut sums = [0.0; 8];
    let (groups, rest) = elements.as_chunks::<8>();
    for group in groups {
        for (sum, element) in sums.iter_mut().zip(group) {
            *sum += number(val(element));
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|element| number(val(element))).sum::<f64>()
}

fn number(val: f64) -> f64 {
    if val.is_nan() { 0.0 } else { val }
}

/// Cuts `records` into `count` consecutive ranges whose lengths differ by at most
/// one. With fewer records than ranges some are empty; with `count` 0 there are none.
pub fn batches(records: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    let cut = move |i: usize| (i as u128 * records as u128 / count as u128) as usize;
    (0..count).map(move |i| cut(i)..cut(i + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(values: impl IntoIterator<Item = f64>) -> Vec<Record> {
        let record = |val| Record {
            index: 0,
            timestamp: 0,
            val,
        };
        values.into_iter().map(record).collect()
    }

    #[test]
    fn numbers_are_added_and_the_rest_is_passed_over() {
        for n in 0..40 {
            let data = records((0..n).map(|i| [0.0, 1.0, f64::NAN][i % 3]));
            let ones = (0..n).filter(|i| i % 3 == 1).count();
            assert_eq!(nansum(&data), ones as f64, "{n} records");
            assert_eq!(nansum_column(&column(&data)), ones as f64, "{n} values");
        }
    }

    #[test]
    fn without_a_number_the_sum_is_zero() {
        assert_eq!(nansum(&[]), 0.0);
        assert_eq!(nansum(&records([f64::NAN; 20])), 0.0);
    }

    #[test]
    fn infinities_and_signed_zeros_are_numbers() {
        assert_eq!(nansum(&records([f64::INFINITY, 1.0])), f64::INFINITY);
        assert!(nansum(&records([f64::INFINITY, f64::NEG_INFINITY])).is_nan());
        assert_eq!(nansum(&records([-0.0, -0.0])), 0.0);
    }

    #[test]
    fn batches_cover_every_record_once_and_are_as_many_as_asked_for() {
        for (n, count) in [(10, 4), (7, 4), (0, 3), (1, 1), (3, 8), (200_000_000, 7)] {
            let ranges: Vec<_> = batches(n, count).collect();
            assert_eq!(ranges.len(), count);
            assert_eq!(ranges[0].start, 0);
            assert_eq!(ranges[count - 1].end, n);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            let lengths = || ranges.iter().map(ExactSizeIterator::len);
            assert!(lengths().max().unwrap_or(0) - lengths().min().unwrap_or(0) <= 1);
        }
        assert_eq!(batches(10, 0).count(), 0);
    }
}
