//! A request to end a run or a build.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request, from any thread, to end the run that is under way.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run under way, and each that begins later.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the end has been asked for.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
