//! What is answered to a request.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

use crate::page::live::template as live_template;
use crate::serve::access::AccessControl;
use crate::serve::events::{Rejected, RunRequest};
use crate::serve::site::Site;
use crate::serve::watch::Change;

/// Bytes of a request for a run; a name and a size are far shorter.
const MOST_REQUEST: usize = 1 << 10;

/// How long a request for a run may take to come; an answer that has begun goes on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a path.
const MOST_PATH: usize = 8 << 10;

/// Bytes of a file's name (limits.h(0p), NAME_MAX on Linux).
const MOST_NAME: usize = 255;

/// What requests are answered from.
#[derive(Clone)]
pub(crate) struct Served {
    pub site: Arc<Site>,
    /// `None` where the book alone is served.
    pub live: Option<AccessControl>,
    /// Where to ask for a build.
    pub changes: Sender<Change>,
}

pub(crate) fn router(served: Served) -> Router {
    let mut routes = Router::new().route("/live/reload", get(reloads));
    if served.live.is_some() {
        routes = routes.route(
            "/live/runs",
            get(available_runs)
                .post(make_run)
                .layer::<_, Infallible>(from_fn(within_time))
                .layer(DefaultBodyLimit::max(MOST_REQUEST)),
        );
    }
    routes
        .fallback(file)
        // Events are not compressed: each goes out as it comes.
        .layer(CompressionLayer::new())
        .layer(map_response(with_security_headers))
        .with_state(served)
}

/// What every answer says: no other site shows the book in a frame (mdBook's own sidebar is
/// one where there is no JavaScript), and a browser takes a file for what it is called.
async fn with_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'self'"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The answer to a request that comes to its end in time.
async fn within_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let words = format!("expected the whole request within {} s", PATIENCE.as_secs());
        in_words(StatusCode::REQUEST_TIMEOUT, words)
    })
}

/// An answer in words, which no cache keeps.
fn in_words(status: StatusCode, words: impl Into<String>) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, words.into()).into_response()
}

