//! Arguments and results: a serde encoding, with what is too large or too alive
//! for an encoding travelling next to it.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, Range};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use bytemuck::Pod;
use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::fingerprint::{BESIDE, Refused, fingerprint};

/// Bytes of an encoded value in a frame.
pub(crate) const MAX_CONTROL: usize = 64 << 20;

/// An encoded value and what travels next to it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub control: Vec<u8>,
    pub slices: Vec<Bytes>,
    pub descriptors: Vec<Arc<OwnedFd>>,
}

thread_local! {
    /// The message whose value this thread is encoding or decoding. A value tells
    /// serde only the position of its slice or descriptor in it.
    static CURRENT: RefCell<Option<Message>> = const { RefCell::new(None) };
}

impl Message {
    /// Bytes of the encoding and of all slices.
    pub fn len(&self) -> usize {
        self.control.len() + self.slices.iter().map(Bytes::len).sum::<usize>()
    }

    /// Whether nothing travels next to the encoding.
    pub fn is_plain(&self) -> bool {
        self.slices.is_empty() && self.descriptors.is_empty()
    }

    /// Encodes a value of this crate's own; anybody else's is for
    /// [`encode_surviving`](Self::encode_surviving).
    pub fn encode<T: Serialize>(value: &T) -> postcard::Result<Self> {
        let (control, attached) = Self::default().current_in(|| postcard::to_stdvec(value));
        Ok(Self {
            control: control?,
            ..attached
        })
    }

    // ANCHOR: survives
    /// Encodes a value that arrives as it was sent, and refuses any other: it is decoded
    /// once here, and what comes of it has to be the same to serde.
    pub fn encode_surviving<T>(value: &T) -> Result<Self, Unsendable>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut message = Self::encode(value)?;
        // No frame takes it, and that is what its sender will be told.
        if message.control.len() > MAX_CONTROL {
            return Ok(message);
        }
        let decoded: T = message.value().map_err(|why| Unsendable::Undecodable {
            of: type_name::<T>(),
            why,
        })?;
        let fingerprints = || Ok((fingerprint(value)?, fingerprint(&decoded)?));
        let (fingerprints, _) = Self::default().current_in(fingerprints);
        match fingerprints.map_err(Unsendable::Refused)? {
            (sent, arrives) if sent == arrives => Ok(message),
            _ => Err(Unsendable::Altered {
                of: type_name::<T>(),
            }),
        }
    }
    // ANCHOR_END: survives

    /// The value whose message this is.
    pub fn decode<T: DeserializeOwned>(mut self) -> Result<T, Undecodable> {
        self.value()
    }

    /// The same, of a message that stays: its slices and descriptors are shared.
    fn value<T: DeserializeOwned>(&mut self) -> Result<T, Undecodable> {
        let control = mem::take(&mut self.control);
        let (value, attached) = mem::take(self).current_in(|| decode_exactly(&control));
        *self = Self {
            control,
            ..attached
        };
        value
    }

    /// What `f` returns while this is the message of this thread, and the message.
    fn current_in<T>(self, f: impl FnOnce() -> T) -> (T, Self) {
        let outer = CURRENT.replace(Some(self));
        let result = f();
        (result, CURRENT.replace(outer).unwrap_or_default())
    }
}

/// Decodes the value that `bytes` begin with; and what is left of them.
pub(crate) fn decode_first<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
) -> Result<(T, &'a [u8]), Undecodable> {
    Ok(postcard::take_from_bytes(bytes)?)
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode_exactly<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Undecodable> {
    match decode_first(bytes)? {
        (value, []) => Ok(value),
        (_, left) => Err(Undecodable::LeftOver {
            bytes: bytes.len(),
            left: left.len(),
        }),
    }
}

/// Why bytes are not a value of the type that is expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("expected an encoded value, found none: {0}")]
    Encoding(#[from] postcard::Error),
    #[error("expected a value that takes all of its {bytes} bytes, found {left} left over")]
    LeftOver { bytes: usize, left: usize },
}

/// Why a value is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("expected a value that can be encoded: {0}")]
    Encoding(#[from] postcard::Error),
    #[error("expected a value that can be encoded: {0}")]
    Refused(Refused),
    #[error(
        "expected a value that survives its encoding, which goes by position and without names; \
         this `{of}` cannot be decoded ({why})"
    )]
    Undecodable { of: &'static str, why: Undecodable },
    #[error(
        "expected a value that survives its encoding, which goes by position and without names; \
         this `{of}` would arrive as another: look for `skip` on a variant, or \
         `skip_serializing_if` on a field"
    )]
    Altered { of: &'static str },
}

fn with_message<T>(f: impl FnOnce(&mut Message) -> Option<T>) -> Option<T> {
    CURRENT.with_borrow_mut(|message| f(message.as_mut()?))
}

const ONLY_IN_A_MESSAGE: &str = "travels only in an argument or a result of a pool's task";

/// Elements that travel to or from a task as bytes, without an encoding.
///
/// In the process that sends it, a part of a larger allocation that is not copied:
/// [`part`](Self::part) is a count of references. In the one that receives it, an
/// allocation of its own. The element type says through bytemuck that any bytes
/// are a value of it.
pub struct Slice<T> {
    bytes: Bytes,
    elements: PhantomData<T>,
}

/// What a [`Slice`] can hold: any bytes are a value, and a value has no padding.
pub trait Element: Pod + Send {}
impl<T: Pod + Send> Element for T {}

