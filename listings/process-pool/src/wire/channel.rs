//! Messages on a stream socket, in frames of bounded length.
//!
//! ```text
//! header   magic, then the numbers of what follows       16 bytes
//! control  the encoded value                             <= MAX_CONTROL
//! lengths  8 bytes for each slice                        <= MAX_SLICES
//! slices   their bytes, one after another                <= MAX_SLICE each
//! ```
//!
//! Descriptors ride on the header's first byte (unix(7), `SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    send, sendmsg, setsockopt, shutdown, socketpair, sockopt,
};

use crate::pidfd::{PidFd, above_standard, poll_until};
use crate::wire::buffer::Buffer;
use crate::wire::message::{MAX_CONTROL, Message};

/// Slices with one value.
pub(crate) const MAX_SLICES: usize = 1024;
/// Bytes of one slice; fewer for the fuzzer, which takes a large reservation for a fault.
const MAX_SLICE: u64 = if cfg!(fuzzing) { 1 << 24 } else { 1 << 40 };
/// Descriptors with one value; the kernel takes at most 253.
const MAX_DESCRIPTORS: usize = 64;
/// Asked of the kernel for each direction; it gives what `wmem_max` allows.
const SOCKET_BUFFER: usize = 1 << 20;

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

    fn from_bytes(bytes: [u8; HEADER]) -> Self {
        let [magic, control, slices, descriptors]: [[u8; 4]; 4] = bytemuck::cast(bytes);
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
        let too_much = |what: &str, is: u64, most: u64| {
            let error = format!("expected at most {most} {what} in one message, found {is}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, error))
        };
        if message.control.len() > MAX_CONTROL {
            return too_much(
                "encoded bytes",
                message.control.len() as u64,
                MAX_CONTROL as u64,
            );
        }
        if message.slices.len() > MAX_SLICES {
            return too_much("slices", message.slices.len() as u64, MAX_SLICES as u64);
        }
        if message.descriptors.len() > MAX_DESCRIPTORS {
            return too_much(
                "descriptors",
                message.descriptors.len() as u64,
                MAX_DESCRIPTORS as u64,
            );
        }
        if let Some(long) = message.slices.iter().find(|s| s.len() as u64 > MAX_SLICE) {
            return too_much("bytes of a slice", long.len() as u64, MAX_SLICE);
        }
        let header = Header {
            magic: MAGIC,
            control: message.control.len() as u32,
            slices: message.slices.len() as u32,
            descriptors: message.descriptors.len() as u32,
        };
        let lengths: Vec<u64> = message.slices.iter().map(|s| s.len() as u64).collect();
        let head = [
            &header.to_bytes()[..],
            &message.control,
            bytemuck::cast_slice(&lengths),
        ]
        .concat();

        let sent = self.send_with_descriptors(&head, &message.descriptors)?;
        self.send_all(&head[sent..])?;
        for slice in &message.slices {
            self.send_all(slice)?;
        }
        Ok(())
    }

    /// Waits until a message begins, or the other end is gone.
    pub fn wait(&self) -> io::Result<()> {
        self.ready(PollFlags::POLLIN)
    }

    /// Whether nobody has the other end any more.
    pub fn is_hung_up(&self) -> bool {
        // Without requested events poll(2) reports the hang-up alone.
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::empty())];
        poll_until(&mut fds, Some(Instant::now())).is_ok_and(|ready| ready > 0)
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
        if poll_until(&mut [socket()], Some(Instant::now()))? == 0 {
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
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let Some((header, descriptors)) = self.receive_header()? else {
            return Ok(None);
        };
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
        if header.descriptors as usize != descriptors.len() {
            return invalid(format!(
                "a frame claims {} descriptors, {} came",
                header.descriptors,
                descriptors.len()
            ));
        }
        let control = self.receive_exactly(control)?.as_ref().to_vec();
        let lengths = self.receive_exactly(slices * mem::size_of::<u64>())?;
        // Whole words in a `Buffer`, which is aligned for them.
        let lengths: &[u64] = bytemuck::cast_slice(lengths.as_ref());
        let mut message = Message {
            control,
            slices: Vec::with_capacity(slices),
            descriptors,
        };
        for &length in lengths {
            if length > MAX_SLICE {
                return invalid(format!("a frame claims a slice of {length} bytes"));
            }
            let buffer = self.receive_exactly(length as usize)?;
            message.slices.push(Bytes::from_owner(buffer));
        }
        Ok(Some(message))
    }

    fn receive_exactly(&self, len: usize) -> io::Result<Buffer> {
        Buffer::read_when(|| self.ready(PollFlags::POLLIN), self.socket.as_fd(), len)
    }

    fn send_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.ready(PollFlags::POLLOUT)?;
            match send(self.socket.as_raw_fd(), bytes, SEND) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    // ANCHOR: rights
    /// Sends some of `bytes`, and all of `descriptors` with the first of them.
    fn send_with_descriptors(
        &self,
        bytes: &[u8],
        descriptors: &[Arc<OwnedFd>],
    ) -> io::Result<usize> {
        let raw: Vec<RawFd> = descriptors.iter().map(|fd| fd.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let rights = if raw.is_empty() { &[][..] } else { &rights };
        let iov = [IoSlice::new(bytes)];
        loop {
            self.ready(PollFlags::POLLOUT)?;
            match sendmsg::<()>(self.socket.as_raw_fd(), &iov, rights, SEND, None) {
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                sent => return Ok(sent?),
            }
        }
    }
    // ANCHOR_END: rights

    /// The header of the next message, with the descriptors that came with it; `None`
    /// at the end of the stream.
    fn receive_header(&self) -> io::Result<Option<(Header, Vec<Arc<OwnedFd>>)>> {
        let mut bytes = [0; HEADER];
        let mut room = nix::cmsg_space!([RawFd; MAX_DESCRIPTORS]);
        let mut descriptors = Vec::new();
        let mut filled = 0;
        while filled < HEADER {
            self.ready(PollFlags::POLLIN)?;
            let mut iov = [IoSliceMut::new(&mut bytes[filled..])];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC;
            let got = match recvmsg::<()>(self.socket.as_raw_fd(), &mut iov, Some(&mut room), flags)
            {
                Ok(got) => got,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if got.flags.contains(MsgFlags::MSG_CTRUNC) {
                close_received(&room);
                return Err(Errno::EMFILE.into());
            }
            for message in got.cmsgs()? {
                if let ControlMessageOwned::ScmRights(raw) = message {
                    descriptors.extend(raw.into_iter().map(|fd| {
                        // SAFETY: the kernel made this descriptor for this
                        // process in the call above; nothing else owns it.
                        unsafe { OwnedFd::from_raw_fd(fd) }
                    }));
                }
            }
            match got.bytes {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
        }
        let descriptors = descriptors
            .into_iter()
            .map(|fd| above_standard(fd).map(Arc::new))
            .collect::<io::Result<_>>()?;
        Ok(Some((Header::from_bytes(bytes), descriptors)))
    }
}

/// Whether an error says that the other end is gone.
pub(crate) fn hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// Closes the descriptors in a control buffer that was cut short: this process had no
/// room for all of them, and no owner would ever close those that came.
fn close_received(room: &[u8]) {
    let header_len = mem::size_of::<libc::cmsghdr>();
    if room.len() < header_len {
        return;
    }
    // SAFETY: a control buffer begins with a header, which the kernel has filled; the
    // buffer has no alignment, so the header is read as it lies.
    let header: libc::cmsghdr = unsafe { room.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
    let is_rights = (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS);
    // SAFETY: a calculation with a constant.
    let start = unsafe { libc::CMSG_LEN(0) } as usize;
    let end = header.cmsg_len.min(room.len());
    if !is_rights || end < start {
        return;
    }
    for raw in room[start..end].chunks_exact(mem::size_of::<RawFd>()) {
        let raw = RawFd::from_ne_bytes(raw.try_into().expect("a chunk of its size"));
        // SAFETY: the kernel made this descriptor for this process; nothing else owns it.
        drop(unsafe { OwnedFd::from_raw_fd(raw) });
    }
}

/// What one end receives when the other sends `bytes`, no more than fit into a socket,
/// and closes.
#[cfg(any(test, fuzzing))]
pub(crate) fn received(bytes: &[u8]) -> io::Result<Option<Message>> {
    let (one, other) = Channel::pair()?;
    other.send_all(bytes)?;
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
        let (one, other) = Channel::pair().expect("pair");
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
        assert!(pidfd.has_ended(None));
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
    fn a_message_beyond_the_bounds_is_not_sent_at_all() {
        let (one, other) = Channel::pair().expect("pair");
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
