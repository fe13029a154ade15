//! Two states of a process that has a name.

fn main() {
    mem_trace::set_name("SpawnProcess-1");
    mem_trace::mark("waiting");
    mem_trace::mark("computing");
}