/// Which runs there are, and at which sizes.
async fn available_runs(State(served): State<Served>, request: Request) -> Response {
    let Some(access) = served.live else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Err((status, words)) = access.admit(request.headers()) {
        return in_words(status, words);
    }
    let live = Arc::clone(&access.live);
    match tokio::task::spawn_blocking(move || live.available_runs()).await {
        Ok(Ok(runs)) => axum::Json(runs).into_response(),
        Ok(Err(error)) => in_words(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
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
    if let Err((status, words)) = access.admit(&headers) {
        return in_words(status, words);
    }
    let request = body
        .map_err(|refused| refused.status())
        .and_then(|body| serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST));
    let request: RunRequest = match request {
        Ok(request) => request,
        Err(status) => {
            let expected = r#"expected {"run": "LISTING/RUN", "size": "quick" or "recorded"}"#;
            return in_words(status, expected);
        }
    };
    let name = request.run.clone();
    let live = Arc::clone(&access.live);
    match tokio::task::spawn_blocking(move || live.begin(request)).await {
        Ok(Ok(stream)) => {
            // Every event is made of strings and numbers, which JSON has.
            let events = stream.map(|event| {
                Ok::<Event, Infallible>(Event::default().json_data(event).unwrap_or_default())
            });
            // A page that is gone is found out by what is sent.
            let often = KeepAlive::new().interval(Duration::from_millis(500));
            Sse::new(events).keep_alive(often).into_response()
        }
        Ok(Err(Rejected::NotListed)) => in_words(
            StatusCode::NOT_FOUND,
            format!("No run is named {name}; `mdbook-live list` names them."),
        ),
        Ok(Err(Rejected::QueueFull)) => in_words(
            StatusCode::TOO_MANY_REQUESTS,
            "One run is being made and another waits: try again when one has ended.",
        ),
        Ok(Err(Rejected::Ending)) | Err(_) => {
            in_words(StatusCode::SERVICE_UNAVAILABLE, "The server is ending.")
        }
    }
}

/// What an open page hears of the book: which build is shown, and why the next one is not.
async fn reloads(
    State(Served { site, .. }): State<Served>,
) -> Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>> {
    let states = WatchStream::new(site.subscribe());
    // A state is made of strings, which JSON has.
    Sse::new(states.map(|state| Ok(Event::default().json_data(state).unwrap_or_default())))
        .keep_alive(KeepAlive::default())
}

/// A file of the book; a page gets the scripts that reload it and make live runs.
async fn file(State(served): State<Served>, request: Request) -> Response {
    if let ControlFlow::Break(answer) = look_at_path(request.uri()) {
        return answer;
    }
    // A page under a name that is not ours, as after DNS rebinding, gets no token.
    let token = served
        .live
        .as_ref()
        .filter(|access| access.is_own_host(request.headers()))
        .map(|access| access.token.clone());
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    // Read before the files: if a build comes between, the page reloads once more.
    let build_id = served.site.build_id();
    let response = read(&served.site, request).await;
    if response.status() == StatusCode::NOT_FOUND && served.site.is_gone() {
        return is_gone(&served);
    }
    let (mut parts, body) = response.into_parts();
    let Ok(mut body) = to_bytes(body, usize::MAX).await else {
        return in_words(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The file cannot be read.",
        );
    };
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") {
        body = with_scripts(&body, &build_id, token.as_deref()).into();
    }
    if kind.starts_with("text/")
        && !kind.contains("charset")
        && let Ok(kind) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        parts.headers.insert(header::CONTENT_TYPE, kind);
    }
    // Whole files are sent, and known by what is in them: each build writes them anew.
    for name in [
        header::ACCEPT_RANGES,
        header::CONTENT_LENGTH,
        header::LAST_MODIFIED,
    ] {
        parts.headers.remove(name);
    }
    let no_cache = HeaderValue::from_static("no-cache");
    parts.headers.insert(header::CACHE_CONTROL, no_cache);
    if parts.status == StatusCode::OK {
        let tag = tag(&body);
        let is_known = known.is_some_and(|known| has_tag(&known, &tag));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            parts.headers.insert(header::ETAG, tag);
        }
        if is_known {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(header::CONTENT_TYPE);
            body = Bytes::new();
        }
    }
    Response::from_parts(parts, Body::from(body))
}

/// Answers to a path that no file can have.
fn look_at_path(uri: &Uri) -> ControlFlow<Response> {
    let path = uri.path();
    if !path.starts_with('/') {
        return ControlFlow::Break(in_words(
            StatusCode::BAD_REQUEST,
            "expected a path that begins with /",
        ));
    }
    if path.len() > MOST_PATH {
        return ControlFlow::Break(in_words(
            StatusCode::URI_TOO_LONG,
            format!("expected a path of at most {MOST_PATH} bytes"),
        ));
    }
    // Three bytes of an escaped path are one of a name.
    if path.split('/').any(|name| name.len() > 3 * MOST_NAME) {
        return ControlFlow::Break(in_words(StatusCode::NOT_FOUND, "There is no such page."));
    }
    ControlFlow::Continue(())
}

