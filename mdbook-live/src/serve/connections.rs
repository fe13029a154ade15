//! Connections: how many there are, and how long one may say nothing or take nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_io_timeout::TimeoutStream;
use tower::{ServiceExt as _, service_fn};

/// How long a request's head may take to come, also the next one's on the same connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections at a time: more than a reader's browsers open.
const MOST: usize = 512;

/// How long a client may leave what it is sent where it is: longer than a page is busy.
const UNTAKEN: Duration = Duration::from_secs(60);

/// How long the server waits where it cannot accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many there are at a time.
    pub connections: usize,
    /// How long one may take nothing of what it is sent.
    pub untaken: Duration,
}

/// The connections that are open, in the order in which they came.
#[derive(Debug, Default)]
struct Open(Mutex<BTreeMap<u64, Arc<Connection>>>);

#[derive(Debug, Default)]
struct Connection {
    /// Whether it has sent a request.
    has_asked: AtomicBool,
    /// Ends it.
    close: Notify,
}

/// Answers requests for ever. Where more connections would be open than may be, the oldest
/// one that has asked for nothing yet goes.
pub(crate) async fn answer(listener: TcpListener, router: Router, limits: Limits) {
    let open = Arc::new(Open::default());
    for number in 0.. {
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                // It went away before it was accepted, or there are no descriptors left.
                Err(_) => {
                    open.close_an_idle_one();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        while open.lock().len() >= limits.connections && !open.close_an_idle_one() {
            tokio::time::sleep(PAUSE).await;
        }
        let connection = Arc::new(Connection::default());
        open.lock().insert(number, Arc::clone(&connection));
        let open = Arc::clone(&open);
        let (router, untaken) = (router.clone(), limits.untaken);
        tokio::spawn(async move {
            tokio::select! {
                () = converse(stream, router, &connection, untaken) => {}
                () = connection.close.notified() => {}
            }
            open.lock().remove(&number);
        });
    }
}

/// Answers the requests of one connection until either side closes it.
async fn converse(
    stream: TcpStream,
    router: Router,
    connection: &Arc<Connection>,
    untaken: Duration,
) {
    // Each event goes out as it comes; where that cannot be had, it comes a little later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(untaken));
    let asked = Arc::clone(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        asked.has_asked.store(true, Ordering::Relaxed);
        router.clone().oneshot(request)
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(service),
        );
    // What goes wrong is the other side's: it has been answered, or is gone.
    let _ = conversation.await;
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        // Nothing that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the oldest connection that has asked for nothing, if there is one.
    fn close_an_idle_one(&self) -> bool {
        let mut open = self.lock();
        let mut idle = open
            .iter()
            .filter(|(_, connection)| !connection.has_asked.load(Ordering::Relaxed));
        let Some((&number, connection)) = idle.next() else {
            return false;
        };
        connection.close.notify_one();
        open.remove(&number);
        true
    }
}

impl Limits {
    /// Half of the descriptors that this process may have: runs and builds need some too.
    pub fn of_this_process() -> Limits {
        let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
        Limits {
            connections: MOST.min(usize::try_from(descriptors / 2).unwrap_or(MOST)),
            untaken: UNTAKEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Instant;

    use axum::body::Body;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_stream::StreamExt as _;

    use super::*;

    const MOST_HERE: usize = 50;

    async fn server() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/", get(|| async { "well" }));
        serve(listener, router);
        address
    }

    fn serve(listener: TcpListener, router: Router) {
        let limits = Limits {
            connections: MOST_HERE,
            untaken: Duration::from_millis(100),
        };
        tokio::spawn(async move { answer(listener, router, limits).await });
    }

    async fn ask(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn idle_connections_do_not_keep_a_reader_out() {
        let address = server().await;
        let mut idle = Vec::new();
        for _ in 0..2 * MOST_HERE {
            idle.push(TcpStream::connect(address).await.expect("a connection"));
        }
        let begin = Instant::now();
        assert!(ask(address).await.ends_with("well"));
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_or_drips_is_closed() {
        let address = server().await;
        let mut silent = TcpStream::connect(address).await.expect("a connection");
        let mut dripping = TcpStream::connect(address).await.expect("a connection");
        dripping
            .write_all(b"GET / HTTP/1.1\r\n")
            .await
            .expect("it is sent");
        let closed = async {
            let mut answer = Vec::new();
            // A reset is an end too.
            let _ = silent.read_to_end(&mut answer).await;
            let _ = dripping.read_to_end(&mut answer).await;
        };
        let closed = tokio::time::timeout(3 * PATIENCE, closed).await;
        assert!(closed.is_ok(), "they are still open");
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_of_its_answer_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let held = Arc::new(());
        let answering = Arc::downgrade(&held);
        // As much as is asked for; while it is sent, it holds what is held.
        let endless = tokio_stream::iter(std::iter::repeat(held))
            .map(|_held| Ok::<_, io::Error>("x".repeat(1 << 16)));
        let body = Mutex::new(Some(Body::from_stream(endless)));
        let body = Arc::new(body);
        let taken = move || {
            let body = body.lock().expect("it is whole").take();
            async { body.expect("one request") }
        };
        serve(listener, Router::new().route("/", get(taken)));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.expect("it is sent");
        let let_go = async {
            while answering.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let let_go = tokio::time::timeout(3 * PATIENCE, let_go).await;
        assert!(let_go.is_ok(), "the answer is still there");
    }
}
