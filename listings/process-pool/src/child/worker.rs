//! What a worker does: receive, call, reply, until the parent is done.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use mem_trace::mark;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, dup2_stdin, getppid};

use crate::registry;
use crate::wire::channel::Channel;
use crate::wire::message::Message;
use crate::wire::protocol::{Reply, Request};

/// A worker that lost its place in the protocol ends with this code
/// (`EX_PROTOCOL`, sysexits.h).
const EXIT_PROTOCOL: i32 = 76;

thread_local! {
    /// Whether this thread is in the call of a task.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    /// What the last panic in it said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Serves `channel` until the parent closes it, then ends this process.
///
/// `parent` is the process that must be alive for this worker to be of use.
pub(crate) fn serve(channel: Channel, parent: Pid) -> ! {
    mem_trace::start_clock();
    end_with_parent(parent);
    // The socket is no input for a task: one that reads from it would eat requests.
    if let Ok(nothing) = File::open("/dev/null") {
        let _ = dup2_stdin(nothing);
    }
    // The parent reports a task's panic, with the worker's name: one report, one line.
    // Of any other it learns nothing, so that one is printed here.
    let inherited = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IN_TASK.get() {
            PANIC.set(Some(one_line(info)));
        } else {
            inherited(info);
        }
    }));

    let code = loop {
        mark("waiting");
        let request = channel.wait().and_then(|()| {
            mark("receiving");
            channel.receive()
        });
        match request {
            Ok(Some(request)) => {
                mark("computing");
                let reply = answer(request);
                mark("sending");
                match channel.send(&reply) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                        let refusal = Reply::Refused(error.to_string()).encode();
                        if channel.send(&refusal).is_err() {
                            break 0;
                        }
                    }
                    // The parent is gone: no result is wanted any more.
                    Err(_) => break 0,
                }
            }
            Ok(None) => break 0,
            Err(error) => {
                eprintln!("{}: no request came through: {error}", mem_trace::name());
                break EXIT_PROTOCOL;
            }
        }
    };
    mark("ended");
    let _ = io::stdout().flush();
    // SAFETY: `_exit` has no preconditions. It is used because a forked worker
    // must not run the exit handlers that its parent registered (_exit(2)).
    unsafe { libc::_exit(code) }
}

// ANCHOR: parent
/// Asks the kernel to kill this worker when its parent dies, even in the middle of
/// a task. The end of the socket does the same for one that waits.
///
/// The request is bound to the thread that started this worker, not to its process
/// (prctl(2)): that is the parent's only thread where this worker is forked, and where it
/// is spawned the one that feeds it, which does not end before it.
fn end_with_parent(parent: Pid) {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // It may have died before the request was made.
    if getppid() != parent {
        // SAFETY: as in `serve`.
        unsafe { libc::_exit(0) };
    }
}
// ANCHOR_END: parent

fn answer(request: Message) -> Message {
    let control = request.control;
    let reply = match postcard::from_bytes::<Request>(&control) {
        Ok(asked) => match registry::find(asked.task) {
            Some(task) => {
                let argument = Message {
                    control: asked.argument.to_vec(),
                    slices: request.slices,
                    descriptors: request.descriptors,
                };
                // Of an earlier panic that its task caught itself.
                PANIC.take();
                IN_TASK.set(true);
                let result = panic::catch_unwind(AssertUnwindSafe(|| (task.call)(argument)));
                IN_TASK.set(false);
                match result {
                    Ok(Ok(result)) => {
                        return Message {
                            control: Reply::Done(result.control).encode().control,
                            ..result
                        };
                    }
                    Ok(Err(error)) => Reply::Refused(error.to_string()),
                    Err(payload) => Reply::Panicked(
                        PANIC
                            .take()
                            .unwrap_or_else(|| message_of(&payload).to_string()),
                    ),
                }
            }
            None => Reply::Refused(format!("no task `{}` in this worker", asked.task)),
        },
        Err(error) => Reply::Refused(format!("not a request: {error}")),
    };
    reply.encode()
}

fn one_line(info: &panic::PanicHookInfo<'_>) -> String {
    let message = message_of(info.payload()).replace('\n', " ");
    match info.location() {
        Some(place) => format!("{message} ({place})"),
        None => message,
    }
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a message",
    }
}
