//! What the rounds have in common: the median, and how far they lie apart.

use std::fmt;

/// The median of some figures, with the least and the most of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// The spread of `figures`, in any order; `None` where there is none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (&least, &most) = (figures.first()?, figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len().is_multiple_of(2) {
            (figures[middle - 1] + figures[middle]) / 2.0
        } else {
            figures[middle]
        };
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// `1.79 s [1.71-1.92]`, the figures in seconds.
    pub fn seconds(&self) -> String {
        self.with_unit(" s")
    }

    fn with_unit(&self, unit: &str) -> String {
        let Self {
            median,
            least,
            most,
        } = *self;
        let [median, least, most] = [median, least, most].map(three_digits);
        format!("{median}{unit} [{least}-{most}]")
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.with_unit(""))
    }
}

/// `figure` with three significant digits, but never finer than a thousandth: the
/// listings print no finer time.
fn three_digits(figure: f64) -> String {
    let decimals = match figure {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{figure:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_depend_on_the_order_or_on_one_stray_round() {
        let spread = Spread::of([1.9, 1.7, 30.0, 1.8, 1.6]).expect("figures");
        assert_eq!(
            spread,
            Spread {
                median: 1.8,
                least: 1.6,
                most: 30.0
            }
        );
    }

    #[test]
    fn of_two_in_the_middle_the_median_is_the_mean() {
        let median = |figures: &[f64]| Spread::of(figures.iter().copied()).map(|s| s.median);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn figures_have_three_digits() {
        let spread = Spread::of([0.0165, 1.2345, 123.4]).expect("figures");
        assert_eq!(spread.to_string(), "1.23 [0.017-123]");
        let spread = Spread::of([12.34]).expect("a figure");
        assert_eq!(spread.seconds(), "12.3 s [12.3-12.3]");
    }
}
