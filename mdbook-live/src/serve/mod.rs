//! Serves the book on this machine, rebuilds it when something in it changes, and
//! has the open page show the new one.

pub(crate) mod access;
pub mod queue;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mdbook_driver::config::Config;
use notify::{RecursiveMode, Watcher};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

use crate::book::listing::Book;
use crate::page::live::template as live_template;
use crate::run::shutdown;
use crate::serve::access::AccessControl;
use crate::serve::queue::{Rejected, RunQueue, RunRequest};
use crate::verbs::build::build;

/// Where and how the book is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on; the book alone is served, so it may be other than loopback.
    pub host: IpAddr,
    /// The port; 0 lets the system choose one.
    pub port: u16,
    /// Whether to open the book in a browser, where there is one.
    pub open: bool,
}

/// Builds and serves the book of `root` until Ctrl-C.
///
/// # Errors
///
/// When the port is in use, when the book does not build at the start, or when the
/// server fails. A later build that fails is told on the terminal; the old book stays.
pub fn serve(root: &Path, options: &Options) -> Result<()> {
    let root = root
        .canonicalize()
        .with_context(|| format!("opening the book's folder {}", root.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the server's threads")?;
    let address = SocketAddr::new(options.host, options.port);
    // Listens before it builds: a port in use is told at once.
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
    let folder = tempfile::Builder::new()
        .prefix("mdbook-live-")
        .tempdir()
        .context("making a folder for the built book")?;
    let started = Instant::now();
    // Watches before it builds: what is saved in the meantime is seen.
    let changes = Changes::watch(&root)?;
    let site = Arc::new(Site::new(build_into(&root, folder.path())?));
    let url = url(address);
    println!(
        "Serving {url} (built in {:.1} s; Ctrl-C ends)",
        started.elapsed().as_secs_f64()
    );
    io::stdout().flush().context("writing to the terminal")?;
    if options.open && has_browser() {
        // Detached, and without a word if it fails: the URL is on the terminal.
        let _ = open::that_detached(&url);
    }

    // The book alone is served to other machines: runs are for who sits at this one.
    let live = options
        .host
        .is_loopback()
        .then(|| AccessControl::new(RunQueue::new(&root), address))
        .transpose()?;
    if let Some(access) = &live {
        let live = Arc::clone(&access.live);
        std::thread::Builder::new()
            .name("build listings".to_owned())
            .spawn(move || live.build_all())
            .context("starting the thread that builds the listings")?;
    }
    let rebuilding = {
        let site = Arc::clone(&site);
        let folder = folder.path().to_owned();
        move || rebuild_on_change(&root, &folder, &changes, &site)
    };
    std::thread::Builder::new()
        .name("rebuild".to_owned())
        .spawn(rebuilding)
        .context("starting the thread that rebuilds the book")?;

    let served = live.clone();
    let outcome = runtime.block_on(async {
        tokio::select! {
            ended = axum::serve(listener, router(site, served)).into_future() => {
                ended.context("serving the book")
            }
            () = told_to_end.notified() => Ok(()),
        }
    });
    // Open pages hold connections: they are not waited for. Runs are.
    runtime.shutdown_background();
    if let Some(access) = live {
        access.live.close();
    }
    // The folder goes with its builds.
    drop(folder);
    outcome
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

fn has_browser() -> bool {
    cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The book that is shown now.
struct Site {
    current: RwLock<Arc<TempDir>>,
    /// Names the build; pages that were shown another one reload.
    build_id: watch::Sender<String>,
}

impl Site {
    fn new(book: TempDir) -> Site {
        Site {
            current: RwLock::new(Arc::new(book)),
            build_id: watch::Sender::new(new_build_id()),
        }
    }

    fn current(&self) -> Arc<TempDir> {
        Arc::clone(&self.current.read().unwrap_or_else(|lock| lock.into_inner()))
    }

    /// Shows a new book; the old one goes when the last request for it has been answered.
    fn replace(&self, book: TempDir) {
        *self
            .current
            .write()
            .unwrap_or_else(|lock| lock.into_inner()) = Arc::new(book);
        self.build_id.send_replace(new_build_id());
    }
}

/// Differs between builds, and between starts of the server.
fn new_build_id() -> String {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos()
        .to_string()
}

fn build_into(root: &Path, folder: &Path) -> Result<TempDir> {
    let book = tempfile::Builder::new()
        .prefix("book-")
        .tempdir_in(folder)
        .context("making a folder for the built book")?;
    let dest = build(root, Some(book.path()))?;
    debug_assert!(dest.starts_with(book.path()));
    if dest == book.path() {
        return Ok(book);
    }
    // With several renderers in book.toml, mdBook gives each a folder of its own.
    let html = tempfile::Builder::new()
        .prefix("book-")
        .tempdir_in(folder)
        .context("making a folder for the built book")?;
    std::fs::remove_dir(html.path())
        .and_then(|()| std::fs::rename(&dest, html.path()))
        .with_context(|| format!("moving the pages out of {}", dest.display()))?;
    Ok(html)
}

/// What requests are answered from.
#[derive(Clone)]
struct Served {
    site: Arc<Site>,
    /// `None` where the book alone is served.
    live: Option<AccessControl>,
}

fn router(site: Arc<Site>, live: Option<AccessControl>) -> Router {
    let mut routes = Router::new().route("/live/reload", get(reloads));
    if live.is_some() {
        routes = routes.route(
            "/live/runs",
            get(offers)
                .post(make_run)
                .layer(DefaultBodyLimit::max(MOST_REQUEST)),
        );
    }
    // Events are not compressed: each goes out as it comes.
    routes
        .fallback(page)
        .layer(CompressionLayer::new())
        .with_state(Served { site, live })
}

/// Bytes of a wish for a run; a name and a size are far shorter.
const MOST_REQUEST: usize = 1 << 10;

fn refusal(refused: (StatusCode, String)) -> Response {
    let (status, words) = refused;
    let mut response = (status, words).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Which runs there are, and why one is not offered at the size of its record.
async fn offers(State(served): State<Served>, request: Request) -> Response {
    let Some(access) = served.live else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Err(refused) = access.admit(request.headers()) {
        return refusal(refused);
    }
    let live = Arc::clone(&access.live);
    match tokio::task::spawn_blocking(move || live.offers()).await {
        Ok(Ok(offers)) => axum::Json(offers).into_response(),
        Ok(Err(error)) => refusal((StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Makes a run, and answers with what it does for as long as somebody reads.
async fn make_run(
    State(served): State<Served>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(access) = served.live else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Err(refused) = access.admit(&headers) {
        return refusal(refused);
    }
    let wish = body
        .map_err(|refused| refused.status())
        .and_then(|body| serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST));
    let wish: RunRequest = match wish {
        Ok(wish) => wish,
        Err(status) => {
            let accepted =
                r#"accepted is {"run": "LISTING/RUN", "size": "quick" or "recorded"}"#.to_owned();
            return refusal((status, accepted));
        }
    };
    let asked = wish.run.clone();
    let live = Arc::clone(&access.live);
    let begun = tokio::task::spawn_blocking(move || live.begin(wish)).await;
    match begun {
        Ok(Ok(stream)) => {
            let events = stream.map(|told| {
                // What is told is made of texts and numbers, which JSON has.
                Ok::<Event, Infallible>(Event::default().json_data(told).unwrap_or_default())
            });
            // Who is gone is found out by what is sent.
            let often = KeepAlive::new().interval(Duration::from_millis(500));
            Sse::new(events).keep_alive(often).into_response()
        }
        Ok(Err(Rejected::NotListed)) => refusal((
            StatusCode::NOT_FOUND,
            format!("No run is named {asked}; `mdbook-live list` names them."),
        )),
        Ok(Err(Rejected::QueueFull)) => refusal((
            StatusCode::TOO_MANY_REQUESTS,
            "One run is being made and another waits: try again when one has ended.".to_owned(),
        )),
        Ok(Err(Rejected::Ending)) | Err(_) => refusal((
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is ending.".to_owned(),
        )),
    }
}

async fn reloads(
    State(Served { site, .. }): State<Served>,
) -> Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>> {
    let build_ids = WatchStream::new(site.build_id.subscribe());
    Sse::new(build_ids.map(|build_id| Ok(Event::default().data(build_id))))
        .keep_alive(KeepAlive::default())
}

/// A file of the book; a page gets the script that reloads it.
async fn page(State(served): State<Served>, mut request: Request) -> Response {
    let Served { site, live } = served;
    // A page under a name that is not ours, as after DNS rebinding, gets no token.
    let token = live
        .as_ref()
        .filter(|access| access.is_own_host(request.headers()))
        .map(|access| access.token.clone());
    // Read before the files: if a build comes between, the page reloads once more.
    let build_id = site.build_id.borrow().clone();
    let book = site.current();
    // A page is changed below: neither a part of it nor its unchanged state is asked for.
    for header in [
        header::RANGE,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
    ] {
        request.headers_mut().remove(header);
    }
    // The answer to HEAD has the headers of GET; the body stays out when it is sent.
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let not_found = ServeFile::new(book.path().join("404.html"));
    let files = ServeDir::new(book.path()).not_found_service(not_found);
    let response = match tower::ServiceExt::oneshot(files, request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let mut response = with_script(response, &build_id, token.as_deref()).await;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn with_script(response: Response, build_id: &str, token: Option<&str>) -> Response {
    let is_html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_html {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::LAST_MODIFIED);
    let page = String::from_utf8_lossy(&body);
    let script = include_str!("reload.js").replace("BUILD_ID", build_id);
    let live = token.map(|token| {
        let script = include_str!("live.js").replace("TOKEN", token);
        format!("{}<script>\n{script}</script>\n", live_template())
    });
    let script = format!("<script>\n{script}</script>\n{}", live.unwrap_or_default());
    let end = page.rfind("</body>").unwrap_or(page.len());
    let page = format!("{}{script}{}", &page[..end], &page[end..]);
    Response::from_parts(parts, Body::from(page))
}

/// Changes to what the book is made of.
struct Changes {
    events: mpsc::Receiver<PathBuf>,
    root: PathBuf,
    /// The chapters' folder, from the root.
    source: PathBuf,
    // Dropping it ends the watch.
    _watcher: notify::RecommendedWatcher,
}

impl Changes {
    fn watch(root: &Path) -> Result<Changes> {
        let (sender, events) = mpsc::channel();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                if let Ok(event) = event
                    && !event.kind.is_access()
                {
                    for path in event.paths {
                        // Fails only once nothing rebuilds any more.
                        let _ = sender.send(path);
                    }
                }
            })
            .context("watching the book for changes")?;
        let config = Config::from_disk(root.join("book.toml"))?;
        for (path, mode) in watched(root, &config)? {
            watcher
                .watch(&path, mode)
                .with_context(|| format!("watching {} for changes", path.display()))?;
        }
        Ok(Changes {
            events,
            root: root.to_owned(),
            source: config.book.src,
            _watcher: watcher,
        })
    }

    /// Waits for a change, and then until nothing has changed for a moment.
    ///
    /// Returns a file that changed, or `None` once nothing is watched any more.
    fn next(&self) -> Option<PathBuf> {
        let mut changed = loop {
            let path = self.events.recv().ok()?;
            if is_of_the_book(&self.root, &self.source, &path) {
                break path;
            }
        };
        // An editor writes a file in several steps; git changes many files.
        let quiet = Duration::from_millis(60);
        let latest = Instant::now() + Duration::from_secs(1);
        while Instant::now() < latest {
            let Ok(path) = self.events.recv_timeout(quiet) else {
                break;
            };
            // An editor's intermediate file says nothing to its user.
            if !changed.exists() && is_of_the_book(&self.root, &self.source, &path) {
                changed = path;
            }
        }
        Some(changed)
    }
}

/// The folders that are watched. Editors replace files, so a file is watched by its folder.
fn watched(root: &Path, config: &Config) -> Result<Vec<(PathBuf, RecursiveMode)>> {
    let mut trees = BTreeSet::from([root.join(&config.book.src)]);
    let theme = config.html_config().unwrap_or_default().theme_dir(root);
    if theme.is_dir() {
        trees.insert(theme);
    }
    for listing in Book::open(root)?.listings {
        // The folder of folders, for new listings and for the libraries beside them.
        match listing.dir.parent() {
            Some(parent) if parent != root => trees.insert(parent.to_owned()),
            _ => trees.insert(listing.dir),
        };
    }
    let mut watched = vec![(root.to_owned(), RecursiveMode::NonRecursive)];
    watched.extend(
        trees
            .into_iter()
            .map(|tree| (tree, RecursiveMode::Recursive)),
    );
    Ok(watched)
}

/// Whether a change there can change the book: not what builds and runs leave behind.
fn is_of_the_book(root: &Path, source: &Path, path: &Path) -> bool {
    let Ok(path) = path.strip_prefix(root) else {
        return true;
    };
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or("");
    let hidden_or_built = path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part.starts_with('.') || part == "target" || part == "__pycache__"
    });
    if hidden_or_built || name.ends_with('~') {
        return false;
    }
    if path.parent() == Some(Path::new("")) {
        // Beside book.toml lie files that are none of the book's.
        return name == "book.toml";
    }
    // A listing writes data files while it runs: large ones, never shown.
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("");
    path.starts_with(source) || !matches!(extension, "npy" | "bin" | "tmp" | "log")
}

fn rebuild_on_change(root: &Path, folder: &Path, changes: &Changes, site: &Site) {
    while let Some(changed) = changes.next() {
        let changed = changed.strip_prefix(root).unwrap_or(&changed).display();
        let started = Instant::now();
        match build_into(root, folder) {
            Ok(book) => {
                site.replace(book);
                println!(
                    "{changed} changed: built in {:.1} s",
                    started.elapsed().as_secs_f64()
                );
            }
            Err(error) => {
                eprintln!("{changed} changed, but the book does not build; the old one stays:");
                eprintln!("{error:#}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::{book, write};

    struct InTest {
        router: Router,
        site: Arc<Site>,
        root: TempDir,
        folder: TempDir,
    }

    fn served() -> InTest {
        let root = book();
        let folder = tempfile::tempdir().unwrap();
        let site = Arc::new(Site::new(build_into(root.path(), folder.path()).unwrap()));
        InTest {
            router: router(Arc::clone(&site), None),
            site,
            root,
            folder,
        }
    }

    async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(router.clone(), request)
            .await
            .unwrap();
        let status = response.status();
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|kind| kind.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, kind, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn pages_have_the_reload_script_and_files_their_content_type() {
        let served = served();
        let (status, kind, body) = ask(&served.router, "GET", "/one.html").await;
        assert_eq!(status, StatusCode::OK);
        assert!(kind.starts_with("text/html"), "{kind}");
        let build_id = served.site.build_id.borrow().clone();
        assert!(body.contains(&format!("const shown = \"{build_id}\"")));
        assert!(body.trim_end().ends_with("</html>"));
        let (_, _, index) = ask(&served.router, "GET", "/").await;
        assert!(index.contains("Foreword"));
        let (status, kind, body) = ask(&served.router, "GET", "/.nojekyll").await;
        assert_eq!(
            (status, body.contains("<script")),
            (StatusCode::OK, false),
            "{kind}"
        );
        let css = std::fs::read_dir(served.site.current().path().join("css"))
            .unwrap()
            .flatten()
            .next()
            .unwrap()
            .file_name();
        let (_, kind, body) = ask(&served.router, "GET", &format!("/css/{}", css.display())).await;
        assert!(kind.starts_with("text/css"), "{kind}");
        assert!(!body.contains("<script"));
    }

    /// A server with live runs whose programs are `sh`; what a request needs is its own.
    fn with_live() -> (InTest, AccessControl) {
        let served = served();
        let runs = "[[run]]\nname = 'hello'\ncaption = 'A script'\nargs = ['-c', 'echo hello']\nlimit_s = 60\n";
        write(served.root.path(), "listings/demo/runs.toml", runs);
        let live = RunQueue::with_program(served.root.path(), "/bin/sh");
        let address = "127.0.0.1:3000".parse().unwrap();
        let access = AccessControl::new(live, address).unwrap();
        let router = router(Arc::clone(&served.site), Some(access.clone()));
        (InTest { router, ..served }, access)
    }

    const HELLO: &str = r#"{"run": "demo/hello", "size": "quick"}"#;

    /// What a wish is answered with, sent with these headers.
    async fn wish(served: &InTest, headers: &[(&str, &str)], body: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method("POST").uri("/live/runs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = tower::ServiceExt::oneshot(served.router.clone(), request)
            .await
            .unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_run_is_made_for_a_page_of_the_book() {
        let (served, access) = with_live();
        for host in ["127.0.0.1:3000", "localhost:3000"] {
            let origin = format!("http://{host}");
            let own = [
                ("host", host),
                ("origin", origin.as_str()),
                ("x-live-token", access.token.as_str()),
            ];
            let (status, body) = wish(&served, &own, HELLO).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert!(
                body.contains("hello") && body.contains("\"well\":true"),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn who_is_not_a_page_of_the_book_gets_no_run() {
        let (served, access) = with_live();
        let (host, token) = (("host", "127.0.0.1:3000"), ("x-live-token", &*access.token));
        let wrong = "0".repeat(32);
        let foreign: [&[(&str, &str)]; 9] = [
            &[],
            &[host],
            &[host, ("x-live-token", "")],
            &[host, ("x-live-token", &wrong)],
            &[token],
            &[("host", "evil.example"), token],
            &[("host", "127.0.0.1:3001"), token],
            &[host, token, ("origin", "http://evil.example")],
            &[host, token, ("origin", "null")],
        ];
        for headers in foreign {
            let (status, body) = wish(&served, headers, HELLO).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{headers:?}");
            assert!(!body.contains("hello"), "{body}");
        }
        let (status, _, body) = ask(&served.router, "GET", "/live/runs").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!body.contains("demo"), "{body}");
    }

    #[tokio::test]
    async fn a_wish_that_is_none_is_answered_with_what_is_accepted() {
        let (served, access) = with_live();
        let own = [
            ("host", "127.0.0.1:3000"),
            ("x-live-token", access.token.as_str()),
        ];
        for body in [
            "",
            "demo/hello",
            r#"{"run": "demo/hello"}"#,
            r#"{"run": "demo/hello", "size": "huge"}"#,
            r#"{"run": "demo/hello", "size": "quick", "args": ["x"]}"#,
        ] {
            let (status, answer) = wish(&served, &own, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert!(answer.starts_with("accepted is"), "{answer}");
        }
        let (status, answer) = wish(&served, &own, &HELLO.replace("hello", "hello --x")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
        let long = HELLO.replace("hello", &"x".repeat(2000));
        let (status, answer) = wish(&served, &own, &long).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.starts_with("accepted is"), "{answer}");
        let (status, _, _) = ask(&served.router, "PUT", "/live/runs").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn the_token_is_for_pages_under_our_own_name() {
        let (served, access) = with_live();
        for (host, told) in [("127.0.0.1:3000", true), ("evil.example", false)] {
            let request = Request::builder()
                .uri("/one.html")
                .header("host", host)
                .body(Body::empty())
                .unwrap();
            let response = tower::ServiceExt::oneshot(served.router.clone(), request)
                .await
                .unwrap();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8_lossy(&body);
            assert_eq!(body.contains(&access.token), told, "{host}");
            assert_eq!(body.contains("live-template"), told, "{host}");
        }
    }

    #[tokio::test]
    async fn where_the_book_alone_is_served_there_are_no_runs() {
        let served = served();
        let (status, body) = wish(&served, &[("host", "127.0.0.1:3000")], HELLO).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{body}");
        let (_, _, page) = ask(&served.router, "GET", "/one.html").await;
        assert!(!page.contains("live-template"));
    }

    #[tokio::test]
    async fn nothing_outside_the_book_and_no_folder_is_shown() {
        let served = served();
        for path in [
            "/../book.toml",
            "/..%2f..%2fbook.toml",
            "/%2e%2e/%2e%2e/etc/passwd",
            "//etc/passwd",
            "/css/",
            "/css",
            "/nothing.html",
        ] {
            let (status, _, body) = ask(&served.router, "GET", path).await;
            assert!(
                status != StatusCode::OK && !body.contains("root:") && !body.contains("[book]"),
                "{path}: {status}"
            );
        }
        let (status, _, body) = ask(&served.router, "GET", "/nothing.html").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("<html"), "the book's own page says so");
        let (status, _, _) = ask(&served.router, "POST", "/one.html").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        let (status, _, _) = ask(&served.router, "HEAD", "/one.html").await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_open_page_is_told_the_build_and_then_the_next_one() {
        let served = served();
        let request = Request::builder()
            .uri("/live/reload")
            .body(Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(served.router.clone(), request)
            .await
            .unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let mut events = response.into_body().into_data_stream();
        let first = served.site.build_id.borrow().clone();
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {first}\n\n").as_bytes());
        let book = build_into(served.root.path(), served.folder.path()).unwrap();
        served.site.replace(book);
        let second = served.site.build_id.borrow().clone();
        assert_ne!(first, second);
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {second}\n\n").as_bytes());
    }

    #[tokio::test]
    async fn a_saved_chapter_is_seen_and_a_broken_one_leaves_the_old_book() {
        let served = served();
        let changes = Changes::watch(served.root.path()).unwrap();
        let site = Arc::clone(&served.site);
        let (root, folder) = (
            served.root.path().to_owned(),
            served.folder.path().to_owned(),
        );
        std::thread::spawn(move || rebuild_on_change(&root, &folder, &changes, &site));
        let mut build_id = served.site.build_id.subscribe();

        write(
            served.root.path(),
            "src/two.md",
            "# Two\n\n{{#run demo/gone}}\n",
        );
        write(
            served.root.path(),
            "src/one.md",
            "# One\n\nA first change.\n",
        );
        assert!(
            tokio::time::timeout(Duration::from_secs(1), build_id.changed())
                .await
                .is_err(),
            "the book does not build"
        );
        let (_, _, body) = ask(&served.router, "GET", "/one.html").await;
        assert!(body.contains("It takes"), "the old book stays");

        write(served.root.path(), "src/two.md", "# Two\n\nMended.\n");
        tokio::time::timeout(Duration::from_secs(60), build_id.changed())
            .await
            .expect("the mended book is built")
            .unwrap();
        let (_, _, body) = ask(&served.router, "GET", "/one.html").await;
        assert!(body.contains("A first change."));
        assert_eq!(
            std::fs::read_dir(served.folder.path()).unwrap().count(),
            1,
            "only the book that is shown is kept"
        );
    }

    #[test]
    fn what_runs_and_builds_leave_behind_changes_no_book() {
        let root = Path::new("/book");
        let seen = |path: &str| is_of_the_book(root, Path::new("src"), &root.join(path));
        for path in [
            "book.toml",
            "src/one.md",
            "src/data.log",
            "listings/demo/runs.toml",
            "listings/demo/src/main.rs",
            "listings/demo/recorded/fork.cast",
            "listings/demo/notes/fork.txt",
        ] {
            assert!(seen(path), "{path}");
        }
        for path in [
            "Cargo.lock",
            "README.md",
            "src/.one.md.swp",
            "src/one.md~",
            "listings/demo/target/debug/demo",
            "listings/demo/data.npy",
            "listings/demo/recorded/.fork.cast.x",
            ".git/index",
        ] {
            assert!(!seen(path), "{path}");
        }
    }

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
        let error = format!("{:#}", serve(root.path(), &options).unwrap_err());
        assert_eq!(
            error,
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
}
