//! A table of requests to a web service, as Rust keeps it.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

// ANCHOR: request
/// A request that a web service has answered, or given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What was asked for, such as `/orders/417`.
    pub path: String,
    /// Who asked, where the service knows.
    pub user: Option<String>,
    /// How long the answer took; none for a request that was given up.
    pub milliseconds: Option<f64>,
    /// What the service noted, in no order: `cached`, `retried`, `slow`.
    pub tags: Vec<String>,
}
// ANCHOR_END: request

/// The first part of every path.
pub const SECTIONS: [&str; 4] = ["/orders", "/search", "/people", "/images"];

/// Every tag there is.
const TAGS: [&str; 3] = ["cached", "retried", "slow"];

/// `count` requests, the same ones each time.
pub fn requests(count: usize) -> Vec<Request> {
    let mut random = SmallRng::seed_from_u64(42);
    (0..count).map(|_| request(&mut random)).collect()
}

fn request(random: &mut SmallRng) -> Request {
    let section = SECTIONS[random.random_range(0..SECTIONS.len())];
    Request {
        path: format!("{section}/{:05}", random.random_range(0..100_000)),
        user: random
            .random_bool(0.7)
            .then(|| format!("user-{:06}@example.org", random.random_range(0..50_000))),
        // Quarters of a millisecond: their sums are exact, in whatever order.
        milliseconds: random
            .random_bool(0.95)
            .then(|| f64::from(random.random_range(1..4_000)) / 4.0),
        tags: TAGS
            .iter()
            .filter(|_| random.random_bool(0.3))
            .map(|tag| (*tag).to_owned())
            .collect(),
    }
}

/// A request as a question sees it, wherever its strings lie.
pub struct Row<'a> {
    /// See [`Request::path`].
    pub path: &'a str,
    /// See [`Request::user`].
    pub user: Option<&'a str>,
    /// See [`Request::milliseconds`].
    pub milliseconds: Option<f64>,
    /// Whether `retried` is among its tags.
    pub retried: bool,
}

/// Milliseconds that users whom the service knows have waited in `section` for requests that
/// were retried. It asks something of each of the four columns.
pub fn waited<'a>(section: &str, rows: impl Iterator<Item = Row<'a>>) -> f64 {
    rows.filter(|row| row.retried && row.user.is_some() && row.path.starts_with(section))
        .filter_map(|row| row.milliseconds)
        .sum()
}

impl Request {
    /// As a question sees it.
    pub fn row(&self) -> Row<'_> {
        Row {
            path: &self.path,
            user: self.user.as_deref(),
            milliseconds: self.milliseconds,
            retried: self.tags.iter().any(|tag| tag == "retried"),
        }
    }
}
