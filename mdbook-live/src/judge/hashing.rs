//! A hash over parts, each with its kind and its length, so that two sequences of parts never
//! look alike.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use toml::Value;

/// SHA-256 over parts.
#[derive(Clone, Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// A TOML value: layout, comments and the order of keys change nothing.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Table(table) => {
                // Sorted here: whether the table itself is depends on toml's features.
                let mut entries: Vec<(&String, &Value)> = table.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                self.part(b'{', b"");
                for (key, value) in entries {
                    self.part(b'k', key.as_bytes());
                    self.value(value);
                }
                self.part(b'}', b"");
            }
            Value::Array(list) => {
                self.part(b'[', b"");
                for value in list {
                    self.value(value);
                }
                self.part(b']', b"");
            }
            other => self.part(b'v', other.to_string().as_bytes()),
        }
    }

    /// In hexadecimal digits.
    pub(super) fn finish(self) -> String {
        self.0
            .finalize()
            .iter()
            .fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }
}
