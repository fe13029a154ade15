//! A chapter's directives: found, resolved to data, expanded to Markdown. mdBook's preprocessor.
//! It starts no program: live runs come from the caller.
//! Called by `verbs` and `cli`; it calls `page` and the rooms below.

mod block;
mod charts;
mod cited;
mod consoles;
pub mod directives;
pub mod excerpt;
mod expand;
mod front;
mod glossary;
mod ids;
mod included;
mod lesson;
mod lessons;
pub mod live_runs;
mod machines;
mod markdown;
pub mod preprocessor;
mod question;
mod record_files;
mod resolve;
pub mod solutions;
pub mod survey;
pub mod syntax;
mod teaching;
pub mod texts;
mod timetable;
mod verdicts;

#[cfg(test)]
mod tests;
