//! `mdbook-live`: see the library's documentation, and `mdbook-live --help`.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    mdbook_live::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "error: mdbook-live needs Linux, whose /proc and pidfds it watches runs by; expected WSL2 on \
         Windows, and a container or a virtual machine on a Mac"
    );
    ExitCode::FAILURE
}
