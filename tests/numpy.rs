//! NumPy opens what Rust wrote, and finds the same sum.

use std::env;
use std::process::Command;

use fork_spawn_share::root;

/// Prints the fields, whether the timestamps ascend, and the sum.
const SCRIPT: &str = "
import sys, numpy
data = numpy.load(sys.argv[1])
print(*data.dtype.names, data.dtype['timestamp'], data.dtype.itemsize)
print(len(data), bool((data['index'] == numpy.arange(len(data))).all()))
print(bool((numpy.diff(data['timestamp']).astype('i8') > 0).all()))
print(sorted(set(numpy.nan_to_num(data['val'], nan=-1).tolist())))
print(int(numpy.nansum(data['val'])))
";

/// What a program of the listing prints.
fn data_sink(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "data-sink"])
        .args(["--bin", program, "--"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn numpy_reads_what_generate_wrote_and_finds_the_same_sum() {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_string());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|out| out.status.success()) {
        assert!(
            env::var_os("CI").is_none(),
            "{python} with NumPy is needed here"
        );
        eprintln!("skipped: {python} has no NumPy; PYTHON names another interpreter");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // Not a whole number of parts, nor of batches.
    let path = folder.path().join("data.npy");
    let path = path.to_str().expect("a path that is text");
    data_sink("generate", &["--records", "1_500_001", "--data", path]);

    let out = Command::new(&python)
        .args(["-c", SCRIPT, path])
        .output()
        .expect("python runs");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "index timestamp val datetime64[ns] 24");
    assert_eq!(lines[1], "1500001 True");
    assert_eq!(lines[2], "True");
    assert_eq!(lines[3], "[-1.0, 0.0, 1.0]");

    // And Rust opens what NumPy writes.
    let copy = folder.path().join("copy.npy");
    let copy = copy.to_str().expect("a path that is text");
    let save = "import sys, numpy; numpy.save(sys.argv[2], numpy.load(sys.argv[1]))";
    let saved = Command::new(&python)
        .args(["-c", save, path, copy])
        .status();
    assert!(saved.expect("python runs").success());
    let printed = data_sink("sequential", &["--data", copy]);
    assert!(
        printed
            .trim_end()
            .ends_with(&format!("total_sum={}", lines[4])),
        "{printed}"
    );

    for (program, method) in [
        ("sequential", None),
        ("data-sink", Some("fork")),
        ("data-sink", Some("spawn")),
        ("inherit", None),
    ] {
        let arguments: Vec<&str> = method.into_iter().chain(["--data", path]).collect();
        let printed = data_sink(program, &arguments);
        let sum = printed
            .trim_end()
            .rsplit("total_sum=")
            .next()
            .expect("a last line");
        assert_eq!(sum, lines[4], "{program} {method:?}");
    }
}
