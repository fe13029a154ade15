//! What the chapter's forked child leaves alone.

use std::io::{self, PipeWriter, Read, Write};
use std::panic;
use std::process;

use forking_with_threads::watchdog::{End, in_forked_child};

/// Writes when it is dropped in another process than the one that made it.
struct OfThisProcess(u32, PipeWriter);

impl Drop for OfThisProcess {
    fn drop(&mut self) {
        if process::id() != self.0 {
            let _ = self.1.write_all(b"dropped by the child");
        }
    }
}

#[test]
fn a_panic_in_the_child_drops_nothing_of_its_parents() {
    let (mut reader, writer) = io::pipe().expect("pipe");
    let of_parent = OfThisProcess(process::id(), writer);
    // SAFETY: `resume_unwind` calls no hook and takes no lock, and glibc lets a child
    // allocate.
    let end = unsafe { in_forked_child(|| panic::resume_unwind(Box::new(()))) };
    assert_eq!(end.expect("forks"), End::Itself);
    drop(of_parent);
    let mut written = String::new();
    reader.read_to_string(&mut written).expect("reads");
    assert_eq!(written, "");
}
