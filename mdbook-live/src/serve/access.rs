//! Who may start a run: the person at this machine, from the book's own pages.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::http::{HeaderMap, StatusCode, header};

use crate::serve::queue::RunQueue;

/// The header that carries the token.
const TOKEN: &str = "x-live-token";

/// The header by which a browser says where a request comes from (Fetch Metadata, W3C).
const FETCH_SITE: &str = "sec-fetch-site";

/// Live runs, and what a request for one must bring.
///
/// - A `Host` that is this server's own: a foreign name that leads here, as by DNS
///   rebinding, gets nothing.
/// - An `Origin`, where the browser names one, that is the same, and a `Sec-Fetch-Site` that
///   says so: no other page gets anything.
/// - The token, made anew at each start and told to the book's pages alone: a page that
///   cannot read them gets nothing.
#[derive(Debug, Clone)]
pub(crate) struct AccessControl {
    pub live: Arc<RunQueue>,
    pub token: String,
    hosts: Vec<String>,
}

impl AccessControl {
    /// For a server that listens on `address`.
    pub fn new(live: Arc<RunQueue>, address: SocketAddr) -> Result<AccessControl> {
        let mut random = [0; 16];
        File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut random))
            .context("making a token for live runs")?;
        Ok(AccessControl {
            live,
            token: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            hosts: hosts(address),
        })
    }

    /// Whether a request was sent to this server by one of its own names.
    pub fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.hosts.iter().any(|own| own == host))
    }

    /// Whether a request may start a run; else the answer to it.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
        let refuse = |words: &str| Err((StatusCode::FORBIDDEN, words.to_owned()));
        if !self.is_own_host(headers) {
            return refuse(
                "Live runs are for this machine: open the book by the address that the server printed.",
            );
        }
        let foreign_site = headers
            .get(FETCH_SITE)
            .is_some_and(|site| site != "same-origin" && site != "none");
        let foreign_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
            let origin = origin.to_str().unwrap_or_default();
            let own = |host: &String| origin.strip_prefix("http://") == Some(host);
            !self.hosts.iter().any(own)
        });
        if foreign_site || foreign_origin {
            return refuse("Live runs are for the book's own pages.");
        }
        let token = headers.get(TOKEN).map(|token| token.as_bytes());
        // The comparison takes the same time for every wrong token.
        let own = self.token.as_bytes();
        let same = token.is_some_and(|token| {
            token.len() == own.len()
                && token
                    .iter()
                    .zip(own)
                    .fold(0, |all, (one, other)| all | (one ^ other))
                    == 0
        });
        if same {
            Ok(())
        } else {
            refuse("This page is of an earlier start of the server: reload it.")
        }
    }
}

/// The names by which a browser calls a server on `address`; it leaves the port out where it
/// is HTTP's own (RFC 9110, 4.2.1).
fn hosts(address: SocketAddr) -> Vec<String> {
    let ip = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let names = [ip, "localhost".to_owned()];
    let mut hosts: Vec<String> = names
        .iter()
        .map(|name| format!("{name}:{}", address.port()))
        .collect();
    if address.port() == 80 {
        hosts.extend(names);
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts_of(address: &str) -> Vec<String> {
        hosts(address.parse().expect("an address"))
    }

    #[test]
    fn a_browser_leaves_the_port_of_http_out() {
        assert_eq!(
            hosts_of("127.0.0.1:80"),
            ["127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"]
        );
        assert_eq!(
            hosts_of("127.0.0.1:3000"),
            ["127.0.0.1:3000", "localhost:3000"]
        );
        assert_eq!(hosts_of("[::1]:3000"), ["[::1]:3000", "localhost:3000"]);
    }
}
