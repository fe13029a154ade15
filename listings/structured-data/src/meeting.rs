//! A point that all workers reach before any of them goes on.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use process_pool::Descriptor;
use serde::{Deserialize, Serialize};

/// What a worker has of a meeting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meeting {
    arrived: Descriptor,
    go_on: Descriptor,
}

impl Meeting {
    /// Tells that this worker is there, and waits until all are.
    ///
    /// # Errors
    ///
    /// See read(2) and write(2).
    pub fn attend(self) -> io::Result<()> {
        file(&self.arrived)?.write_all(&[1])?;
        // What it waits for is the end: no byte is ever written.
        file(&self.go_on)?.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

fn file(descriptor: &Descriptor) -> io::Result<File> {
    Ok(File::from(descriptor.as_fd().try_clone_to_owned()?))
}

/// What the process has of it that holds the meeting.
#[derive(Debug)]
pub struct Host {
    meeting: Meeting,
    arrived: PipeReader,
    go_on: PipeWriter,
}

impl Host {
    /// A new meeting.
    ///
    /// # Errors
    ///
    /// See pipe(2).
    pub fn new() -> io::Result<Self> {
        let (hears, arrived) = io::pipe()?;
        let (waits, go_on) = io::pipe()?;
        let meeting = Meeting {
            arrived: Descriptor::from(OwnedFd::from(arrived)),
            go_on: Descriptor::from(OwnedFd::from(waits)),
        };
        Ok(Self {
            meeting,
            arrived: hears,
            go_on,
        })
    }

    /// What a worker needs to attend.
    pub fn meeting(&self) -> Meeting {
        self.meeting.clone()
    }

    /// Waits until `workers` of them are there, and lets them go on.
    ///
    /// # Errors
    ///
    /// Where all have ended that could still come.
    pub fn gather(self, workers: usize) -> io::Result<()> {
        let Self {
            meeting,
            mut arrived,
            go_on,
        } = self;
        drop(meeting);
        arrived.read_exact(&mut vec![0; workers])?;
        drop(go_on);
        Ok(())
    }
}
