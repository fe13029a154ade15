//! The ring at its edges.

use std::io;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use ring_buffer::message;
use ring_buffer::ring::{Consumer, ONE, Producer, Ring, SLOTS, Waiting};
use ring_buffer::shared::Shared;

const WAITING: Waiting = Waiting {
    spins: 0,
    patience: Duration::from_secs(10),
};
const IMPATIENT: Waiting = Waiting {
    spins: 0,
    patience: Duration::from_millis(20),
};

#[test]
fn messages_come_in_order_while_the_counts_wrap_around() {
    let memory = Shared::<Ring>::memory().expect("memory");
    let ring = Shared::<Ring>::map(&memory).expect("a map");
    // Five thousand messages before the counts are 0 again.
    let before = 0u32.wrapping_sub(5_000 * ONE);
    ring.sent.publish(before).expect("nobody sleeps");
    ring.taken.publish(before).expect("nobody sleeps");

    let mut producer = Producer::open(&memory, WAITING).expect("a producer");
    let sends =
        thread::spawn(move || (0..10_000).try_for_each(|number| producer.send(&message(number))));
    let mut consumer = Consumer::open(&memory, WAITING).expect("a consumer");
    for number in 0..10_000 {
        assert_eq!(consumer.receive().expect("a message"), message(number));
    }
    sends.join().expect("no panic").expect("all are sent");
    assert_eq!(ring.sent.get(), 5_000 * ONE);
}

#[test]
fn a_full_ring_takes_no_message_and_an_empty_one_gives_none() {
    let memory = Shared::<Ring>::memory().expect("memory");
    let mut producer = Producer::open(&memory, IMPATIENT).expect("a producer");
    let mut consumer = Consumer::open(&memory, IMPATIENT).expect("a consumer");
    let empty = consumer.receive().expect_err("no message");
    assert_eq!(empty.kind(), io::ErrorKind::TimedOut);
    for number in 0..SLOTS as u64 {
        producer.send(&message(number)).expect("there is room");
    }
    let full = producer.send(&message(0)).expect_err("no room");
    assert_eq!(full.kind(), io::ErrorKind::TimedOut);
    for number in 0..SLOTS as u64 {
        assert_eq!(consumer.receive().expect("a message"), message(number));
    }
    assert!(consumer.receive().is_err());
}

#[test]
fn memory_of_another_size_is_refused_and_cannot_be_cut() {
    let memory = Shared::<Ring>::memory().expect("memory");
    assert!(memory.set_len(0).is_err());
    let other = memory_of(64).expect("memory");
    let refused = Shared::<Ring>::map(&other).err().expect("refused");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn memory_that_could_be_cut_is_refused() {
    let other = unsealed(size_of::<Ring>() as u64).expect("memory");
    let refused = Shared::<Ring>::map(&other).err().expect("refused");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
}

/// Memory that is not a ring's.
fn memory_of(bytes: u64) -> io::Result<std::fs::File> {
    let file = unsealed(bytes)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK))?;
    Ok(file)
}

fn unsealed(bytes: u64) -> io::Result<std::fs::File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = std::fs::File::from(memfd_create(c"other", flags)?);
    file.set_len(bytes)?;
    Ok(file)
}
