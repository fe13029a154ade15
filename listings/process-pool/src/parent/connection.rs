//! A worker, as the threads of its pool talk to it: calls go in frames, replies come one by one.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::parent::start::WorkerProcess;
use crate::pidfd::above_standard;
use crate::wire::board::{Board, Count};
use crate::wire::channel::hung_up;
use crate::wire::message::Message;
use crate::wire::protocol::Answer;

/// How long a reply may lie on the board of a worker that has the next call already, before
/// somebody looks.
pub(super) const LOOK: Duration = Duration::from_millis(1);

/// By which the thread of an idle worker is woken.
#[derive(Debug, Clone)]
pub(super) struct Bell(Arc<EventFd>);

impl Bell {
    pub fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let fd = above_standard(EventFd::from_flags(flags)?.into())?;
        // SAFETY: it is the descriptor of an eventfd, under another number.
        Ok(Self(Arc::new(unsafe { EventFd::from_owned_fd(fd) })))
    }

    pub fn ring(&self) {
        // Fails only where it has been rung 2^64 - 2 times and nobody came.
        let _ = self.0.write(1);
    }
}

/// What the thread of an idle worker waits for: its bell, the worker's end, and, of a call
/// that was left to it, the reply and the deadline (epoll(7)).
#[derive(Debug)]
pub(super) struct Watch {
    events: Epoll,
    timer: TimerFd,
}

impl Watch {
    fn new(bell: &Bell, worker: &WorkerProcess) -> io::Result<Self> {
        let events = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let events = Epoll(above_standard(events.0)?);
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        let timer = above_standard(timer.into())?;
        // SAFETY: it is the descriptor of a timer, under another number.
        let timer = unsafe { TimerFd::from_owned_fd(timer) };
        let add = |fd: &dyn AsFd, flags| events.add(fd.as_fd(), EpollEvent::new(flags, 0));
        // Each ring is told once, and read by nobody.
        let rings = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        add(&*bell.0, rings)?;
        add(&timer, rings)?;
        add(worker.pidfd(), EpollFlags::EPOLLIN)?;
        add(worker.channel.socket(), EpollFlags::EPOLLONESHOT)?;
        Ok(Self { events, timer })
    }

