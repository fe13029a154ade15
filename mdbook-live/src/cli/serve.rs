//! `mdbook-live serve`: its arguments, and what it prints.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::serve::rebuild::Notice;
use crate::serve::server::{self, Options};

/// Where and how the book is served.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// The port to listen on
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// The address to listen on, or its name
    #[arg(long, default_value = "127.0.0.1", value_parser = address)]
    pub host: IpAddr,
    /// Do not open a browser
    #[arg(long)]
    pub no_open: bool,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            port: 3000,
            host: Ipv4Addr::LOCALHOST.into(),
            no_open: false,
        }
    }
}

/// The address that a name stands for; of several, one of IPv4.
fn address(name: &str) -> Result<IpAddr, String> {
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let found = (name, 0).to_socket_addrs();
    let found: Vec<IpAddr> = found
        .map(|found| found.map(|address| address.ip()).collect())
        .unwrap_or_default();
    let v4 = found.iter().find(|address| address.is_ipv4());
    v4.or(found.first())
        .copied()
        .ok_or_else(|| "expected an address of this machine, or its name".to_owned())
}

pub(super) fn serve(root: &Path, options: &ServeOptions) -> Result<()> {
    let options = Options {
        host: options.host,
        port: options.port,
        open: !options.no_open,
    };
    server::serve(root, &options, |notice| {
        let (words, is_problem) = in_words(&notice);
        // A terminal that is gone ends the server by a signal; a file that is full does not.
        let _ = if is_problem {
            writeln!(io::stderr(), "{words}")
        } else {
            writeln!(io::stdout(), "{words}").and_then(|()| io::stdout().flush())
        };
    })
}

/// What is printed, and whether it is a problem.
fn in_words(notice: &Notice) -> (String, bool) {
    let what = |changed: &Option<PathBuf>| match changed {
        Some(changed) => format!("{} changed", changed.display()),
        None => "The built book had been removed".to_owned(),
    };
    match notice {
        Notice::Serving {
            url,
            took,
            elsewhere,
        } => {
            let mut words = format!(
                "Serving {url} (built in {:.1} s; Ctrl-C ends)",
                took.as_secs_f64()
            );
            if let Some(elsewhere) = elsewhere {
                words += "\nLive runs are off, because other machines reach this address";
                if !elsewhere.is_empty() {
                    words += &format!(": {}", elsewhere.join(" "));
                }
                words += "\n`mdbook-live serve` without --host serves this machine alone, with live runs";
            }
            (words, false)
        }
        Notice::Rebuilt { changed, took } => {
            let took = took.as_secs_f64();
            (format!("{}: built in {took:.1} s", what(changed)), false)
        }
        Notice::DoesNotBuild { changed, problem } => {
            let what = what(changed);
            let words =
                format!("{what}, but the book does not build; the old one stays:\n{problem}");
            (words, true)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name() {
        assert_eq!(address("::1"), Ok("::1".parse().expect("an address")));
        assert!(address("localhost").expect("it has one").is_loopback());
        assert_eq!(
            address("no host"),
            Err("expected an address of this machine, or its name".to_owned())
        );
    }

    #[test]
    fn a_server_that_others_reach_says_so_and_that_runs_are_off() {
        let words = |elsewhere| {
            let notice = Notice::Serving {
                url: "http://127.0.0.1:3000/".to_owned(),
                took: Duration::from_millis(1234),
                elsewhere,
            };
            in_words(&notice).0
        };
        assert_eq!(
            words(None),
            "Serving http://127.0.0.1:3000/ (built in 1.2 s; Ctrl-C ends)"
        );
        let elsewhere = words(Some(vec!["http://192.0.2.7:3000/".to_owned()]));
        assert!(
            elsewhere.contains(
                "Live runs are off, because other machines reach this address: http://192.0.2.7:3000/\n"
            ),
            "{elsewhere}"
        );
    }
}
