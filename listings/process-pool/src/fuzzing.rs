//! What the fuzzer calls (`fuzz/README.md`), and what the tests try in the same way.

use crate::wire::channel::received;
use crate::wire::message::{Message, Slice, decode_exactly};
use crate::wire::protocol::{Answer, Ended, Order, Request, Started};

/// Receives `frame` as one end of a channel does, and reads what came.
pub fn receive_and_read(frame: &[u8]) {
    if let Ok(Some(message)) = received(frame) {
        read_as_anything(&message);
    }
}

/// Reads a message as each thing that a pool's process takes one for.
pub(crate) fn read_as_anything(message: &Message) {
    let copy = || Message {
        control: message.control.clone(),
        slices: message.slices.clone(),
        descriptors: message.descriptors.clone(),
    };
    let _ = decode_exactly::<Request>(&message.control);
    let _ = Answer::read(copy());
    let _ = copy().decode::<Order>();
    let _ = copy().decode::<Started>();
    let _ = copy().decode::<Ended>();
    let _ = copy().decode::<(String, Vec<u64>, Option<Slice<u64>>, Vec<Slice<u8>>)>();
}
