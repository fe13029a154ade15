//! What a channel has read and not yet been asked for: a small message is one read, and so are
//! many that came together.

use std::io::{self, IoSliceMut};
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use crate::pidfd::above_standard;

/// Descriptors with one value; the kernel takes at most 253.
pub(super) const MAX_DESCRIPTORS: usize = 64;
/// Bytes that a read may take beyond the message that it is for.
const AHEAD: usize = 4 << 10;
/// What has been read and not yet been asked for.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Of `AHEAD` bytes, once something has been read.
    pub buffer: Vec<u8>,
    /// For what comes beside a read's bytes.
    room: Vec<u8>,
    pub unread: Range<usize>,
    pub descriptors: Vec<Arc<OwnedFd>>,
}

impl Ahead {
    /// Where the next bytes lie, `most` of them or fewer. They count as read.
    pub fn take(&mut self, most: usize) -> Range<usize> {
        let end = self.unread.end.min(self.unread.start + most);
        let taken = self.unread.start..end;
        self.unread.start = end;
        taken
    }

    /// Reads what has come, with the descriptors that came with it; the number of bytes, none
    /// at the end of the stream.
    pub fn read(&mut self, socket: &OwnedFd, flags: MsgFlags) -> io::Result<usize> {
        let Ahead {
            buffer,
            room,
            unread,
            descriptors,
        } = self;
        if buffer.is_empty() {
            buffer.resize(AHEAD, 0);
            *room = nix::cmsg_space!([RawFd; MAX_DESCRIPTORS]);
        }
        buffer.copy_within(unread.clone(), 0);
        *unread = 0..unread.len();
        loop {
            let mut iov = [IoSliceMut::new(&mut buffer[unread.end..])];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC | flags;
            let socket = socket.as_raw_fd();
            let got = match recvmsg::<()>(socket, &mut iov, Some(&mut *room), flags) {
                Ok(got) => got,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if got.flags.contains(MsgFlags::MSG_CTRUNC) {
                close_received(room);
                return Err(Errno::EMFILE.into());
            }
            let mut received = Vec::new();
            for message in got.cmsgs()? {
                if let ControlMessageOwned::ScmRights(raw) = message {
                    received.extend(raw.into_iter().map(|fd| {
                        // SAFETY: the kernel made this descriptor for this
                        // process in the call above; nothing else owns it.
                        unsafe { OwnedFd::from_raw_fd(fd) }
                    }));
                }
            }
            let bytes = got.bytes;
            unread.end += bytes;
            for descriptor in received {
                descriptors.push(Arc::new(above_standard(descriptor)?));
            }
            return Ok(bytes);
        }
    }
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
