//! What one run of one program took, read from what it printed.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One run of one program. Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// The program's own timer: from before the workers' start until they have ended.
    pub total: f64,
    /// Its timer of the copy, where it copies.
    pub copy: Option<f64>,
    /// From its start to its exit, seen from outside.
    pub wall: f64,
    /// The sum that it found.
    pub sum: u64,
}

impl Measurement {
    /// Reads `output`, of a program that took `wall`. The last figure of a name counts.
    ///
    /// # Errors
    ///
    /// Where a figure is missing or is no number, or the sum is no exact integer.
    pub fn read(output: &str, wall: Duration) -> Result<Self> {
        let Some(total) = last(output, "total_time_s=") else {
            bail!("it printed no total_time_s=SECONDS");
        };
        let Some(sum) = last(output, "total_sum=") else {
            bail!("it printed no total_sum=INTEGER");
        };
        Ok(Self {
            total: seconds(total)?,
            copy: last(output, "copy_time_s=").map(seconds).transpose()?,
            wall: wall.as_secs_f64(),
            sum: sum
                .parse()
                .with_context(|| format!("total_sum={sum} is not an exact integer"))?,
        })
    }
}

/// What follows the last `name` in `output`, up to the next space.
fn last<'a>(output: &'a str, name: &str) -> Option<&'a str> {
    output
        .split_whitespace()
        .rev()
        .find_map(|word| word.strip_prefix(name))
}

fn seconds(text: &str) -> Result<f64> {
    match text.parse() {
        Ok(seconds) if f64::is_finite(seconds) && seconds >= 0.0 => Ok(seconds),
        _ => bail!("{text} is not a time in seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_millis(500);

    #[test]
    fn a_listing_and_a_python_program_are_read_alike() {
        let listing = "MainProcess      [ 0.20s] Copied. copy_time_s=0.198 Memory usage: 457 MB\n\
                       \x20  ForkProcess-1 [ 0.01s] Received data\n\
                       MainProcess      [ 0.00s] total_time_s=0.040 total_sum=6665624\n";
        let python = "copy_time_s=0.198\ntotal_time_s=0.040 total_sum=6665624\n";
        let expected = Measurement {
            total: 0.04,
            copy: Some(0.198),
            wall: 0.5,
            sum: 6_665_624,
        };
        for output in [listing, python] {
            assert_eq!(Measurement::read(output, WALL).expect("read"), expected);
        }
    }

    #[test]
    fn what_does_not_copy_has_no_copy_time() {
        let output = "total_time_s=0.040 total_sum=1";
        let read = Measurement::read(output, WALL).expect("read");
        assert_eq!(read.copy, None);
    }

    #[test]
    fn output_without_its_figures_is_refused_with_what_is_missing() {
        let why = |output| {
            Measurement::read(output, WALL)
                .expect_err("refused")
                .to_string()
        };
        assert!(why("Traceback (most recent call last):").contains("no total_time_s="));
        assert!(why("total_time_s=0.1").contains("no total_sum="));
        assert!(why("total_time_s=0.1 total_sum=12.0").contains("total_sum=12.0 is not an exact"));
        assert!(why("total_time_s=-1 total_sum=12").contains("-1 is not a time"));
        assert!(why("copy_time_s=nan total_time_s=1 total_sum=12").contains("nan is not a time"));
    }
}
