//! The short snippets of the README and the chapters compile and run.

include!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
