//! What holds for whatever bytes come, tried on thousands: nothing panics, and nothing is
//! reserved beyond the bounds. The fuzzer looks further (`fuzz/README.md`).

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read};

use proptest::prelude::*;
use proptest::sample::Index;

use crate::fuzzing::read_as_anything;
use crate::wire::channel::{Channel, MAX_SLICES, received};
use crate::wire::message::{MAX_CONTROL, Message, Slice};

/// The system's allocator, with a look at what each thread asks for at most at a time.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: each call is passed on as it came; the default of `realloc` calls the others.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// What `f` returns, and the largest allocation that it asks for, in bytes.
fn largest_of<T>(f: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let result = f();
    (result, LARGEST.get())
}

/// Room for an error's words, and for what does not depend on the bytes.
const SMALL: usize = 4096;

/// The most that a frame may have reserved for it at a time: what it claims, as long as
/// each claim is within its bound.
fn bound(frame: &[u8]) -> usize {
    let number = |at: usize| {
        let bytes = frame.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize)
    };
    let (Some(control), Some(slices)) = (number(4), number(8)) else {
        return SMALL;
    };
    if !frame.starts_with(b"pool") || control > MAX_CONTROL || slices > MAX_SLICES {
        return SMALL;
    }
    let lengths = frame
        .get(16 + control..)
        .unwrap_or_default()
        .chunks_exact(8);
    let longest = lengths
        .take(slices)
        .map(|length| u64::from_ne_bytes(length.try_into().expect("eight")))
        .take_while(|&length| length <= 1 << 40)
        .max();
    let longest = longest.unwrap_or(0) as usize;
    control.max(longest).next_multiple_of(8) + SMALL + slices * 64
}

/// Receives `frame`, and reads what came as everything that a pool's process reads.
fn receive_and_read(frame: &[u8]) -> Result<(), TestCaseError> {
    let (message, largest) = largest_of(|| received(frame));
    prop_assert!(largest <= bound(frame), "{largest} of {}", bound(frame));
    if let Ok(Some(message)) = message {
        let size = message.control.len();
        let ((), largest) = largest_of(|| read_as_anything(&message));
        // serde reserves 1 MiB at most for a length that it is told.
        prop_assert!(largest <= (1 << 20) + 16 * size + SMALL, "{largest}");
    }
    Ok(())
}

type Sample = (String, Vec<u64>, Option<Slice<u64>>, Vec<Slice<u8>>);

/// A frame as a channel sends it.
fn frame_of(sample: &Sample) -> Vec<u8> {
    let (one, other) = Channel::pair().expect("pair");
    let message = Message::encode(sample).expect("encodes");
    one.send(&message).expect("fits into the socket");
    drop(one);
    let mut frame = Vec::new();
    let mut raw = File::from(other.into_socket());
    raw.read_to_end(&mut frame).expect("reads");
    frame
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let words = || prop::collection::vec(any::<u64>(), 0..20);
    let slice = || prop::option::of(words().prop_map(Slice::from));
    let bytes = prop::collection::vec(any::<u8>(), 0..50).prop_map(Slice::from);
    let slices = prop::collection::vec(bytes, 0..5);
    (".*", words(), slice(), slices).prop_map(|sample| frame_of(&sample))
}

/// A number of a header: small, about a bound, or any.
fn claim(bound: usize) -> impl Strategy<Value = u32> {
    let bound = bound as u32;
    prop_oneof![0..64u32, bound - 2..bound + 3, any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        receive_and_read(&bytes)?;
    }

    #[test]
    fn any_claim_reserves_what_its_bound_allows(
        control in claim(MAX_CONTROL),
        slices in claim(MAX_SLICES),
        descriptors in prop_oneof![Just(0), claim(64)],
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let numbers = [control, slices, descriptors].map(u32::to_ne_bytes);
        receive_and_read(&[b"pool", numbers.as_flattened(), &rest].concat())?;
    }

    #[test]
    fn a_frame_with_other_bytes_is_a_message_or_an_error(
        mut frame in frames(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        for (place, byte) in changes {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        receive_and_read(&frame)?;
    }

    #[test]
    fn a_frame_that_is_cut_off_is_the_end_of_the_stream(frame in frames(), cut in any::<Index>()) {
        let cut = cut.index(frame.len());
        match received(&frame[..cut]) {
            Ok(None) => prop_assert_eq!(cut, 0),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
            Ok(Some(message)) => prop_assert!(false, "{:?}", message),
        }
    }
}
