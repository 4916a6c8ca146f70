//! Connections: accepted, served by HTTP/1.1, and let go gently. axum's own loop has no clock: a client that never ends
//! its headers would keep its connection for ever, and the process from stopping.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Connections open at once; who comes later waits.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send its headers, and to begin with another request.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long a client may leave an answer unread while more of it waits to be sent.
const READ_ON_WITHIN: Duration = Duration::from_secs(30);
/// Largest request line and headers together, in bytes. Their number is limited to 100 by hyper.
const MAX_HEADERS: usize = 64 * 1024;

/// Serves until `stopping`, then finishes the requests under way.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let next = stopping.run_until_cancelled(async {
            let place = places.clone().acquire_owned().await;
            (place, Listener::accept(&mut listener).await)
        });
        let Some((place, (stream, peer))) = next.await else {
            break;
        };
        let (router, stopping) = (router.clone(), stopping.clone());
        connections.spawn(async move {
            connection(stream, peer, router, &stopping, READ_ON_WITHIN).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stopping: &CancellationToken,
    read_on_within: Duration,
) {
    // Answers are written whole: there is nothing to wait for before sending them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADERS);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(read_on_within));
    let stream = TokioIo::new(Box::pin(stream));
    let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_its_answer_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        // More than the buffers between the two take.
        let long = || async { vec![b'x'; 64 * 1024 * 1024] };
        let router = Router::new().route("/", axum::routing::get(long));
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: vitrine\r\n\r\n")
            .await
            .unwrap();
        let stopping = CancellationToken::new();
        let served = connection(stream, peer, router, &stopping, Duration::from_millis(50));
        let ended = tokio::time::timeout(Duration::from_secs(20), served).await;
        assert!(ended.is_ok(), "the connection is still open");
    }
}
