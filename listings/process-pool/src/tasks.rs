//! The functions that workers can be asked to call, by name.

use std::any::{TypeId, type_name};
use std::env;
use std::process;
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::argument::Message;
use crate::error::{Error, Result};
use crate::fork_server::{self, SERVER_FLAG};
use crate::start::WORKER_FLAG;
use crate::worker;

static REGISTERED: OnceLock<Vec<Entry>> = OnceLock::new();

/// The list of a program's tasks, made once at the top of `main`.
///
/// A worker is the same program as its parent, so a name is all that has to be
/// sent for it to find the function: neither closures nor addresses travel, and a
/// function that was never listed cannot be called.
#[derive(Default)]
pub struct Tasks {
    entries: Vec<Entry>,
}

/// A task without its types: bytes in, bytes out.
pub(crate) struct Entry {
    pub name: &'static str,
    type_id: TypeId,
    pub call: Box<dyn Fn(Message) -> postcard::Result<Message> + Send + Sync>,
}

impl Tasks {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plain function of one argument.
    ///
    /// # Panics
    ///
    /// If another task has the same full name, as two closures can.
    // It adds a task to a list: nobody looks for `+` here.
    #[allow(clippy::should_implement_trait)]
    pub fn add<F, A, R>(self, task: F) -> Self
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: DeserializeOwned,
        R: Serialize,
    {
        self.entry::<F>(move |argument| Message::encode(&task(argument.decode()?)))
    }

    /// Adds an initializer: a plain function without an argument.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    pub fn add_initializer<F>(self, initializer: F) -> Self
    where
        F: Fn() + Copy + Send + Sync + 'static,
    {
        self.entry::<F>(move |_| Message::encode(&initializer()))
    }

    fn entry<F: 'static>(
        mut self,
        call: impl Fn(Message) -> postcard::Result<Message> + Send + Sync + 'static,
    ) -> Self {
        const {
            assert!(
                size_of::<F>() == 0,
                "a task is a function, it captures nothing"
            )
        };
        let entry = Entry {
            name: type_name::<F>(),
            type_id: TypeId::of::<F>(),
            call: Box::new(call),
        };
        match self.entries.iter().find(|e| e.name == entry.name) {
            // The name is what travels: it must mean one function.
            Some(same) if same.type_id != entry.type_id => {
                panic!(
                    "two tasks are named `{}`: use functions, not closures",
                    entry.name
                )
            }
            Some(_) => {}
            None => self.entries.push(entry),
        }
        self
    }

    /// In a spawned worker: runs tasks and never returns. In a fork server: forks
    /// workers and never returns. Elsewhere: returns at once. What stands above this
    /// call in `main` runs in every spawned worker, and once in a fork server, too;
    /// what stands below runs in the parent alone.
    ///
    /// # Panics
    ///
    /// If it is called a second time: a worker has to know all tasks at once.
    pub fn serve_if_worker(self) {
        assert!(
            REGISTERED.set(self.entries).is_ok(),
            "the tasks are registered once, at the top of main"
        );
        let mut arguments = env::args_os().skip(1);
        let Some(flag) = arguments
            .next()
            .filter(|first| first == WORKER_FLAG || first == SERVER_FLAG)
        else {
            return;
        };
        let Some(channel) = worker::channel_of_standard_input() else {
            let flag = flag.display();
            eprintln!("{flag} is for a pool's processes: standard input must be its socket");
            process::exit(2);
        };
        if flag == SERVER_FLAG {
            fork_server::serve(channel);
        }
        let parent = arguments.next().and_then(|pid| pid.to_str()?.parse().ok());
        worker::serve(channel, parent)
    }
}

/// The name under which the function of type `F` was registered.
pub(crate) fn name_of<F: 'static>() -> Result<&'static str> {
    registered()
        .iter()
        .find(|entry| entry.type_id == TypeId::of::<F>())
        .map(|entry| entry.name)
        .ok_or(Error::NotRegistered {
            task: type_name::<F>(),
        })
}

pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    registered().iter().find(|entry| entry.name == name)
}

/// Whether [`Tasks::serve_if_worker`] has been called.
pub(crate) fn are_registered() -> bool {
    REGISTERED.get().is_some()
}

fn registered() -> &'static [Entry] {
    REGISTERED.get().map_or(&[], Vec::as_slice)
}
