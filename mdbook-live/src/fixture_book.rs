//! A small book with one listing, for tests.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// The lines of the record, with its colours.
pub const RECORDED: [&str; 4] = [
    "\\u001b[1mMain\\u001b[0m      \\u001b[32m[ 0.00s]\\u001b[0m id: 0x1 {{#run x/y}}",
    "",
    "   ForkProcess-1 \\u001b[32m[ 0.01s]\\u001b[0m id: 0x1 <&>",
    "total_time_s=0.50",
];

/// Writes the book: `demo/fork` with reference, record and memory, `demo/fast` with a record,
/// `demo/new` without; a crate `beside` without runs; two chapters, the second with a child.
pub fn book() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let root = dir.path();
    write(
        root,
        "book.toml",
        "[book]\ntitle = \"Demo\"\nlanguage = \"en\"\n\n[preprocessor.live]\nmemory = true\nprocess = '^\\s*(\\S+)'\n\
         command = \"mdbook-live preprocess\"\nbefore = [\"links\"]\nlistings = [\"listings/*\"]\n\
         redact = ['\\[ *\\d+\\.\\d+s\\]', '\\b0x[0-9a-f]+\\b']\n\
         [preprocessor.live.reference]\nname = \"Manual\"\nabout = \"As printed in it\"\n\
         says = \"The manual says\"\nfolder = \"manual\"\n",
    );
    write(
        root,
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"listings/*\"]\n",
    );
    write(
        root,
        "src/SUMMARY.md",
        "# Summary\n\n[Foreword](foreword.md)\n\n- [One](one.md)\n- [Two](two.md)\n  \
         - [Two and a half](half.md)\n",
    );
    write(root, "src/foreword.md", "# Foreword\n");
    write(
        root,
        "src/one.md",
        "# One\n\nIt takes {{#figure demo/fork total_time_s}}.\n",
    );
    write(root, "src/two.md", "# Two\n");
    write(root, "src/half.md", "# Two and a half\n");
    crate_files(root, "demo");
    crate_files(root, "beside");
    write(
        root,
        "listings/demo/manual/fork.txt",
        "Main [ 0.00s] id: 1\n",
    );
    write(
        root,
        "listings/demo/runs.toml",
        "[figures]\ntotal_time_s = { pattern = 'total_time_s=([\\d.]+)', unit = \"s\" }\n\
         processes = { pattern = 'processes=(\\d+)' }\n\n\
         [[run]]\nname = \"fork\"\ncaption = \"Two processes\"\nargs = [\"fork\"]\ntimeout = '5s'\n\n\
         [[run.claim]]\nsays = \"One id everywhere\"\nreference = { becomes = \"holds\" }\nsame = 'id: (0x[0-9a-f]+)'\n\n\
         [[run.claim]]\nsays = \"Three lines name an id\"\ncount = { lines = 'id:', is = 3 }\n\n\
         [[run.claim]]\nsays = \"Slower than fast\"\n\
         ratio = { figure = \"total_time_s\", to = \"demo/fast total_time_s\", at_least = 1.5 }\n\n\
         [[run]]\nname = \"fast\"\ncaption = \"One process\"\nargs = [\"fast\"]\ntimeout = '5s'\n\n\
         [[run]]\nname = \"new\"\ncaption = \"Not recorded\"\nargs = [\"new\"]\ntimeout = '5s'\n\n\
         [[run.claim]]\nsays = \"It prints a line\"\ncount = { lines = '.', is = 1 }\n",
    );
    record(root, "fork", &RECORDED);
    record(root, "fast", &["total_time_s=0.25"]);
    write(
        root,
        "listings/demo/recorded/fork.memory.csv",
        "seconds,process,pid_ordinal,pss_kib,anon_kib,file_kib,shmem_kib,private_dirty_kib,unmapped_kib\n\
         0.000,demo,0,2048,1024,1024,0,1024,0\n\
         0.100,demo,0,2048,1024,1024,0,1024,0\n\
         0.200,demo,0,4096,1024,1024,2048,1024,0\n\
         0.200,demo,1,4096,1024,1024,2048,1024,0\n",
    );
    dir
}

/// Writes one file of the book, in one step: whoever watches never sees half of it.
pub fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    let folder = path.parent().expect("the path has a file name");
    let half = folder.join(".half");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&half, text))
        .and_then(|()| fs::rename(&half, &path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn crate_files(root: &Path, name: &str) {
    write(
        root,
        &format!("listings/{name}/Cargo.toml"),
        &format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    );
    write(
        root,
        &format!("listings/{name}/src/main.rs"),
        "//! Demo.\n\n// ANCHOR: main\nfn main() {\n    let text = \"\n# not hidden\n## twice\n\";\n    \
         print!(\"{text}\");\n}\n// ANCHOR_END: main\n",
    );
}

fn record(root: &Path, name: &str, lines: &[&str]) {
    let mut cast = format!(
        "{{\"version\":2,\"width\":100,\"height\":24,\"timestamp\":1795392000,\"duration\":0.6,\
         \"title\":\"demo/{name}\",\"command\":\"cargo run -- {name}\",\"env\":{{}},\
         \"live\":{{\"host\":{{\"cpu\":\"A CPU\",\"cores\":2,\"memory_mib\":4096,\
         \"kernel\":\"Linux 6.1.0\",\"rustc\":\"rustc 1.95.0 (f2d3ce0bd 2026-03-21)\",\
         \"thp\":\"never\"}},\"args\":[\"{name}\"],\"exit\":0,\"by\":\"wall_s\",\"of\":[0.5]}}}}\n"
    );
    for (index, line) in lines.iter().enumerate() {
        cast.push_str(&format!("[0.{index}, \"o\", \"{line}\\r\\n\"]\n"));
    }
    write(root, &format!("listings/demo/recorded/{name}.cast"), &cast);
}
