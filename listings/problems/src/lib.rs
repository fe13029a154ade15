//! Problems with answers: from a seed, a small program and all that it may print.
//!
//! ```text
//! seed ▶ random ▶ fork_tree, descriptor_table, private_pages ▶ script ┬▶ rust_text ▶ a program
//!                                                                     └▶ machine ▶ outputs
//! ```
//!
//! A script is the one source of both: what is written as Rust, and what the model runs in
//! every order. The model never runs the program, so that the program can check the model.

pub mod command;
pub mod descriptor_table;
pub mod fork_tree;
pub mod machine;
pub mod outputs;
pub mod private_pages;
pub mod problem;
pub mod random;
pub mod rust_text;
pub mod script;
