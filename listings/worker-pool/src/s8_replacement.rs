//! Step 8: a lost worker is replaced, and its batch runs again, so often and no more.

use std::io;

use nix::sys::wait::wait;

use crate::s6_endings::Worker;

/// How often a batch that lost its worker runs again.
const RETRIES: usize = 2;

pub fn run() -> io::Result<()> {
    let mut slot = Slot::start()?;
    slot.tell("work");
    // By somebody, while it waits for work.
    slot.worker.process.kill()?;
    slot.tell("work");
    // A batch that kills each worker that takes it.
    slot.tell("kill");
    slot.tell("work");
    slot.worker.end()?;
    // ECHILD: nothing runs, and nothing waits to be reaped.
    println!(
        "children left: {}",
        wait().map_or_else(|e| e.to_string(), |s| format!("{s:?}"))
    );
    Ok(())
}

/// A place in the pool. Its workers come and go.
struct Slot {
    worker: Worker,
    /// How many workers it has had.
    started: usize,
}

impl Slot {
    fn start() -> io::Result<Self> {
        let worker = Worker::spawn("W1")?;
        Ok(Self { worker, started: 1 })
    }

    /// A new worker in place of one that has ended and been waited for.
    fn replace(&mut self) -> io::Result<()> {
        self.started += 1;
        self.worker = Worker::spawn(&format!("W{}", self.started))?;
        Ok(())
    }

    // ANCHOR: call
    /// The batch's one result: that of the first of its workers which has one.
    fn call(&mut self, task: &str) -> io::Result<String> {
        let mut lost = Vec::new();
        while lost.len() <= RETRIES {
            let name = format!("W{}", self.started);
            match self.worker.exchange(task) {
                Ok(answer) => return Ok(format!("{answer} by {name}, lost before: {lost:?}")),
                Err(ending) => lost.push(format!("{name}, {ending}")),
            }
            self.replace()?;
        }
        Err(io::Error::other(format!("{lost:?}")))
    }
    // ANCHOR_END: call

    fn tell(&mut self, task: &str) {
        match self.call(task) {
            Ok(answer) => println!("{task}: {answer}"),
            Err(error) => println!("{task}: no result, lost: {error}"),
        }
    }
}
