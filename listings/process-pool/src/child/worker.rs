//! What a worker does: receive, call, reply, until the parent is done.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::mem;
use std::panic::{self, AssertUnwindSafe};

use mem_trace::mark;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

use crate::child::standard_input;
use crate::registry;
use crate::wire::board::Board;
use crate::wire::channel::{Channel, hung_up};
use crate::wire::message::{Message, decode_first};
use crate::wire::protocol::{Reply, Request};

/// A worker that lost its place in the protocol ends with this code
/// (`EX_PROTOCOL`, sysexits.h).
const EXIT_PROTOCOL: i32 = 76;

thread_local! {
    /// Whether this thread is in the call of a task.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    /// The last panic in it that the hook has seen.
    static PANIC: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// What a panic hook learns, of which the payload keeps only the first two.
struct Panic {
    payload: TypeId,
    message: String,
    place: String,
}

/// Serves `channel` until the parent closes it, then ends this process.
///
/// `parent` is the process that must be alive for this worker to be of use.
pub(crate) fn serve(mut channel: Channel, parent: Pid) -> ! {
    mem_trace::start_clock();
    end_with_parent(parent);
    // The socket is no input for a task: one that reads from it would eat requests.
    standard_input::put_nothing();
    // The parent reports a task's panic, with the worker's name: one report, one line.
    // Of any other it learns nothing, so that one is printed here.
    let inherited = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IN_TASK.get() {
            PANIC.set(info.location().map(|place| Panic {
                payload: info.payload().type_id(),
                message: message_of(info.payload()).to_owned(),
                place: place.to_string(),
            }));
        } else {
            inherited(info);
        }
    }));

    let code = match answer_all(&mut channel) {
        Ok(()) => 0,
        Err((what, error)) => lost(what, &error),
    };
    mark("ended");
    let _ = io::stdout().flush();
    // SAFETY: `_exit` has no preconditions. It is used because a forked worker
    // must not run the exit handlers that its parent registered (_exit(2)).
    unsafe { libc::_exit(code) }
}

