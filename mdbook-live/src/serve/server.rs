//! Serves the book on this machine, and builds it anew when something in it changes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::run::shutdown;
use crate::serve::access::AccessControl;
use crate::serve::connections::{Limits, answer};
use crate::serve::folder::ServerFolder;
use crate::serve::http::{Served, router};
use crate::serve::queue::RunQueue;
use crate::serve::rebuild::{Notice, rebuild_on_change};
use crate::serve::site::{Site, build_into};
use crate::serve::watch::Changes;

/// Where and how the book is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on; live runs are offered on loopback alone.
    pub host: IpAddr,
    /// The port; 0 lets the system choose one.
    pub port: u16,
    /// Whether to open the book in a browser, where there is one.
    pub open: bool,
}

/// Builds and serves the book of `root` until Ctrl-C, and has `notify` told how that goes.
///
/// # Errors
///
/// When the port is in use, when the book does not build at the start, or when the
/// server fails. A later build that fails is a [`Notice`]; the old book stays.
pub fn serve(
    root: &Path,
    options: &Options,
    notify: impl Fn(Notice) + Send + Sync + 'static,
) -> Result<()> {
    let root = root
        .canonicalize()
        .with_context(|| format!("opening the book's folder {}", root.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the server's threads")?;
    let address = SocketAddr::new(options.host, options.port);
    // Listens before it builds: a port in use is an error at once.
    let listener = runtime
        .block_on(TcpListener::bind(address))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                anyhow!(
                    "port {} on {} is in use; --port chooses another",
                    options.port,
                    options.host
                )
            }
            _ => anyhow!(error).context(format!("listening on {address}")),
        })?;
    let address = listener.local_addr().context("asking for the port")?;

    // From here on runs and a folder would be left behind.
    let told_to_end = Arc::new(Notify::new());
    let end = Arc::clone(&told_to_end);
    shutdown::on_shutdown(move || end.notify_one())?;
    let folder = ServerFolder::new(&std::env::temp_dir())?;
    let started = Instant::now();
    // Watches before it builds: what is saved in the meantime is seen.
    let changes = Changes::watch(&root)?;
    let site = Arc::new(Site::new(build_into(&root, folder.path())?));
    let url = url(address);
    notify(Notice::Serving {
        url: url.clone(),
        took: started.elapsed(),
        elsewhere: (!address.ip().is_loopback()).then(|| addresses_for_others(address)),
    });
    if options.open && has_browser() {
        // Detached, and without a word if it fails: the URL has been told.
        let _ = open::that_detached(&url);
    }

    // Other machines get the book alone: runs are for the person at this one.
    let live = if address.ip().is_loopback() {
        Some(AccessControl::new(RunQueue::new(&root), address)?)
    } else {
        None
    };
    if let Some(access) = &live {
        let live = Arc::clone(&access.live);
        std::thread::Builder::new()
            .name("build listings".to_owned())
            .spawn(move || live.build_listings())
            .context("starting the thread that builds the listings")?;
    }
    let served = Served {
        site: Arc::clone(&site),
        live: live.clone(),
        changes: changes.sender(),
    };
    let rebuilding = {
        let folder = folder.path().to_owned();
        move || rebuild_on_change(&root, &folder, changes, &site, notify)
    };
    std::thread::Builder::new()
        .name("rebuild".to_owned())
        .spawn(rebuilding)
        .context("starting the thread that rebuilds the book")?;

    runtime.block_on(async {
        tokio::select! {
            () = answer(listener, router(served), Limits::of_this_process()) => {}
            () = told_to_end.notified() => {}
        }
    });
    // Open pages hold connections: they are not waited for. Runs are.
    runtime.shutdown_background();
    if let Some(access) = live {
        access.live.close();
    }
    // The folder goes with its builds.
    drop(folder);
    Ok(())
}

fn url(address: SocketAddr) -> String {
    // 0.0.0.0 is not an address that a browser can open.
    match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => {
            format!("http://127.0.0.1:{}/", address.port())
        }
        ip if ip.is_unspecified() => format!("http://[::1]:{}/", address.port()),
        _ => format!("http://{address}/"),
    }
}

/// Where other machines reach a server on this address.
fn addresses_for_others(address: SocketAddr) -> Vec<String> {
    let ips = if !address.ip().is_unspecified() {
        vec![address.ip()]
    } else {
        // The addresses that this machine would send from, by way of addresses for
        // documentation (RFC 5737, RFC 3849). Nothing is sent.
        let towards = |own: IpAddr, other: IpAddr| {
            let socket = UdpSocket::bind((own, 0)).ok()?;
            socket.connect((other, 9)).ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        let of_v4 = towards(
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        );
        let of_v6 = address.is_ipv6().then(|| {
            towards(
                Ipv6Addr::UNSPECIFIED.into(),
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
            )
        });
        of_v4.into_iter().chain(of_v6.flatten()).collect()
    };
    let url = |ip: IpAddr| format!("http://{}/", SocketAddr::new(ip, address.port()));
    let others = ips.into_iter().filter(|ip| !ip.is_loopback());
    others.map(url).collect()
}

fn has_browser() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::book;

    #[test]
    fn a_port_in_use_is_told_in_one_line_that_names_the_way_out() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let root = book();
        let options = Options {
            host: IpAddr::from([127, 0, 0, 1]),
            port,
            open: false,
        };
        let error = serve(root.path(), &options, |_| {}).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            format!("port {port} on 127.0.0.1 is in use; --port chooses another")
        );
    }

    #[test]
    fn the_url_is_one_that_a_browser_can_open() {
        let url = |address: &str| super::url(address.parse().unwrap());
        assert_eq!(url("127.0.0.1:3000"), "http://127.0.0.1:3000/");
        assert_eq!(url("0.0.0.0:80"), "http://127.0.0.1:80/");
        assert_eq!(url("[::]:80"), "http://[::1]:80/");
        assert_eq!(url("[::1]:3000"), "http://[::1]:3000/");
    }

    #[test]
    fn other_machines_are_named_an_address_that_they_can_reach() {
        let of = |address: &str| addresses_for_others(address.parse().unwrap());
        assert_eq!(of("192.0.2.7:3000"), ["http://192.0.2.7:3000/"]);
        for url in of("0.0.0.0:3000").iter().chain(&of("[::]:3000")) {
            assert!(!url.contains("0.0.0.0") && !url.contains("127."), "{url}");
        }
    }
}