/// The file as it was built; the book's own page where there is none.
async fn read(site: &Site, mut request: Request) -> Response {
    // A page is changed before it is sent: neither a part of the file nor its age is asked for.
    for name in [
        header::RANGE,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
    ] {
        request.headers_mut().remove(name);
    }
    // The answer to HEAD has the headers of GET; the body stays out when it is sent.
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let book = site.current();
    let not_found = ServeFile::new(book.path().join("404.html"));
    let files = ServeDir::new(book.path()).not_found_service(not_found);
    let response = match tower::ServiceExt::oneshot(files, request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    // A name that the file system does not take is the name of no file.
    match response.status() {
        StatusCode::INTERNAL_SERVER_ERROR => {
            in_words(StatusCode::NOT_FOUND, "There is no such page.")
        }
        _ => response,
    }
}

/// The built book has been removed: it is built again, and the page comes back by itself.
fn is_gone(served: &Served) -> Response {
    // Fails only once nothing rebuilds any more.
    let _ = served.changes.send(Change::BookIsGone);
    let page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
        <meta http-equiv=\"refresh\" content=\"2\"><title>The book is being built</title></head>\
        <body><p>The built book has been removed, as by a cleaner of temporary files. \
        It is being built again; this page comes back by itself.</p></body></html>\n";
    let mut response = in_words(StatusCode::SERVICE_UNAVAILABLE, page);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

/// Names a body (RFC 9110, 8.8.3); weak, for it may travel compressed.
fn tag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let digits: String = hash[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("W/\"{digits}\"")
}

/// Whether an `If-None-Match` names the tag.
fn has_tag(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').any(|known| known.trim() == tag)
}

/// The page with the scripts that the server adds.
fn with_scripts(page: &[u8], build_id: &str, token: Option<&str>) -> String {
    let page = String::from_utf8_lossy(page);
    let script = include_str!("reload.js").replace("BUILD_ID", build_id);
    let live = token.map(|token| {
        let script = include_str!("live.js").replace("TOKEN", token);
        format!("{}<script>\n{script}</script>\n", live_template())
    });
    let scripts = format!("<script>\n{script}</script>\n{}", live.unwrap_or_default());
    let end = page.rfind("</body>").unwrap_or(page.len());
    format!("{}{scripts}{}", &page[..end], &page[end..])
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::fixture_book::{book, write};
    use crate::serve::queue::RunQueue;
    use crate::serve::rebuild::rebuild_on_change;
    use crate::serve::site::{SiteState, build_into};
    use crate::serve::watch::Changes;

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
            router: router(Served {
                site: Arc::clone(&site),
                live: None,
                changes: std::sync::mpsc::channel().0,
            }),
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
        let build_id = served.site.build_id();
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
        let runs = "[[run]]\nname = 'hello'\ncaption = 'A script'\nargs = ['-c', 'echo hello']\ntimeout = '60s'\n";
        write(served.root.path(), "listings/demo/runs.toml", runs);
        let live = RunQueue::with_program(served.root.path(), "/bin/sh");
        let address = "127.0.0.1:3000".parse().unwrap();
        let access = AccessControl::new(live, address).unwrap();
        let router = router(Served {
            site: Arc::clone(&served.site),
            live: Some(access.clone()),
            changes: std::sync::mpsc::channel().0,
        });
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
    async fn another_page_than_the_books_gets_no_run() {
        let (served, access) = with_live();
        let (host, token) = (("host", "127.0.0.1:3000"), ("x-live-token", &*access.token));
        let wrong = "0".repeat(32);
        let foreign: [&[(&str, &str)]; 11] = [
            &[],
            &[host],
            &[host, ("x-live-token", "")],
            &[host, ("x-live-token", &wrong)],
            &[token],
            &[("host", "evil.example"), token],
            &[("host", "127.0.0.1:3001"), token],
            &[host, token, ("origin", "http://evil.example")],
            &[host, token, ("origin", "null")],
            &[host, token, ("sec-fetch-site", "cross-site")],
            &[host, token, ("sec-fetch-site", "same-site")],
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
    async fn a_request_that_is_none_is_answered_with_what_is_expected() {
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
            assert!(answer.starts_with("expected {"), "{answer}");
        }
        let (status, answer) = wish(&served, &own, &HELLO.replace("hello", "hello --x")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
        let long = HELLO.replace("hello", &"x".repeat(2000));
        let (status, answer) = wish(&served, &own, &long).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.starts_with("expected {"), "{answer}");
        let (status, _, _) = ask(&served.router, "PUT", "/live/runs").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn a_request_whose_body_does_not_come_is_answered() {
        let (served, access) = with_live();
        let request = Request::builder()
            .method("POST")
            .uri("/live/runs")
            .header("host", "127.0.0.1:3000")
            .header("x-live-token", &access.token)
            .body(Body::from_stream(tokio_stream::pending::<
                Result<Bytes, Infallible>,
            >()))
            .unwrap();
        let answer = tower::ServiceExt::oneshot(served.router.clone(), request);
        let answer = tokio::time::timeout(3 * PATIENCE, answer).await;
        let answer = answer.expect("an answer").unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
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

    /// The event that tells a state.
    fn state(build_id: &str, problem: &str) -> String {
        format!("data: {{\"build_id\":\"{build_id}\",\"problem\":{problem}}}\n\n")
    }

    #[tokio::test]
    async fn an_open_page_is_told_the_build_and_what_does_not_build_and_then_the_next_one() {
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
        let first = served.site.build_id();
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, state(&first, "null").as_bytes());
        served.site.keep_for("it is \"broken\"".to_owned());
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, state(&first, r#""it is \"broken\"""#).as_bytes());
        let build = || build_into(served.root.path(), served.folder.path()).unwrap();
        served.site.replace(build());
        let event = events.next().await.unwrap().unwrap();
        let same = state(&first, "null");
        assert_eq!(event, same.as_bytes(), "what is the same reloads no page");
        write(served.root.path(), "src/one.md", "# One\n\nA change.\n");
        served.site.replace(build());
        let second = served.site.build_id();
        assert_ne!(first, second);
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event, state(&second, "null").as_bytes());
    }

    #[tokio::test]
    async fn a_saved_chapter_is_seen_and_a_broken_one_leaves_the_old_book_and_says_why() {
        let served = served();
        let changes = Changes::watch(served.root.path()).unwrap();
        let site = Arc::clone(&served.site);
        let (root, folder) = (
            served.root.path().to_owned(),
            served.folder.path().to_owned(),
        );
        std::thread::spawn(move || rebuild_on_change(&root, &folder, changes, &site, |_| {}));
        let mut states = served.site.subscribe();
        let first = served.site.build_id();
        let mut next = async |wanted: fn(&SiteState) -> bool| {
            let state = states.wait_for(wanted);
            let state = tokio::time::timeout(Duration::from_secs(60), state).await;
            state.expect("the change is seen").unwrap().clone()
        };

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
        let state = next(|state| state.problem.is_some()).await;
        assert!(state.problem.unwrap().contains("src/two.md:3"));
        assert_eq!(state.build_id, first);
        let (_, _, body) = ask(&served.router, "GET", "/one.html").await;
        assert!(body.contains("It takes"), "the old book stays");

        write(served.root.path(), "src/two.md", "# Two\n\nRepaired.\n");
        let state = next(|state| state.problem.is_none()).await;
        assert_ne!(state.build_id, first);
        let (_, _, body) = ask(&served.router, "GET", "/one.html").await;
        assert!(body.contains("A first change."));
        assert_eq!(
            std::fs::read_dir(served.folder.path()).unwrap().count(),
            1,
            "only the book that is shown is kept"
        );
    }

    #[tokio::test]
    async fn a_built_book_that_was_removed_is_built_again() {
        let mut served = served();
        let changes = Changes::watch(served.root.path()).unwrap();
        served.router = router(Served {
            site: Arc::clone(&served.site),
            live: None,
            changes: changes.sender(),
        });
        std::fs::remove_dir_all(served.folder.path()).unwrap();
        let (status, kind, body) = ask(&served.router, "GET", "/one.html").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(kind.starts_with("text/html") && body.contains("being built again"));

        let site = Arc::clone(&served.site);
        let mut states = site.subscribe();
        let first = site.build_id();
        let (root, folder) = (
            served.root.path().to_owned(),
            served.folder.path().to_owned(),
        );
        std::thread::spawn(move || rebuild_on_change(&root, &folder, changes, &site, |_| {}));
        let rebuilt = states.wait_for(|state| state.build_id != first);
        let rebuilt = tokio::time::timeout(Duration::from_secs(60), rebuilt).await;
        assert!(rebuilt.expect("it is built").is_ok());
        let (status, _, _) = ask(&served.router, "GET", "/one.html").await;
        assert_eq!(status, StatusCode::OK);
    }

    /// The answer to a GET with these headers.
    async fn get_with(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_sent_again() {
        let served = served();
        for path in ["/one.html", "/book.js", "/toc.html"] {
            let path = match path {
                "/book.js" => script_of(&served),
                path => path.to_owned(),
            };
            let first = get_with(&served.router, &path, &[]).await;
            assert_eq!(first.status(), StatusCode::OK, "{path}");
            let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
            assert!(!first.headers().contains_key(header::ACCEPT_RANGES));
            let known = [("if-none-match", &*tag)];
            let again = get_with(&served.router, &path, &known).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(again.headers()[header::ETAG], tag);
            let body = to_bytes(again.into_body(), usize::MAX).await.unwrap();
            assert!(body.is_empty());
            let other = [("if-none-match", "W/\"0\"")];
            let other = get_with(&served.router, &path, &other).await;
            assert_eq!(other.status(), StatusCode::OK, "{path}");
        }
    }

    /// A file of the book that is no page.
    fn script_of(served: &InTest) -> String {
        let files = std::fs::read_dir(served.site.current().path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let script = names.filter(|name| name.ends_with(".js")).min();
        format!("/{}", script.unwrap())
    }

    #[tokio::test]
    async fn a_part_of_a_file_is_neither_promised_nor_sent() {
        let served = served();
        let part = [("range", "bytes=0-3")];
        let answer = get_with(&served.router, "/one.html", &part).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.headers().contains_key(header::ACCEPT_RANGES));
    }

    #[tokio::test]
    async fn every_answer_keeps_out_of_foreign_frames_and_is_what_it_is_called() {
        let (served, _) = with_live();
        for path in ["/one.html", "/nothing.html", "/live/runs", "/live/reload"] {
            let answer = get_with(&served.router, path, &[]).await;
            let headers = answer.headers();
            assert_eq!(
                headers["content-security-policy"], "frame-ancestors 'self'",
                "{path}"
            );
            assert_eq!(headers["x-frame-options"], "SAMEORIGIN", "{path}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        }
        let page = get_with(&served.router, "/one.html", &[]).await;
        assert_eq!(
            page.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
    }

    #[tokio::test]
    async fn a_path_that_no_file_can_have_is_answered_and_is_no_fault_of_the_server() {
        let served = served();
        for (path, expected) in [
            (format!("/{}.html", "x".repeat(300)), StatusCode::NOT_FOUND),
            (format!("/{}", "%41".repeat(300)), StatusCode::NOT_FOUND),
            (format!("/{}", "x".repeat(2000)), StatusCode::NOT_FOUND),
            (format!("/{}", "x/".repeat(3000)), StatusCode::NOT_FOUND),
            (format!("/{}", "x".repeat(60_000)), StatusCode::URI_TOO_LONG),
            ("introduction.html".to_owned(), StatusCode::BAD_REQUEST),
        ] {
            let (status, _, body) = ask(&served.router, "GET", &path).await;
            assert_eq!(status, expected, "{} bytes", path.len());
            assert!(!body.is_empty());
        }
    }

    #[tokio::test]
    async fn the_page_for_what_is_not_there_finds_the_book_whatever_book_toml_says() {
        let root = book();
        let toml = std::fs::read_to_string(root.path().join("book.toml")).unwrap();
        let toml = toml + "\n[output.html]\nsite-url = \"/my-book/\"\n";
        write(root.path(), "book.toml", &toml);
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(build_into(root.path(), folder.path()).unwrap());
        let router = router(Served {
            site: Arc::new(site),
            live: None,
            changes: std::sync::mpsc::channel().0,
        });
        let (status, _, body) = ask(&router, "GET", "/no/such.html").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("root + \"404-page.html\""), "{body}");
        let (status, _, body) = ask(&router, "GET", "/404-page.html").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!body.contains("<base"), "{body}");
    }
}
