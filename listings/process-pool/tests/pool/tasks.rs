//! What the workers are asked to do.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, process, thread};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, raise};
use nix::unistd::{ForkResult, fork};
use process_pool::{Descriptor, Slice};

pub fn double(x: u64) -> u64 {
    2 * x
}

/// A file for each of the workers that have come to one place.
pub type Meeting = (String, usize);

/// Waits until as many different workers as are expected have come: none of them can
/// take a second call before each of the others has taken one.
pub fn meet((folder, expected): Meeting) {
    File::create(Path::new(&folder).join(mem_trace::name())).expect("create");
    let present = || fs::read_dir(&folder).expect("a folder").count();
    while present() < expected {
        thread::sleep(Duration::from_millis(1));
    }
}

pub fn name_and_pid(meeting: Meeting) -> (String, u32) {
    meet(meeting);
    (mem_trace::name(), process::id())
}

pub static STARTS: AtomicU32 = AtomicU32::new(0);

pub fn note_start() {
    STARTS.fetch_add(1, Ordering::Relaxed);
}

/// The number in this worker's name.
fn number() -> u32 {
    let name = mem_trace::name();
    let number = name.rsplit('-').next().and_then(|n| n.parse().ok());
    number.expect("a worker's name ends with its number")
}

/// Fails in each worker that takes the place of one of the first two.
pub fn panic_in_replacements() {
    assert!(number() <= 2, "one too many");
}

/// The first worker is killed, the second one stopped, as if by others.
pub fn first_two_are_lost() {
    match number() {
        1 => raise(Signal::SIGKILL).expect("raise"),
        2 => raise(Signal::SIGSTOP).expect("raise"),
        _ => {}
    }
}

pub fn sleep_at_start() {
    thread::sleep(Duration::from_secs(60));
}

/// Kills its worker the first time it is called with `flag`, which it leaves as a file.
pub fn fail_once((flag, result): (String, u64)) -> u64 {
    if File::create_new(flag).is_ok() {
        raise(Signal::SIGKILL).expect("raise");
    }
    result
}

pub fn append_then_wait((path, flag): (String, String)) -> String {
    append_line(path);
    wait_for_file(flag)
}

pub fn nap(milliseconds: u64) -> u64 {
    thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

/// Takes less than a millisecond.
pub fn doze(number: u64) -> u64 {
    thread::sleep(Duration::from_micros(30));
    number
}

pub fn panic_at_start() {
    panic!("not today");
}

/// Leaves end-of-file as the only way to learn of the parent's death.
pub fn outlive_parent_if_it_can() {
    set_pdeathsig(None).expect("prctl");
}

pub fn initialized(meeting: Meeting) -> (u32, u32) {
    meet(meeting);
    (process::id(), STARTS.load(Ordering::Relaxed))
}

pub fn fail(how: String) -> u64 {
    match how.as_str() {
        "panic" => panic!("bad\nbatch"),
        "exit 0" => process::exit(0),
        "exit 3" => process::exit(3),
        "kill" => raise(Signal::SIGKILL).expect("raise"),
        "abort" => process::abort(),
        "interrupt" => raise(Signal::SIGINT).expect("raise"),
        "garbage" => {
            let socket = own_sockets().into_iter().next().expect("the channel");
            // SAFETY: the descriptor is open for as long as this process serves.
            let socket = unsafe { BorrowedFd::borrow_raw(socket) };
            nix::unistd::write(socket, &[0xff; 4096]).expect("write");
        }
        "hang up" => {
            for socket in own_sockets() {
                nix::unistd::close(socket).expect("close");
            }
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        "fine" => {}
        other => panic!("no such failure: {other}"),
    }
    1
}

/// Waits until `path` exists.
pub fn wait_for_file(path: String) -> String {
    while !Path::new(&path).exists() {
        thread::sleep(Duration::from_millis(1));
    }
    mem_trace::name()
}

pub fn reverse(words: Slice<u64>) -> Slice<u64> {
    Slice::from(words.iter().rev().copied().collect::<Vec<_>>())
}

pub fn sum_words((first, second): (Slice<u64>, Slice<u64>)) -> u64 {
    assert!(first.as_ptr().is_aligned() && second.as_ptr().is_aligned());
    first.iter().chain(&second[..]).sum()
}

pub fn bytes_of_length(bytes: Vec<u8>) -> Vec<u8> {
    vec![1; bytes.len().max(1) * if bytes.len() == 1 { 65 << 20 } else { 1 }]
}

pub fn read_descriptor(file: Descriptor) -> String {
    let mut text = String::new();
    let mut file = File::from(file.as_fd().try_clone_to_owned().expect("dup"));
    std::io::Seek::rewind(&mut file).expect("rewind");
    file.read_to_string(&mut text).expect("read");
    text
}

pub fn open_many(count: usize) -> Vec<Descriptor> {
    let open = |_| {
        Descriptor::from(std::os::fd::OwnedFd::from(
            File::open("/dev/null").expect("open"),
        ))
    };
    (0..count).map(open).collect()
}

pub fn parents_pid(_: u32) -> i32 {
    nix::unistd::getppid().as_raw()
}

pub fn read_standard_input(_: u32) -> usize {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).expect("read")
}

pub fn own_sockets() -> Vec<i32> {
    fs::read_dir("/proc/self/fd")
        .expect("proc")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = fs::read_link(&path).ok()?;
            target.to_str()?.starts_with("socket:").then_some(())?;
            path.file_name()?.to_str()?.parse().ok()
        })
        .collect()
}

pub fn count_sockets(meeting: Meeting) -> usize {
    meet(meeting);
    own_sockets().len()
}

pub fn append_line(path: String) {
    let mut file = File::options().append(true).open(path).expect("open");
    file.write_all(b"line\n").expect("write");
}

/// The same, with an argument that is larger than a socket's buffer.
pub fn append_with_words((path, words): (String, Slice<u64>)) -> usize {
    append_line(path);
    words.len()
}

/// Whether the memory in which the words lie asks for huge pages (proc(5), `VmFlags`).
pub fn asks_for_huge_pages(words: Slice<u64>) -> bool {
    let middle = words[words.len() / 2..].as_ptr() as usize;
    let maps = fs::read_to_string("/proc/self/smaps").expect("smaps");
    let mut inside = false;
    for line in maps.lines() {
        if let Some((start, end)) = line.split(' ').next().and_then(|word| word.split_once('-')) {
            let address = |hex| usize::from_str_radix(hex, 16);
            if let (Ok(start), Ok(end)) = (address(start), address(end)) {
                inside = (start..end).contains(&middle);
            }
        } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
            return flags.split_whitespace().any(|flag| flag == "hg");
        }
    }
    panic!("no mapping has {middle:x}");
}

pub fn panic_in_a_thread(_: u32) -> bool {
    let thread = thread::spawn(|| panic!("lost in a thread"));
    thread.join().is_err()
}

/// Panics once more when it is dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a second panic");
    }
}

pub fn panic_with_a_bomb(_: u32) {
    std::panic::panic_any(Bomb);
}

/// Leaves a child, which has copies of all descriptors and ends when `flag` exists; then
/// fails as [`fail`] does.
pub fn leave_a_child((flag, how): (String, String)) -> u32 {
    // SAFETY: a worker has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            wait_for_file(flag);
            // SAFETY: `_exit` has no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { .. } => {
            fail(how);
            process::id()
        }
    }
}

pub fn never_registered(x: u64) -> u64 {
    x
}
