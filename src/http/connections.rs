use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use crate::http::lingering::Lingering;
use crate::http::paced::Paced;
use crate::http::places::{OnSpareConnection, Place, SPARE_HEADER_TIMEOUT};
use crate::http::unread_body::LeftUnread;

#[cfg(test)]
mod tests;

/// Requests that are cut off are dropped at once, unless something blocks a thread that must not be blocked.
const DROP_TIMEOUT: Duration = Duration::from_millis(500);

/// Header fields of one request, of whatever length together hyper's buffer takes. By itself hyper takes a hundred, but what passes a few
/// proxies may have more, and Python's servers do not count them.
const MAX_HEADERS: usize = 1000;

/// The server's connections, each a task.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    spare_http: http1::Builder,
    write_timeout: Duration,
    graceful: GracefulShutdown,
    tasks: JoinSet<()>,
    cut_off: CutOff,
}

/// Comes with every request, and says whether it is the server that drops it.
#[derive(Clone, Default)]
pub(super) struct CutOff(Arc<AtomicBool>);

impl CutOff {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Connections {
    pub(super) fn new(router: Router, header_timeout: Duration, write_timeout: Duration) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_headers(MAX_HEADERS);
        let mut spare_http = http.clone();
        spare_http
            .header_read_timeout(SPARE_HEADER_TIMEOUT.min(header_timeout))
            .keep_alive(false);
        Self {
            router,
            http,
            spare_http,
            write_timeout,
            graceful: GracefulShutdown::new(),
            tasks: JoinSet::new(),
            cut_off: CutOff::default(),
        }
    }

    /// Answers a client's requests, on a spare connection just one; `place` is given back when it has gone.
    pub(super) fn start(&mut self, stream: TcpStream, place: Place) {
        // Answers are one write; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = Paced::new(stream, self.write_timeout);
        let left_unread = LeftUnread::default();
        let io = TokioIo::new(Lingering::new(stream, left_unread.clone()));
        let router = TowerToHyperService::new(self.router.clone());
        let cut_off = self.cut_off.clone();
        let is_spare = place.is_spare();
        let service = service_fn(move |mut request| {
            let extensions = Request::extensions_mut(&mut request);
            if is_spare {
                extensions.insert(OnSpareConnection);
            }
            extensions.insert(cut_off.clone());
            extensions.insert(left_unread.clone());
            router.call(request)
        });
        let http = if is_spare {
            &self.spare_http
        } else {
            &self.http
        };
        let connection = self.graceful.watch(http.serve_connection(io, service));
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "connection ended");
            }
            drop(place);
        });
    }

    /// Resolves when a connection has ended; never if there is none. Must be awaited now and then, so that what is left of
    /// a connection does not pile up.
    pub(super) async fn one_ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending().await
        }
    }

    /// Lets requests that are under way finish, and cuts them off after `grace`; whether none had to be.
    pub(super) async fn finish(self, grace: Duration) -> bool {
        let Self {
            graceful,
            mut tasks,
            cut_off,
            ..
        } = self;
        let drained = timeout(grace, graceful.shutdown()).await.is_ok();
        if !drained {
            cut_off.0.store(true, Ordering::Relaxed);
            // Here and not at the process's end, so that each of them is logged.
            let _ = timeout(DROP_TIMEOUT, tasks.shutdown()).await;
        }
        drained
    }
}
