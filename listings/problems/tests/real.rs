//! The programs of many seeds, for real: they compile, and print what the model allows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use problems::problem::Problem;
use problems::{descriptor_table, fork_tree, private_pages};

type Make = fn(u64, u8) -> Problem;

const KINDS: [(&str, Make); 3] = [
    ("fork_tree", fork_tree::problem),
    ("descriptor_table", descriptor_table::problem),
    ("private_pages", private_pages::problem),
];

/// Problems of each kind and each level, by name.
fn problems(seeds: std::ops::Range<u64>) -> BTreeMap<String, Problem> {
    let mut problems = BTreeMap::new();
    for (kind, make) in KINDS {
        for seed in seeds.clone() {
            let level = (seed % 3 + 1) as u8;
            problems.insert(format!("{kind}_{seed}"), make(seed, level));
        }
    }
    problems
}

/// One program of all of them, each in a module: the compiler starts once.
fn compiled(problems: &BTreeMap<String, Problem>) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("problems");
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let nix = manifest.lines().find(|line| line.starts_with("nix = "));
    let manifest = format!(
        "[package]\nname = \"drawn\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{}\n",
        nix.expect("a dependency")
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("versions");
    let mut main = String::from("#![deny(warnings)]\nuse std::process::{ExitCode, Termination};\n");
    let mut arms = String::new();
    for (name, problem) in problems {
        let begin = "pub fn begin() -> Result<()> {\n    main()\n}\n";
        let text = format!("{}\n{begin}", problem.program);
        fs::write(folder.join(format!("src/{name}.rs")), text).expect("a program");
        main += &format!("mod {name};\n");
        arms += &format!("        Ok(\"{name}\") => {name}::begin().report(),\n");
    }
    main += &format!(
        "fn main() -> ExitCode {{\n    match std::env::var(\"DRAWN\").as_deref() {{\n{arms}        \
         _ => ExitCode::FAILURE,\n    }}\n}}\n"
    );
    fs::write(folder.join("src/main.rs"), main).expect("a program");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(&folder)
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    folder.join("target/debug/drawn")
}

#[test]
fn the_programs_compile_without_a_warning_and_print_what_the_model_allows() {
    let problems = problems(0..40);
    let program = compiled(&problems);
    for (name, problem) in &problems {
        for _ in 0..5 {
            let run = Command::new(&program)
                .env("DRAWN", name)
                .output()
                .expect("it starts");
            let errors = String::from_utf8_lossy(&run.stderr);
            assert!(
                run.status.success() && errors.is_empty(),
                "{name}: {errors}"
            );
            let output = String::from_utf8(run.stdout).expect("text");
            if let Err(why) = problem.outputs.allow(output.lines()) {
                panic!("{name} printed what the model does not allow: {why}\n{output}");
            }
        }
    }
}

#[test]
fn an_output_is_refused_that_lacks_a_line_or_has_one_more_or_another_one() {
    for (name, problem) in problems(0..40) {
        let right = problem.outputs.one();
        let right: Vec<&str> = right.iter().map(String::as_str).collect();
        assert_eq!(
            problem.outputs.allow(right.iter().copied()),
            Ok(()),
            "{name}"
        );
        for at in 0..right.len() {
            let mut other = right.clone();
            other[at] = "P0 z";
            let refused = problem.outputs.allow(other).expect_err(&name);
            assert!(
                refused.starts_with(&format!("line {}: expected `P", at + 1)),
                "{name}: {refused}"
            );
        }
        let without_last = &right[..right.len() - 1];
        assert!(
            problem.outputs.allow(without_last.iter().copied()).is_err(),
            "{name}"
        );
        let twice = right.iter().chain(right.last());
        assert!(problem.outputs.allow(twice.copied()).is_err(), "{name}");
    }
}

#[test]
fn rustfmt_leaves_the_programs_as_they_are() {
    let rustfmt = || Command::new("rustfmt");
    if rustfmt().arg("--version").output().is_err() {
        eprintln!("skipped: no rustfmt here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let files = problems(0..40).into_iter().map(|(name, problem)| {
        let file = folder.path().join(format!("{name}.rs"));
        fs::write(&file, problem.program).expect("a program");
        file
    });
    let files: Vec<PathBuf> = files.collect();
    let check = rustfmt()
        .args(["--edition", "2024", "--check"])
        .args(files)
        .output()
        .expect("it starts");
    assert!(
        check.status.success(),
        "{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
}

#[test]
fn two_seeds_are_two_problems_and_a_seed_is_always_the_same() {
    for (kind, make) in KINDS {
        for level in 1..=3 {
            assert_ne!(make(7, level).program, make(8, level).program, "{kind}");
            assert_eq!(make(7, level).program, make(7, level).program, "{kind}");
        }
    }
    // The examples that are kept were written on another machine.
    let kept: [(&str, Make, u64); 4] = [
        ("fork_tree", fork_tree::problem, 7),
        ("fork_tree", fork_tree::problem, 8),
        ("descriptor_table", descriptor_table::problem, 7),
        ("private_pages", private_pages::problem, 7),
    ];
    for (kind, make, seed) in kept {
        let file = format!(
            "{}/examples/{kind}_seed_{seed}.rs",
            env!("CARGO_MANIFEST_DIR")
        );
        let kept = fs::read_to_string(file).expect("an example");
        assert_eq!(make(seed, 2).program, kept, "{kind}, seed {seed}");
    }
}
