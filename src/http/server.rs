use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::http::connections::Connections;
use crate::http::places::Places;

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

/// Serves `router` until `stop` resolves, then lets requests that are under way finish, and cuts them off after `grace`.
///
/// A client that takes too little of its answer for `write_timeout` is cut off. axum's own `serve` has no time limits for that and for
/// a request's head, so a client could hold a connection for ever.
///
/// # Errors
/// [`ServerError::NotDrained`] if some request outlasts `grace`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    write_timeout: Duration,
    grace: Duration,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut connections = Connections::new(router, HEADER_TIMEOUT, write_timeout);
    let places = Places::new(max_connections);
    let mut stop = std::pin::pin!(stop);

    loop {
        let place = places.free();
        let accept = async {
            match place {
                Some(place) => (listener.accept().await, place),
                // A place is given back before its connection has ended.
                None => std::future::pending().await,
            }
        };
        let (accepted, place) = tokio::select! {
            accepted = accept => accepted,
            () = connections.one_ended() => continue,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _peer)) => connections.start(stream, place),
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    drop(listener);
    info!(
        grace_s = grace.as_secs(),
        "stopping: finishing the requests that are under way"
    );
    if connections.finish(grace).await {
        Ok(())
    } else {
        Err(ServerError::NotDrained(grace))
    }
}
