//! The functions that workers can be asked to call, by name.

use std::any::{TypeId, type_name};
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::wire::message::{Message, Undecodable, Unsendable};

/// A task of every program, which does nothing: a worker that answers it serves.
pub(crate) const READY: &str = "process_pool::ready";

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
    pub call: Box<dyn Fn(Message) -> Result<Message, NotDone> + Send + Sync>,
}

/// Why a task was not called, or its result is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("its argument: {0}")]
    Argument(#[from] Undecodable),
    #[error(transparent)]
    Result(#[from] Unsendable),
}

impl Tasks {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plain function of one argument.
    ///
    /// What is sent arrives, or is refused at its sender. serde encodes arguments and
    /// results by position, without names ([postcard](https://postcard.jamesmunns.com)),
    /// and a type may hold what such an encoding cannot carry: a `skip` on a variant,
    /// `skip_serializing_if` on a field, `untagged`, `flatten`. So the sender decodes
    /// each value again, and a value that does not come out the same to serde is
    /// [`Error::Unsendable`] for an argument and [`Error::BadReply`] for a result. Its
    /// `Deserialize` therefore runs at the sender too. What serde is told to leave out,
    /// as by `skip` on a field, does not travel.
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
        R: Serialize + DeserializeOwned,
    {
        self.entry::<F>(move |argument| Ok(Message::encode_surviving(&task(argument.decode()?))?))
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
        self.entry::<F>(move |_| Ok(Message::encode_surviving(&initializer())?))
    }

    fn entry<F: 'static>(
        mut self,
        call: impl Fn(Message) -> Result<Message, NotDone> + Send + Sync + 'static,
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

/// Registers the list that [`find`] and [`name_of`] look in.
///
/// # Panics
///
/// If a list is registered already.
pub(crate) fn register(mut tasks: Tasks) {
    struct Ready;
    tasks.entries.push(Entry {
        name: READY,
        type_id: TypeId::of::<Ready>(),
        call: Box::new(|_| Ok(Message::encode_surviving(&())?)),
    });
    assert!(
        REGISTERED.set(tasks.entries).is_ok(),
        "the tasks are registered once, at the top of main"
    );
}

/// Whether [`register`] has been called.
pub(crate) fn are_registered() -> bool {
    REGISTERED.get().is_some()
}

fn registered() -> &'static [Entry] {
    REGISTERED.get().map_or(&[], Vec::as_slice)
}
