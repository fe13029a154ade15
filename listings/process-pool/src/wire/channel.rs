//! Messages on a stream socket, in frames of bounded length.
//!
//! ```text
//! header   magic, then the numbers of what follows       16 bytes
//! control  the encoded value                             <= MAX_CONTROL
//! lengths  8 bytes for each slice                        <= MAX_SLICES
//! slices   their bytes, one after another                <= MAX_SLICE each
//! ```
//!
//! Descriptors ride on the header's first byte (unix(7), `SCM_RIGHTS`). A read takes what has
//! come, up to some more bytes: a small message is one system call at either end, and so are
//! many that came together.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, setsockopt, shutdown,
    socketpair, sockopt,
};

use crate::pidfd::{PidFd, above_standard, poll_now, poll_until};
use crate::wire::ahead::{Ahead, MAX_DESCRIPTORS};
use crate::wire::buffer::Buffer;
use crate::wire::message::{MAX_CONTROL, Message};

/// Slices with one value.
pub(crate) const MAX_SLICES: usize = 1024;
/// Bytes of one slice; fewer for the fuzzer, which takes a large reservation for a fault.
const MAX_SLICE: u64 = if cfg!(fuzzing) { 1 << 24 } else { 1 << 40 };
/// Asked of the kernel for each direction; it gives what `wmem_max` allows.
const SOCKET_BUFFER: usize = 1 << 20;
/// Parts that are sent at once; the kernel takes at most 1024.
const PARTS_AT_ONCE: usize = 64;

/// A peer that is gone is an error, never a SIGPIPE; and a send gives up where it would
/// have to wait, since only [`Channel::ready`] notices that the peer ends meanwhile.
const SEND: MsgFlags = MsgFlags::MSG_NOSIGNAL.union(MsgFlags::MSG_DONTWAIT);

const MAGIC: [u8; 4] = *b"pool";

struct Header {
    magic: [u8; 4],
    control: u32,
    slices: u32,
    descriptors: u32,
}

/// Bytes of a header.
const HEADER: usize = 16;

impl Header {
    fn to_bytes(&self) -> [u8; HEADER] {
        let numbers = [self.control, self.slices, self.descriptors];
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.magic);
        bytes[4..].copy_from_slice(bytemuck::cast_slice(&numbers));
        bytes
    }

    /// Of [`HEADER`] bytes.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = [[0; 4]; 4];
        words.as_flattened_mut().copy_from_slice(bytes);
        let [magic, control, slices, descriptors] = words;
        Self {
            magic,
            control: u32::from_ne_bytes(control),
            slices: u32::from_ne_bytes(slices),
            descriptors: u32::from_ne_bytes(descriptors),
        }
    }
}

/// One end of the connection between a parent and a worker.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
    /// The process at the other end. Others may hold copies of its socket, so the end
    /// of the stream may be long in coming when the process has ended.
    peer: Option<PidFd>,
    /// Until when to wait for the other end.
    deadline: Option<Instant>,
    ahead: Ahead,
}

