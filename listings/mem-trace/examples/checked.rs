//! A line, and whether it was printed.

use std::io;

fn main() -> io::Result<()> {
    mem_trace::trace!("Hello");
    mem_trace::check_output()
}
