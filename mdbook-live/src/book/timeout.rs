//! A time as an author writes it.

use std::time::Duration;

use serde::Deserialize;

/// A time above zero: `20s`, `500ms`, `2min`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Timeout(pub(super) Duration);

impl TryFrom<String> for Timeout {
    type Error = String;

    fn try_from(text: String) -> Result<Timeout, String> {
        match humantime::parse_duration(&text) {
            Ok(time) if !time.is_zero() => Ok(Timeout(time)),
            _ => Err(format!("expected a time such as \"20s\", found `{text}`")),
        }
    }
}
