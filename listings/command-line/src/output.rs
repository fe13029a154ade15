//! A line that cannot be printed.

use std::panic;
use std::process;

use nix::errno::Errno;

/// How the panic of `println!` begins.
const NOT_PRINTED: &str = "failed printing to stdout: ";

/// From now on a `println!` that fails ends this process with one line and code 1, instead
/// of a panic; one that it forks, with the code alone. Where nobody reads any more, as
/// behind `head`, it ends in silence and with code 0.
pub(crate) fn end_where_it_fails() {
    let speaker = process::id();
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let words = panic.payload_as_str().unwrap_or_default();
        match words.strip_prefix(NOT_PRINTED) {
            None => otherwise(panic),
            Some(why) if why.ends_with(&format!("(os error {})", Errno::EPIPE as i32)) => {
                process::exit(0)
            }
            Some(why) => {
                if process::id() == speaker {
                    eprintln!("error: cannot print: {why}");
                }
                process::exit(1)
            }
        }
    }));
}