impl<T: Element> Slice<T> {
    /// The elements in `bytes`; `None` if their length or alignment is not one of
    /// whole elements.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        if !bytes.is_empty() {
            bytemuck::try_cast_slice::<u8, T>(&bytes).ok()?;
        }
        Some(Self {
            bytes,
            elements: PhantomData,
        })
    }

    /// The elements in `range`, sharing the memory with this slice.
    ///
    /// # Panics
    ///
    /// If `range` reaches beyond the end, as indexing a slice does.
    pub fn part(&self, range: Range<usize>) -> Self {
        let size = size_of::<T>();
        Self {
            bytes: self.bytes.slice(range.start * size..range.end * size),
            elements: PhantomData,
        }
    }
}

impl<T: Element> From<Vec<T>> for Slice<T> {
    fn from(elements: Vec<T>) -> Self {
        struct Owner<T>(Vec<T>);
        impl<T: Element> AsRef<[u8]> for Owner<T> {
            fn as_ref(&self) -> &[u8] {
                bytemuck::cast_slice(&self.0)
            }
        }
        Self {
            bytes: Bytes::from_owner(Owner(elements)),
            elements: PhantomData,
        }
    }
}

impl<T: Element> Deref for Slice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.bytes.is_empty() {
            return &[];
        }
        // The invariant of this type: every constructor checked length and
        // alignment, or cut at whole elements.
        bytemuck::cast_slice(&self.bytes)
    }
}

impl<T> Clone for Slice<T> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            elements: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Slice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice of {} bytes", self.bytes.len())
    }
}

// ANCHOR: slice
impl<T: Element> Serialize for Slice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = with_message(|message| {
            message.slices.push(self.bytes.clone());
            u32::try_from(message.slices.len() - 1).ok()
        })
        .ok_or_else(|| S::Error::custom(format_args!("a Slice {ONLY_IN_A_MESSAGE}")))?;
        serializer.serialize_newtype_struct(BESIDE, &position)
    }
}
// ANCHOR_END: slice

impl<'de, T: Element> Deserialize<'de> for Slice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let position = u32::deserialize(deserializer)? as usize;
        with_message(|message| Self::from_bytes(message.slices.get(position)?.clone()))
            .ok_or_else(|| D::Error::custom("no slice of whole elements came with the message"))
    }
}

/// An open file that travels to a task: the worker gets a descriptor of its own
/// for the same open file description (unix(7), `SCM_RIGHTS`).
#[derive(Debug, Clone)]
pub struct Descriptor(Arc<OwnedFd>);

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self(Arc::new(fd))
    }
}

impl Descriptor {
    /// The descriptor itself, or a duplicate where it is used elsewhere too.
    ///
    /// # Errors
    ///
    /// What dup(2) says.
    pub(crate) fn into_owned(self) -> io::Result<OwnedFd> {
        Arc::try_unwrap(self.0).or_else(|shared| shared.try_clone())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = with_message(|message| {
            message.descriptors.push(self.0.clone());
            u32::try_from(message.descriptors.len() - 1).ok()
        })
        .ok_or_else(|| S::Error::custom(format_args!("a Descriptor {ONLY_IN_A_MESSAGE}")))?;
        serializer.serialize_newtype_struct(BESIDE, &position)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let position = u32::deserialize(deserializer)? as usize;
        with_message(|message| message.descriptors.get(position).cloned())
            .map(Self)
            .ok_or_else(|| D::Error::custom("no descriptor came with the message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_rides_beside_the_encoding_without_a_copy() {
        let data = Slice::from(vec![1u64, 2, 3, 4]);
        let message = Message::encode(&(7u8, data.part(1..3))).expect("encodes");
        assert_eq!(message.slices[0].as_ptr(), data.bytes[8..].as_ptr());
        assert!(message.control.len() < 8, "only its position is encoded");
        let (seven, part): (u8, Slice<u64>) = message.decode().expect("decodes");
        assert_eq!((seven, &part[..]), (7, &[2, 3][..]));
    }

    #[test]
    fn a_slice_survives_without_a_copy() {
        let data = Slice::from(vec![1u64, 2, 3, 4]);
        let sent = (7u8, data.part(1..3), data.part(0..0));
        let message = Message::encode_surviving(&sent).expect("survives");
        assert_eq!(message.slices.len(), 2);
        assert_eq!(message.slices[0].as_ptr(), data.bytes[8..].as_ptr());
        assert_eq!(
            message.control,
            Message::encode(&sent).expect("encodes").control
        );
    }

    #[test]
    fn what_no_frame_takes_is_not_decoded() {
        let message = Message::encode_surviving(&vec![0u8; MAX_CONTROL]).expect("encodes");
        assert!(
            message.control.len() > MAX_CONTROL,
            "for `Channel::send` to refuse"
        );
    }

    #[test]
    fn bytes_that_are_left_over_are_refused() {
        let mut message = Message::encode(&7u8).expect("encodes");
        message.control.push(0);
        assert_eq!(
            message.decode::<u8>().expect_err("refused").to_string(),
            "expected a value that takes all of its 2 bytes, found 1 left over"
        );
    }

    #[test]
    fn bytes_that_are_not_whole_elements_are_refused() {
        assert!(Slice::<u64>::from_bytes(Bytes::from(vec![0; 12])).is_none());
        let words = Slice::from(vec![0u64; 2]);
        assert!(Slice::<u64>::from_bytes(words.bytes.slice(1..9)).is_none());
    }

    #[test]
    fn an_empty_slice_has_no_alignment_to_miss() {
        let data = Slice::from(vec![1u64]);
        assert!(data.part(1..1).is_empty());
        assert_eq!(
            Slice::<u64>::from_bytes(Bytes::new()).expect("empty").len(),
            0
        );
    }

    #[test]
    fn a_slice_outside_a_message_is_an_error() {
        assert!(postcard::to_stdvec(&Slice::from(vec![1u8])).is_err());
        assert!(postcard::from_bytes::<Slice<u8>>(&[0]).is_err());
    }
}
