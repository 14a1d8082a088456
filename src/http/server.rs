use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

/// A client that has not sent its request's head by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after a failed accept (out of file descriptors, say): the cause does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot run, or did not end well.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {host}:{port}: {source} (see --host and --port)")]
    Bind {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// Requests were still under way when the grace period ended.
    #[error("gave up on unfinished requests after {} s", .0.as_secs())]
    NotDrained(Duration),
}

/// Takes the address that [`serve`] listens on.
///
/// # Errors
/// [`ServerError::Bind`] if the address is in use or not this machine's.
pub async fn bind(host: &str, port: u16) -> Result<TcpListener, ServerError> {
    let bound = TcpListener::bind((host, port)).await;
    bound.map_err(|source| ServerError::Bind {
        host: host.to_owned(),
        port,
        source,
    })
}

/// Serves `router` until `stop` resolves, then lets requests that are under way finish.
///
/// axum's own `serve` has no time limit for a request's head, so a client could hold a connection for ever.
///
/// # Errors
/// [`ServerError::NotDrained`] if some request outlasts `grace`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    grace: Duration,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let connections = Arc::new(Semaphore::new(max_connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);

    loop {
        let accept = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are one write; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }

    drop(listener);
    info!(
        grace_s = grace.as_secs(),
        "stopping: finishing the requests that are under way"
    );
    tokio::time::timeout(grace, graceful.shutdown())
        .await
        .map_err(|_late| ServerError::NotDrained(grace))
}
