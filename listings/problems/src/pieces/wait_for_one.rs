/// Waits until a child has ended, whichever it is, and for nothing where there is none.
fn wait_for_one() {
    let _ = wait();
}
