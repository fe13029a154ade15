//! The schemas of what an author writes, with the defaults as an author would write them.

use schemars::{Schema, schema_for};
use serde::{Serialize, Serializer};

use crate::book::config::Config;
use crate::book::course::CourseToml;
use crate::book::question::QuestionToml;
use crate::book::runs_toml::{RunsToml, Status};
use crate::book::timeout::Timeout;

/// That of a `runs.toml`.
pub fn of_runs() -> Schema {
    schema_for!(RunsToml)
}

/// That of `[preprocessor.live]` in `book.toml`.
pub fn of_book() -> Schema {
    schema_for!(Config)
}

/// That of a `course.toml`.
pub fn of_course() -> Schema {
    schema_for!(CourseToml)
}

/// That of a block in the language `question`.
pub fn of_question() -> Schema {
    schema_for!(QuestionToml)
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}s", self.0.as_secs_f64()))
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.0)
    }
}