    pub fn wait(&self) {
        // Where a signal came, or there is no memory, the look at the queue is as good.
        let mut seen = [EpollEvent::empty()];
        let _ = self.events.wait(&mut seen, EpollTimeout::NONE);
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum NoReply {
    /// The worker has ended, or closed its socket.
    HungUp,
    /// The worker left the protocol.
    Violation(String),
    /// The worker took longer than it may.
    Overdue(Duration),
}

impl From<io::Error> for NoReply {
    fn from(error: io::Error) -> Self {
        if hung_up(&error) {
            return Self::HungUp;
        }
        // No message, or none that this process could take: after that there is
        // no telling where the next one begins.
        Self::Violation(error.to_string())
    }
}

/// What a worker's thread has, or a caller's while it talks to the worker.
#[derive(Debug)]
pub(super) struct Connection {
    pub worker: WorkerProcess,
    pub board: Arc<Board>,
    pub watch: Arc<Watch>,
    deadline: Option<Duration>,
    /// Replies to calls of the last frame that have come.
    answered: Count,
    /// What a caller has met with, for the worker's thread to deal with.
    pub failed: Option<NoReply>,
}

impl Connection {
    /// Gives a new worker its board.
    pub fn new(worker: WorkerProcess, bell: &Bell) -> io::Result<Self> {
        let (board, memory) = Board::new()?;
        let memory = Message {
            descriptors: vec![Arc::new(memory)],
            ..Message::default()
        };
        // One that has ended already is for its first call to find.
        let _ = worker.channel.send(&memory);
        Ok(Self {
            watch: Arc::new(Watch::new(bell, &worker)?),
            board: Arc::new(board),
            deadline: None,
            answered: 0,
            failed: None,
            worker,
        })
    }

    /// From now on it may take so long until the next reply.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
        let until = deadline.map(|deadline| Instant::now() + deadline);
        self.worker.channel.set_deadline(until);
    }

    /// Sends a frame, whose calls the board offers already.
    ///
    /// A worker reads a frame to its end before it replies, and no thread sends a frame
    /// before it has the replies to the last, so the two never both wait to write,
    /// however large the messages are.
    pub fn send(&mut self, frame: &Message) -> Result<(), NoReply> {
        self.answered = 0;
        let sent = self.worker.channel.send(frame);
        sent.map_err(|error| self.no_reply(error))
    }

    /// Waits for the next reply; with its size in bytes. None where the frame has `more` calls
    /// than this one, and after [`LOOK`] there is no reply.
    pub fn receive(&mut self, more: bool) -> Result<Option<(Answer, usize)>, NoReply> {
        loop {
            if let Some(reply) = self.reply_on_board()? {
                return Ok(Some(reply));
            }
            let channel = &mut self.worker.channel;
            if more && channel.comes_within(LOOK).is_ok_and(|comes| !comes) {
                return self.reply_on_board();
            }
            let came = channel.wait();
            // What comes by the socket was sent behind what is on the board now, and so was
            // the end.
            if let Some(reply) = self.reply_on_board()? {
                return Ok(Some(reply));
            }
            let channel = &mut self.worker.channel;
            if channel.skip_empty() {
                continue;
            }
            return match came.and_then(|()| channel.receive()) {
                Ok(Some(reply)) => self.answer(reply).map(Some),
                Ok(None) => Err(NoReply::HungUp),
                Err(error) => Err(self.no_reply(error)),
            };
        }
    }

    /// Whether the reply to a frame's only call is here.
    pub fn reply_has_come(&mut self) -> io::Result<bool> {
        let channel = &mut self.worker.channel;
        while channel.has_come()? {
            if !channel.skip_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn reply_on_board(&mut self) -> Result<Option<(Answer, usize)>, NoReply> {
        let Some(control) = self.board.reply(self.answered) else {
            return Ok(None);
        };
        let reply = Message {
            control,
            ..Message::default()
        };
        self.answer(reply).map(Some)
    }

    fn answer(&mut self, reply: Message) -> Result<(Answer, usize), NoReply> {
        self.answered = self.answered.saturating_add(1);
        let bytes = reply.len();
        let answer = Answer::read(reply).map_err(NoReply::Violation)?;
        Ok((answer, bytes))
    }

    fn no_reply(&self, error: io::Error) -> NoReply {
        match (error.kind(), self.deadline) {
            (io::ErrorKind::TimedOut, Some(deadline)) => NoReply::Overdue(deadline),
            _ => error.into(),
        }
    }

    /// Has the worker's thread wake when a reply comes, or at the deadline.
    pub fn leave_reply_to_driver(&self) -> io::Result<()> {
        if let Some(deadline) = self.deadline {
            // Zero would stop it.
            let deadline = deadline.max(Duration::from_nanos(1));
            let at = Expiration::OneShot(deadline.into());
            self.watch.timer.set(at, TimerSetTimeFlags::empty())?;
        }
        self.listen(EpollFlags::EPOLLIN)
    }

    /// Leaves that thread asleep when a reply comes: this one waits for it.
    pub fn take_reply_from_driver(&self) -> io::Result<()> {
        self.listen(EpollFlags::empty())
    }

    fn listen(&self, to: EpollFlags) -> io::Result<()> {
        let mut event = EpollEvent::new(EpollFlags::EPOLLONESHOT | to, 0);
        let socket = self.worker.channel.socket();
        Ok(self.watch.events.modify(socket, &mut event)?)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::{fs, thread};

    use nix::unistd::{Pid, gettid};

    use super::*;
    use crate::wire::channel::Channel;
    use crate::wire::protocol::Reply;

    /// A connection, and what its worker has: this end of the socket, and the board.
    fn played() -> (Connection, Channel, Board) {
        let (ours, mut theirs) = Channel::pair().expect("pair");
        let child = Command::new("sleep").arg("60").spawn().expect("spawn");
        let worker = WorkerProcess::played(child, ours).expect("pidfd");
        let bell = Bell::new().expect("a bell");
        let mut connection = Connection::new(worker, &bell).expect("connects");
        connection.set_deadline(Some(Duration::from_secs(10)));
        let first = theirs.receive().expect("receives").expect("a message");
        let board = Board::open(&first.descriptors[0]).expect("the same board");
        (connection, theirs, board)
    }

    fn frame(connection: &mut Connection, calls: Count) {
        connection.board.offer(calls);
        let frame = Message {
            control: b"calls".to_vec(),
            ..Message::default()
        };
        connection.send(&frame).expect("sends");
    }

    fn reply(number: u8) -> Message {
        Reply::Done(vec![number]).encode()
    }

    /// The number in the next reply, however often it takes a look.
    fn number(connection: &mut Connection, more: bool) -> Result<u8, NoReply> {
        loop {
            match connection.receive(more)? {
                Some((Answer::Done(result), _)) => return Ok(result.control[0]),
                Some(_) => panic!("expected a result"),
                None => {}
            }
        }
    }

    /// Waits until a thread of this process waits itself.
    fn wait_until_asleep(thread: Pid) {
        let stat = || fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
        while stat().is_ok_and(|stat| !stat.contains(") S ")) {}
    }

    #[test]
    fn a_reply_on_the_board_comes_before_one_that_was_sent_behind_it() {
        let (mut connection, mut theirs, board) = played();
        let parent = gettid();
        let worker = thread::spawn(move || {
            while theirs.receive().expect("receives").is_some() {
                // It has seen nothing on the board, and is woken by the socket.
                wait_until_asleep(parent);
                assert!(board.keep(0, &reply(0).control));
                theirs.send(&reply(1)).expect("sends");
            }
        });
        for more in [false, true].repeat(50) {
            frame(&mut connection, 3);
            for next in [0, 1] {
                assert_eq!(number(&mut connection, more).expect("a reply"), next);
            }
        }
        connection.worker.kill();
        worker.join().expect("no panic");
    }

    #[test]
    fn a_reply_on_the_board_comes_before_the_end_of_its_worker() {
        for more in [false, true].repeat(10) {
            let (mut connection, theirs, board) = played();
            let parent = gettid();
            frame(&mut connection, 3);
            let worker = thread::spawn(move || {
                wait_until_asleep(parent);
                assert!(board.keep(0, &reply(7).control));
                drop(theirs);
            });
            assert_eq!(number(&mut connection, more).expect("a reply"), 7);
            let end = number(&mut connection, more);
            assert!(matches!(end, Err(NoReply::HungUp)), "{end:?}");
            connection.worker.kill();
            worker.join().expect("no panic");
        }
    }

    #[test]
    fn a_word_that_only_wakes_is_no_reply() {
        let (mut connection, theirs, board) = played();
        let wake = || theirs.send(&Message::default()).expect("sends");
        // It comes when the reply has been taken from the board, and the next frame been sent.
        frame(&mut connection, 2);
        assert!(board.keep(0, &reply(1).control));
        assert_eq!(number(&mut connection, true).expect("a reply"), 1);
        wake();
        frame(&mut connection, 1);
        assert!(!connection.reply_has_come().expect("looks"));
        theirs.send(&reply(2)).expect("sends");
        assert!(connection.reply_has_come().expect("looks"));
        assert_eq!(number(&mut connection, false).expect("a reply"), 2);
        for more in [false, true] {
            frame(&mut connection, 2);
            wake();
            wake();
            theirs.send(&reply(3)).expect("sends");
            assert_eq!(number(&mut connection, more).expect("a reply"), 3);
        }
        connection.worker.kill();
    }

    #[test]
    fn a_word_that_wakes_brings_the_reply_on_the_board() {
        let (mut connection, theirs, board) = played();
        let parent = gettid();
        frame(&mut connection, 2);
        let worker = thread::spawn(move || {
            wait_until_asleep(parent);
            assert!(board.keep(0, &reply(5).control));
            theirs.send(&Message::default()).expect("sends");
            theirs
        });
        assert_eq!(number(&mut connection, false).expect("a reply"), 5);
        connection.worker.kill();
        worker.join().expect("no panic");
    }
}
