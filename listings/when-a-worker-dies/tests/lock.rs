//! Wherever the owner of the lock dies, the total is that of the parts that are counted.

use std::process::Command;

#[test]
fn a_death_after_any_step_leaves_a_total_that_can_be_made_whole() {
    for (step, left) in [
        (1, "sum 40, parts 2"),
        (2, "sum 40, parts 2"),
        (3, "sum 40, parts 2"),
        (4, "sum 40, parts 2"),
        // The part is in both: it stays.
        (5, "sum 60, parts 3"),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_lock"))
            .args(["robust", "--dies-after", &step.to_string()])
            .output()
            .expect("runs");
        let printed = String::from_utf8_lossy(&out.stdout);
        assert!(
            printed.contains("worker 2 was killed by SIGKILL")
                && printed.contains("worker 3 has the lock, OwnerDied")
                && printed.ends_with(&format!("in the end: {left}\n")),
            "step {step}: {printed}"
        );
    }
}
