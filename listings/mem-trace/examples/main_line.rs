//! One line of the main process.

fn main() {
    mem_trace::trace!("Hello");
}
