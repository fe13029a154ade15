//! What one run of one contender took, read from what it printed.

use anyhow::{Context, Result, bail};

/// One run of one contender. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// As a clock on the wall shows.
    pub wall: f64,
    /// User and system time of all its processes.
    pub processor: f64,
    /// The sum of each part.
    pub sums: Vec<u64>,
}

impl Measurement {
    /// Reads what a contender printed.
    ///
    /// # Errors
    ///
    /// Where a figure is missing or is no number, or a sum is no exact integer.
    pub fn read(output: &str) -> Result<Self> {
        let figure = |name: &str| {
            let mut words = output.split_whitespace();
            let figure = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            figure.with_context(|| format!("it printed no {name}=…"))
        };
        let seconds = |name| match figure(name)?.parse() {
            Ok(seconds) if f64::is_finite(seconds) && seconds >= 0.0 => anyhow::Ok(seconds),
            _ => bail!("expected seconds after {name}="),
        };
        let sums = figure("sums")?.split(',').map(str::parse);
        Ok(Self {
            wall: seconds("wall_s")?,
            processor: seconds("processor_s")?,
            sums: sums
                .collect::<Result<_, _>>()
                .context("expected exact integers after sums=")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_figure_is_refused_by_name() {
        let why = |output| format!("{:#}", Measurement::read(output).expect_err("refused"));
        assert_eq!(why("Traceback"), "it printed no sums=…");
        assert!(why("sums=1,2.5 wall_s=1 processor_s=1").contains("exact integers"));
        assert!(why("sums=1 wall_s=-1 processor_s=1").contains("after wall_s="));
        let read = Measurement::read("wall_s=0.5 processor_s=0.75 sums=3,0\n").expect("read");
        assert_eq!(
            (read.wall, read.processor, read.sums),
            (0.5, 0.75, vec![3, 0])
        );
    }
}
