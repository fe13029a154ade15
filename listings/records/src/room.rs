//! Whether the data fits into this machine's memory, and onto its disk.

use std::io;

use command_line::grouped;
use mem_trace::{available_address_space, available_memory, mebibytes};
use memmap2::{Advice, MmapMut};

use crate::Record;
use crate::error::{Error, Result};

/// Refuses a run that would not fit: one that holds `records` `copies` times.
///
/// # Errors
///
/// [`Error::DoesNotFit`]: one line that says what is needed and what is free.
pub fn require_memory(records: usize, copies: f64) -> Result<()> {
    let needs = (records as f64 * size_of::<Record>() as f64 * copies) as u64;
    let kinds = [
        ("memory", available_memory()),
        ("address space (ulimit -v)", available_address_space()),
    ];
    for (kind, free) in kinds {
        // Where the system does not tell, the run is the test.
        if let Some(free) = free {
            require("this run", kind, records, needs, free)?;
        }
    }
    Ok(())
}

/// Writes to so many bytes of free memory, and gives them back: after that a virtual machine
/// still has them from its host. No allocator counts them.
///
/// # Errors
///
/// Where there are not as many (mmap(2)).
pub fn touch_free_memory(bytes: usize) -> io::Result<()> {
    let mut memory = MmapMut::map_anon(bytes)?;
    // As what is received: see `process_pool`'s `Buffer`. A kernel without huge pages refuses,
    // and gives small ones.
    let _ = memory.advise(Advice::HugePage);
    memory.fill(1);
    Ok(())
}

/// Refuses what `needs` more bytes than are `free`, and says how many records
/// would fit.
pub(crate) fn require(
    what: &str,
    of: &'static str,
    records: usize,
    needs: u64,
    free: u64,
) -> Result<()> {
    if needs <= free {
        return Ok(());
    }
    // What a record needs may be no whole number of bytes.
    let fit = (records as u128 * u128::from(free) / u128::from(needs)) as usize;
    // Two digits are enough to type.
    let unit = 10usize.pow(fit.checked_ilog10().unwrap_or(0).saturating_sub(1));
    let advice = match fit / unit * unit {
        0 => "not one record would fit".to_string(),
        fit => format!("--records {} would fit", grouped(fit)),
    };
    Err(Error::DoesNotFit {
        what: what.to_string(),
        of,
        needs: in_words(needs),
        free: in_words(free),
        advice,
    })
}

/// Mebibytes as the rest of the book prints them, and what is less in bytes.
fn in_words(bytes: u64) -> String {
    match mebibytes(bytes) {
        0 => format!("{bytes} bytes"),
        whole => format!("{whole} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        assert!(require("this", "memory", 10, 240, 240).is_ok());
        let error = require(
            "a run with fork",
            "memory",
            200_000_000,
            9600 << 20,
            2400 << 20,
        )
        .expect_err("refused")
        .to_string();
        assert_eq!(
            error,
            "a run with fork needs 9600 MB of memory, 2400 MB are free; --records 50_000_000 \
             would fit"
        );
        let error = require("the file", "disk space", 5, 248, 10).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "the file needs 248 bytes of disk space, 10 bytes are free; not one record would fit"
        );
    }

    #[test]
    fn what_is_told_to_fit_does() {
        // 25.2 bytes a record, as beside pages that are mapped: 25 would promise too many.
        let needs = |records: usize| (records as f64 * 25.2) as u64;
        let free = 23_140 << 20;
        for records in [1_000_000_000, 3_000_000_000, 1 << 40] {
            let error = require("a run", "memory", records, needs(records), free)
                .expect_err("refused")
                .to_string();
            let fit = error.split("--records ").nth(1).and_then(|rest| {
                let digits = rest.split(' ').next()?.replace('_', "");
                digits.parse().ok()
            });
            let fit = fit.expect("a number");
            assert!(
                needs(fit) <= free && needs(fit) > free / 100 * 90,
                "{error}"
            );
        }
    }
}
