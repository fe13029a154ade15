//! Who printed, when, and how much memory: one line of output at a time, from a
//! program that is several processes.
//!
//! ```
//! use mem_trace::{MemoryUsage, trace};
//!
//! trace!("Loading data...");
//! trace!("Loaded. {}", MemoryUsage::now());
//! ```
//!
//! prints the process's name, the seconds since this process's previous line,
//! and the message:
//!
//! ```text
//! MainProcess      [ 0.00s] Loading data...
//! MainProcess      [ 1.62s] Loaded. Memory usage: 0 MB; peak: 0 MB; PSS 2 MB, …
//! ```

mod allocator;
mod line;
mod mark;
mod memory;
mod process;

pub use allocator::CountingAllocator;
pub use line::check_output;
pub use mark::{MARKS_VARIABLE, mark};
pub use memory::{
    MemoryUsage, available_address_space, available_memory, in_huge_pages, mebibytes,
    used_address_space,
};
pub use process::{NAME_VARIABLE, name, set_name, start_clock};

#[doc(hidden)]
pub use line::print;

/// Prints one line: process, seconds since this process's previous line, message.
///
/// Takes what [`format!`] takes. The whole line is one `write(2)` of at most
/// `PIPE_BUF` bytes, so lines of processes that share a pipe are never mixed
/// (pipe(7)); a terminal gives no such promise. A message with line breaks, or one that is longer,
/// becomes several such lines; those after the first carry `...` for the time.
///
/// A line that cannot be printed does not end the program: a tracer must not end
/// what it watches. [`check_output`] tells of it.
#[macro_export]
macro_rules! trace {
    ($($message:tt)*) => {
        $crate::print(::std::format_args!($($message)*))
    };
}
