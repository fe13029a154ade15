//! A chapter's directives: found, resolved to data, expanded to Markdown. mdBook's preprocessor.
//! It starts no program: live runs come from the caller.
//! Called by `verbs` and `cli`; it calls `page` and the rooms below.

mod charts;
mod cited;
pub mod directives;
pub mod excerpt;
mod expand;
mod front;
mod glossary;
mod ids;
mod included;
pub mod live_runs;
pub mod preprocessor;
mod record_files;
mod resolve;
pub mod survey;
