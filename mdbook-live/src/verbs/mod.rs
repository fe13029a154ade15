//! What the tool does with a book: run, then judge, then save or render.
//! It prints nothing: what is to be said is in what it returns, or goes to an observer.
//! Called by `serve` and `cli`.

pub mod build;
pub mod check;
mod edition;
pub mod exercise;
pub mod falsify;
pub mod pack;
pub mod pages;
pub mod paper;
pub mod problem;
mod publish;
pub mod record;
mod records;
pub mod report;
pub mod review;
pub mod scaffold;
pub mod text_files;