/// What did not come through, and why.
type Lost = (&'static str, io::Error);

/// Answers the calls of each frame, one after another, until no frame comes any more.
fn answer_all(channel: &mut Channel) -> Result<(), Lost> {
    let no_request = |error| ("no request", error);
    let Some(first) = channel.receive().map_err(no_request)? else {
        return Ok(());
    };
    let board = open_board(first).map_err(no_request)?;
    let mut number = 0u32;
    loop {
        mark("waiting");
        channel.wait().map_err(no_request)?;
        mark("receiving");
        let Some(mut frame) = channel.receive().map_err(no_request)? else {
            return Ok(());
        };
        number = number.wrapping_add(1);
        let control = mem::take(&mut frame.control);
        let mut calls = &control[..];
        let mut index = 0;
        let mut is_kept = false;
        // Each reply is there for the parent before the next call begins.
        while board.begin(number, index) {
            mark("computing");
            // What travels beside a request is that of the frame's only call.
            let reply = answer(&mut calls, mem::take(&mut frame));
            mark("sending");
            is_kept = reply.is_plain() && board.keep(index, &reply.control);
            if !is_kept {
                send(channel, &reply)?;
            }
            index += 1;
        }
        if is_kept {
            // The frame was cut short, and the parent may wait for this reply.
            send(channel, &Message::default())?;
        }
    }
}

fn send(channel: &Channel, reply: &Message) -> Result<(), Lost> {
    let sent = channel.send(reply).or_else(|error| match error.kind() {
        io::ErrorKind::InvalidInput => channel.send(&Reply::Refused(error.to_string()).encode()),
        _ => Err(error),
    });
    sent.map_err(|error| ("no reply", error))
}

fn open_board(mut message: Message) -> io::Result<Board> {
    match message.descriptors.pop() {
        Some(memory) => Board::open(&memory),
        None => Err(io::Error::other("expected a board, found no descriptor")),
    }
}

/// The code with which a worker ends that has lost its parent, or its place in the
/// protocol, of which the parent may learn from this line alone.
fn lost(what: &str, error: &io::Error) -> i32 {
    // No request comes any more, and no reply is wanted.
    if hung_up(error) {
        return 0;
    }
    // One write, which other processes' lines do not come between.
    let line = format!("{}: {what} came through: {error}\n", mem_trace::name());
    let _ = io::stderr().write_all(line.as_bytes());
    EXIT_PROTOCOL
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

/// Carries out the first of `calls`, which is then no longer one of them.
fn answer(calls: &mut &[u8], beside: Message) -> Message {
    let reply = match decode_first::<Request>(calls) {
        Ok((asked, rest)) => {
            *calls = rest;
            match registry::find(asked.task) {
                Some(task) => {
                    let argument = Message {
                        control: asked.argument.to_vec(),
                        ..beside
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
                        Err(payload) => Reply::Panicked(told(&*payload)),
                    }
                }
                None => Reply::Refused(format!("no task `{}` in this worker", asked.task)),
            }
        }
        Err(error) => Reply::Refused(format!("not a request: {error}")),
    };
    reply.encode()
}

/// The panic that ended a task, in one line.
fn told(payload: &(dyn Any + Send)) -> String {
    let message = message_of(payload);
    // A panic that is passed on calls no hook (`resume_unwind`): the last one that did
    // may be another, which the task had caught.
    let seen = PANIC
        .take()
        .filter(|seen| seen.payload == payload.type_id() && seen.message == message);
    match seen {
        Some(Panic { place, .. }) => format!("{message} ({place})"),
        None => message.to_owned(),
    }
    .replace('\n', " ")
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    // A reference to the box would coerce, too: callers pass what is in it.
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a message",
    }
}

#[cfg(test)]
mod tests {
    use std::any;
    use std::sync::{Arc, OnceLock};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::registry::{READY, Tasks};
    use crate::wire::protocol::Answer;

    /// The board as the parent has it.
    static BOARD: OnceLock<Board> = OnceLock::new();

    /// Has the next call not be begun, and the reply to this one left on the board all the
    /// same, as where a parent takes the calls back between the two steps.
    fn cut_the_frame(_: ()) {
        let board = BOARD.get().expect("a board");
        // The calls of another frame are none of this one.
        board.offer(3);
    }

    /// A frame of calls to these tasks.
    fn frame(tasks: &[&str]) -> Message {
        let requests = tasks.iter().map(|task| Request::encode(task, &()));
        let controls: Vec<_> = requests.map(|r| r.expect("encodes").control).collect();
        Message {
            control: controls.concat(),
            ..Message::default()
        }
    }

    #[test]
    fn a_frame_that_was_cut_short_ends_with_a_word_that_wakes() {
        registry::register(Tasks::new().add(cut_the_frame));
        let cut = any::type_name_of_val(&cut_the_frame);
        let (board, memory) = Board::new().expect("a board");
        let board = BOARD.get_or_init(|| board);
        let (mut parent, mut channel) = Channel::pair().expect("pair");
        let worker = thread::spawn(move || answer_all(&mut channel).map_err(|(what, _)| what));
        let memory = Message {
            descriptors: vec![Arc::new(memory)],
            ..Message::default()
        };
        parent.send(&memory).expect("sends");
        parent.set_deadline(Some(Instant::now() + Duration::from_secs(10)));

        // The reply to the last call of a whole frame wakes by itself.
        board.offer(2);
        parent.send(&frame(&[READY, READY])).expect("sends");
        let last = parent.receive().expect("a reply in time").expect("no end");
        assert!(matches!(Answer::read(last), Ok(Answer::Done(_))));
        assert!(board.reply(0).is_some());
        assert!(board.reply(1).is_none());

        board.offer(3);
        parent.send(&frame(&[cut, READY, READY])).expect("sends");
        parent.wait().expect("a word in time");
        assert!(parent.skip_empty());
        assert!(board.reply(0).is_some());

        // There is nothing else.
        parent.finish_sending();
        assert!(parent.receive().expect("the end").is_none());
        assert_eq!(worker.join().expect("no panic"), Ok(()));
    }
}
