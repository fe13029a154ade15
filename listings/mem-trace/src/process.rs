//! The name of this process and the time of its last line.

use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The environment variable that names a process before its `main` begins.
///
/// A pool sets it for the workers that it spawns, so that what such a worker
/// prints ahead of its first task already carries its name.
pub const NAME_VARIABLE: &str = "MEM_TRACE_NAME";

/// The name of a process that nobody named.
const MAIN: &str = "MainProcess";

/// What a process's lines begin with. A forked child inherits it, clock and all.
pub(crate) struct Identity {
    name: String,
    previous_line: Option<Instant>,
}

static IDENTITY: Mutex<Option<Identity>> = Mutex::new(None);

impl Identity {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_main(&self) -> bool {
        self.name == MAIN
    }

    // ANCHOR: lap
    /// The time since the previous line, which this one becomes; for a first line
    /// since the clock was started, or none.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let previous = self.previous_line.replace(now).unwrap_or(now);
        now - previous
    }
    // ANCHOR_END: lap
}

/// Gives `f` the identity. Lines are printed under this lock, so that threads of
/// one process take turns.
pub(crate) fn with_identity<T>(f: impl FnOnce(&mut Identity) -> T) -> T {
    // A panic while a line was being printed leaves a valid name and time behind.
    let mut guard: MutexGuard<_> = IDENTITY.lock().unwrap_or_else(PoisonError::into_inner);
    f(guard.get_or_insert_with(|| Identity {
        name: env::var(NAME_VARIABLE).unwrap_or_else(|_| MAIN.to_string()),
        previous_line: None,
    }))
}

/// The name of this process: `MainProcess` unless it was named otherwise.
pub fn name() -> String {
    with_identity(|identity| identity.name.clone())
}

/// Names this process, as a pool does in each worker that it forks. The worker has
/// inherited a running clock: its first line counts from its parent's last.
pub fn set_name(name: impl Into<String>) {
    with_identity(|identity| identity.name = name.into());
}

/// Starts this process's clock where it has printed nothing yet, so that its first
/// line counts from here.
pub fn start_clock() {
    with_identity(|identity| {
        identity.previous_line.get_or_insert_with(Instant::now);
    });
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    #[test]
    fn a_first_line_counts_from_itself_and_each_other_from_the_one_before() {
        let mut identity = Identity {
            name: MAIN.to_string(),
            previous_line: None,
        };
        assert_eq!(identity.lap(), Duration::ZERO);
        sleep(PAUSE);
        let second = identity.lap();
        assert!(second >= PAUSE, "{second:?}");
        let from = identity.previous_line.expect("a line");
        sleep(PAUSE);
        let third = identity.lap();
        let to = identity.previous_line.expect("a line");
        assert_eq!(third, to - from);
        assert!(third >= PAUSE, "{third:?}");
    }

    // The one test of this binary that uses the process's own identity.
    #[test]
    fn a_clock_that_is_started_is_not_started_again_and_a_name_is_kept() {
        start_clock();
        let started = with_identity(|identity| identity.previous_line);
        assert!(started.is_some());
        sleep(PAUSE);
        start_clock();
        assert_eq!(with_identity(|identity| identity.previous_line), started);
        assert!(with_identity(|identity| identity.is_main()));
        set_name("ForkProcess-3");
        assert_eq!(name(), "ForkProcess-3");
        assert!(!with_identity(|identity| identity.is_main()));
        set_name(MAIN);
    }
}