impl Channel {
    /// Two connected ends, both close-on-exec.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(
            AddressFamily::Unix,
            SockType::Stream,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        let (one, other) = (above_standard(one)?, above_standard(other)?);
        for socket in [&one, &other] {
            setsockopt(socket, sockopt::SndBuf, &SOCKET_BUFFER)?;
        }
        Ok((Self::from_socket(one), Self::from_socket(other)))
    }

    /// This end again in a process that received it, as its standard input.
    pub fn from_socket(socket: OwnedFd) -> Self {
        Self {
            socket,
            peer: None,
            deadline: None,
            ahead: Ahead::default(),
        }
    }

    /// Has whatever waits for the other end from now on fail with `TimedOut` at that moment.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Takes the end of `peer` for the end of the stream from now on.
    pub fn watch(&mut self, peer: PidFd) {
        self.peer = Some(peer);
    }

    pub fn into_socket(self) -> OwnedFd {
        self.socket
    }

    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Tells the other end that nothing more will come.
    pub fn finish_sending(&self) {
        // Fails only when the other end is gone, and then there is nobody to notify.
        let _ = shutdown(self.socket.as_raw_fd(), nix::sys::socket::Shutdown::Write);
    }

    /// Sends one message whole.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, with nothing sent, for a message beyond the bounds;
    /// `BrokenPipe` when the other end is gone.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        within_bounds(message)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let header = Header {
            magic: MAGIC,
            control: message.control.len() as u32,
            slices: message.slices.len() as u32,
            descriptors: message.descriptors.len() as u32,
        }
        .to_bytes();
        let lengths: Vec<u64> = message.slices.iter().map(|s| s.len() as u64).collect();
        let head: [&[u8]; 3] = [&header, &message.control, bytemuck::cast_slice(&lengths)];
        let slices = message.slices.iter().map(|slice| &slice[..]);
        let mut parts: Vec<IoSlice> = head.into_iter().chain(slices).map(IoSlice::new).collect();
        self.send_parts(&mut parts, &message.descriptors)
    }

    /// Waits until the header of a message is here, or the other end is gone.
    pub fn wait(&mut self) -> io::Result<()> {
        // A read may end within a header.
        while self.ahead.unread.len() < HEADER {
            self.ready_to_read()?;
            if self.ahead.read(&self.socket, MsgFlags::empty())? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether the header of a message is here, or the other end is gone, without waiting
    /// for it.
    pub fn has_come(&mut self) -> io::Result<bool> {
        while self.ahead.unread.len() < HEADER {
            match self.ahead.read(&self.socket, MsgFlags::MSG_DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Ok(0) => break,
                read => read?,
            };
        }
        Ok(true)
    }

    /// Drops the next message where it is here and empty: a word that only wakes.
    pub fn skip_empty(&mut self) -> bool {
        let Ahead { buffer, unread, .. } = &mut self.ahead;
        let empty = Header {
            magic: MAGIC,
            control: 0,
            slices: 0,
            descriptors: 0,
        };
        let is_empty = buffer[unread.clone()].starts_with(&empty.to_bytes());
        if is_empty {
            unread.start += HEADER;
        }
        is_empty
    }

    /// Whether a message begins, or the other end goes, within `time`; true, too, where the
    /// deadline comes before.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub fn comes_within(&mut self, time: Duration) -> io::Result<bool> {
        let until = Instant::now() + time;
        let deadline = self.deadline;
        if self.is_ahead() || deadline.is_some_and(|deadline| deadline <= until) {
            return Ok(true);
        }
        self.deadline = Some(until);
        let ready = self.ready(PollFlags::POLLIN);
        self.deadline = deadline;
        match ready {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
            ready => ready.map(|()| true),
        }
    }

    /// Whether something has been read already that a look at the socket would not show.
    pub fn is_ahead(&self) -> bool {
        !self.ahead.unread.is_empty()
    }

    /// Whether nobody has the other end any more.
    pub fn is_hung_up(&self) -> bool {
        // Without requested events poll(2) reports the hang-up alone.
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::empty())];
        poll_now(&mut fds).is_ok_and(|ready| ready > 0)
    }

    /// Waits until the socket takes or gives bytes, or says why not.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the watched peer has ended and left nothing to read;
    /// `TimedOut` at the deadline.
    fn ready(&self, events: PollFlags) -> io::Result<()> {
        let socket = || PollFd::new(self.socket.as_fd(), events);
        let in_time = |ready| match ready {
            0 => Err(io::Error::from(io::ErrorKind::TimedOut)),
            _ => Ok(()),
        };
        let Some(peer) = &self.peer else {
            return in_time(poll_until(&mut [socket()], self.deadline)?);
        };
        let mut both = [socket(), PollFd::new(peer.as_fd(), PollFlags::POLLIN)];
        in_time(poll_until(&mut both, self.deadline)?)?;
        if both[0].any().unwrap_or(false) {
            return Ok(());
        }
        // The peer has ended. Its last bytes may have come between the looks at the two.
        if poll_now(&mut [socket()])? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Receives one message; `None` when the other end has finished.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is not a message, before anything of its claimed
    /// size is reserved; `UnexpectedEof` for a part of one.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        while self.ahead.unread.len() < HEADER {
            self.ready_to_read()?;
            match self.ahead.read(&self.socket, MsgFlags::empty())? {
                0 if self.is_ahead() => return Err(io::ErrorKind::UnexpectedEof.into()),
                0 => return Ok(None),
                _ => {}
            }
        }
        let header = self.ahead.take(HEADER);
        let header = Header::from_bytes(&self.ahead.buffer[header]);
        let invalid = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if header.magic != MAGIC {
            return invalid(format!("a frame began with {:02x?}", header.magic));
        }
        let (control, slices) = (header.control as usize, header.slices as usize);
        if control > MAX_CONTROL || slices > MAX_SLICES {
            return invalid(format!(
                "a frame claims {control} bytes and {slices} slices"
            ));
        }
        let came = self.ahead.descriptors.len();
        let descriptors = header.descriptors as usize;
        let mismatch = || {
            invalid(format!(
                "a frame claims {descriptors} descriptors, {came} came"
            ))
        };
        if descriptors > came {
            return mismatch();
        }
        let own = self.ahead.descriptors.drain(..descriptors).collect();
        let control = self.receive_exactly(control)?.as_ref().to_vec();
        let lengths = self.receive_exactly(slices * mem::size_of::<u64>())?;
        // Whole words in a `Buffer`, which is aligned for them.
        let lengths: &[u64] = bytemuck::cast_slice(lengths.as_ref());
        let mut message = Message {
            control,
            slices: Vec::with_capacity(slices),
            descriptors: own,
        };
        for &length in lengths {
            if length > MAX_SLICE {
                return invalid(format!("a frame claims a slice of {length} bytes"));
            }
            let buffer = self.receive_exactly(length as usize)?;
            message.slices.push(Bytes::from_owner(buffer));
        }
        // A read ends with the bytes that descriptors came with: these came with a later
        // frame, which has been read ahead, or with this one.
        if !self.is_ahead() && !self.ahead.descriptors.is_empty() {
            return mismatch();
        }
        Ok(Some(message))
    }

    fn receive_exactly(&mut self, len: usize) -> io::Result<Buffer> {
        let first = self.ahead.take(len);
        let first = &self.ahead.buffer[first];
        let ready = || self.ready_to_read();
        Buffer::read_when(ready, first, self.socket.as_fd(), len)
    }

    /// Waits where the socket itself would not see what has to be seen: the peer's end, and
    /// the deadline.
    fn ready_to_read(&self) -> io::Result<()> {
        if self.peer.is_none() && self.deadline.is_none() {
            return Ok(());
        }
        self.ready(PollFlags::POLLIN)
    }

    // ANCHOR: rights
    /// Sends all of `parts`, and with the first of their bytes all of `descriptors`.
    fn send_parts(
        &self,
        mut parts: &mut [IoSlice<'_>],
        descriptors: &[Arc<OwnedFd>],
    ) -> io::Result<()> {
        let raw: Vec<RawFd> = descriptors.iter().map(|fd| fd.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let mut rights = if raw.is_empty() { &[][..] } else { &rights };
        while !parts.is_empty() {
            let some = &parts[..parts.len().min(PARTS_AT_ONCE)];
            match sendmsg::<()>(self.socket.as_raw_fd(), some, rights, SEND, None) {
                Ok(sent) => {
                    IoSlice::advance_slices(&mut parts, sent);
                    rights = &[];
                }
                Err(Errno::EAGAIN) => self.ready(PollFlags::POLLOUT)?,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
    // ANCHOR_END: rights
}

/// Whether a channel would send `message`; the error says what is too much.
pub(crate) fn within_bounds(message: &Message) -> Result<(), String> {
    let at_most = |what: &str, is: u64, most: u64| {
        if is <= most {
            return Ok(());
        }
        Err(format!(
            "expected at most {most} {what} in one message, found {is}"
        ))
    };
    let long = message.slices.iter().map(|slice| slice.len() as u64).max();
    at_most(
        "encoded bytes",
        message.control.len() as u64,
        MAX_CONTROL as u64,
    )?;
    at_most("slices", message.slices.len() as u64, MAX_SLICES as u64)?;
    at_most(
        "descriptors",
        message.descriptors.len() as u64,
        MAX_DESCRIPTORS as u64,
    )?;
    at_most("bytes of a slice", long.unwrap_or(0), MAX_SLICE)
}

/// Whether an error says that the other end is gone.
pub(crate) fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// What one end receives when the other sends `bytes`, no more than fit into a socket,
/// and closes.
#[cfg(any(test, fuzzing))]
pub(crate) fn received(bytes: &[u8]) -> io::Result<Option<Message>> {
    let (mut one, other) = Channel::pair()?;
    other.send_parts(&mut [IoSlice::new(bytes)], &[])?;
    drop(other);
    one.receive()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::process::Command;
    use std::thread;

    use nix::unistd::Pid;

    use super::*;
    use crate::wire::message::{Descriptor, Slice};

    fn header(control: u32, slices: u32, descriptors: u32) -> Vec<u8> {
        let magic = MAGIC;
        Header {
            magic,
            control,
            slices,
            descriptors,
        }
        .to_bytes()
        .to_vec()
    }

    #[test]
    fn values_slices_and_descriptors_arrive_as_they_were_sent() {
        let (one, mut other) = Channel::pair().expect("pair");
        let (reader, writer) = nix::unistd::pipe().expect("pipe");
        let data = Slice::from((0..1_000_000u64).collect::<Vec<_>>());
        let sent = (
            "text".to_string(),
            data.clone(),
            Descriptor::from(writer),
            data.part(0..0),
        );
        let receiver = thread::spawn(move || {
            let message = other.receive().expect("receives").expect("a message");
            assert!(other.receive().expect("then the end").is_none());
            message
        });
        one.send(&Message::encode(&sent).expect("encodes"))
            .expect("sends");
        drop((one, sent));
        let message = receiver.join().expect("no panic");
        let (text, slice, pipe, empty): (String, Slice<u64>, Descriptor, Slice<u64>) =
            message.decode().expect("decodes");
        assert_eq!(
            (text.as_str(), &slice[..], empty.len()),
            ("text", &data[..], 0)
        );
        let copy = pipe.as_fd().try_clone_to_owned().expect("dup");
        File::from(copy)
            .write_all(b"through")
            .expect("the descriptor is open for writing");
        drop(pipe);
        let mut through = String::new();
        File::from(reader)
            .read_to_string(&mut through)
            .expect("reads");
        assert_eq!(through, "through");
    }

    #[test]
    fn messages_that_come_together_keep_their_own_descriptors() {
        let (one, mut other) = Channel::pair().expect("pair");
        let descriptor = || Descriptor::from(OwnedFd::from(File::open("/dev/null").expect("open")));
        let many: [Vec<Descriptor>; 4] =
            [0, 2, 0, 1].map(|n| (0..n).map(|_| descriptor()).collect());
        for descriptors in &many {
            one.send(&Message::encode(descriptors).expect("encodes"))
                .expect("sends");
        }
        for descriptors in &many {
            let message = other.receive().expect("receives").expect("a message");
            assert_eq!(message.descriptors.len(), descriptors.len());
        }
        drop(one);
        assert!(other.receive().expect("then the end").is_none());
    }

    #[test]
    fn descriptors_that_no_message_claims_are_refused() {
        let (one, mut other) = Channel::pair().expect("pair");
        let descriptor = Arc::new(OwnedFd::from(File::open("/dev/null").expect("open")));
        one.send_parts(&mut [IoSlice::new(&header(0, 0, 0))], &[descriptor])
            .expect("sends");
        let error = other.receive().expect_err("refused");
        assert_eq!(error.to_string(), "a frame claims 0 descriptors, 1 came");
    }

    #[test]
    fn garbage_is_rejected_by_its_first_bytes() {
        let error = received(&[0xff; 64]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn lengths_beyond_the_bounds_are_rejected_before_anything_is_reserved() {
        let mut huge_slice = header(0, 1, 0);
        huge_slice.extend(u64::MAX.to_le_bytes());
        for frame in [
            header(u32::MAX, 0, 0),
            header(0, u32::MAX, 0),
            header(0, 0, 3),
            huge_slice,
        ] {
            let error = received(&frame).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }

    #[test]
    fn a_truncated_frame_is_an_error_and_an_empty_stream_is_the_end() {
        let mut frame = header(10, 0, 0);
        frame.extend(b"short");
        assert_eq!(
            received(&frame).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            received(&frame[..7]).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert!(received(&[]).expect("no error").is_none());
    }

    #[test]
    fn a_peer_that_has_ended_ends_the_stream_after_what_it_sent() {
        let (mut one, other) = Channel::pair().expect("pair");
        let mut peer = Command::new("true").spawn().expect("spawn");
        let pidfd = PidFd::open(Pid::from_raw(peer.id().cast_signed())).expect("pidfd");
        assert!(pidfd.ends_by(None));
        one.watch(pidfd);
        let message = Message::encode(&7u64).expect("encodes");
        other.send(&message).expect("sends");

        let received = one.receive().expect("receives").expect("a message");
        assert_eq!(received.decode::<u64>().expect("decodes"), 7);
        // `other` is still open, as a copy of it in a grandchild would be.
        let end = one.receive().expect_err("the end");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        drop(other);
        peer.wait().expect("reaped");
    }

    #[test]
    fn an_empty_message_alone_is_skipped() {
        let (one, mut other) = Channel::pair().expect("pair");
        assert!(!other.has_come().expect("looks"));
        assert!(!other.skip_empty());
        for message in ["", "", "more", ""].map(|text| Message {
            control: text.as_bytes().to_vec(),
            ..Message::default()
        }) {
            one.send(&message).expect("sends");
        }
        assert!(other.has_come().expect("looks"));
        assert!(other.skip_empty());
        assert!(other.skip_empty());
        assert!(!other.skip_empty());
        let message = other.receive().expect("receives").expect("a message");
        assert_eq!(message.control, b"more");
        assert!(other.skip_empty());
        assert!(!other.skip_empty());
        drop(one);
        assert!(other.receive().expect("then the end").is_none());
    }

    #[test]
    fn an_empty_message_is_skipped_where_a_read_ends_within_it() {
        // A read takes 4 KiB, of which the first message leaves less than the second needs.
        for before in (4 << 10) - 3 * HEADER..4 << 10 {
            for waits in [true, false] {
                let (one, mut other) = Channel::pair().expect("pair");
                for control in [before, 0, 5].map(|len| vec![1; len]) {
                    let message = Message {
                        control,
                        ..Message::default()
                    };
                    one.send(&message).expect("sends");
                }
                let first = other.receive().expect("receives").expect("a message");
                assert_eq!(first.control.len(), before);
                if waits {
                    other.wait().expect("waits");
                } else {
                    assert!(other.has_come().expect("looks"));
                }
                assert!(other.skip_empty(), "behind {before} bytes");
                let last = other.receive().expect("receives").expect("a message");
                assert_eq!(last.control.len(), 5);
            }
        }
    }

    #[test]
    fn a_wait_of_less_than_a_millisecond_is_one() {
        let (one, mut other) = Channel::pair().expect("pair");
        let time = Duration::from_micros(900);
        let start = Instant::now();
        assert!(!other.comes_within(time).expect("waits"));
        assert!(start.elapsed() >= time);
        one.send(&Message::default()).expect("sends");
        assert!(other.comes_within(time).expect("it is here"));
    }

    #[test]
    fn a_message_beyond_the_bounds_is_not_sent_at_all() {
        let (one, mut other) = Channel::pair().expect("pair");
        let message = Message {
            control: vec![0; MAX_CONTROL + 1],
            ..Message::default()
        };
        assert_eq!(
            one.send(&message).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        drop(one);
        assert!(other.receive().expect("nothing was sent").is_none());
    }
}
