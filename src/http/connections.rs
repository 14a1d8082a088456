use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tracing::debug;

/// Requests that are cut off are dropped at once, unless something blocks a thread that must not be blocked.
const DROP_TIMEOUT: Duration = Duration::from_millis(500);

/// The server's connections, each a task.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
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
            .header_read_timeout(header_timeout);
        let cut_off = CutOff::default();
        Self {
            router: router.layer(Extension(cut_off.clone())),
            http,
            write_timeout,
            graceful: GracefulShutdown::new(),
            tasks: JoinSet::new(),
            cut_off,
        }
    }

    /// Answers a client's requests; `held` is dropped when it has gone.
    pub(super) fn start(&mut self, stream: TcpStream, held: impl Send + 'static) {
        // Answers are one write; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let service = TowerToHyperService::new(self.router.clone());
        let io = TokioIo::new(Box::pin(stream));
        let connection = self.graceful.watch(self.http.serve_connection(io, service));
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "connection ended");
            }
            drop(held);
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    /// More than the buffers of two sockets hold.
    const LARGE: usize = 64 << 20;
    const WRITE_TIMEOUT: Duration = Duration::from_millis(400);

    /// A server of one connection, and what resolves when that has ended.
    async fn server() -> (SocketAddr, oneshot::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { vec![b'x'; LARGE] }));
        let mut connections = Connections::new(router, Duration::from_secs(60), WRITE_TIMEOUT);
        let (held, ended) = oneshot::channel();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            connections.start(stream, SendAtDrop(Some(held)));
            connections.one_ended().await;
        });
        (address, ended)
    }

    struct SendAtDrop(Option<oneshot::Sender<()>>);

    impl Drop for SendAtDrop {
        fn drop(&mut self) {
            let _ = self.0.take().unwrap().send(());
        }
    }

    async fn ask(address: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        client
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_its_answer_is_cut_off() {
        let (address, ended) = server().await;
        let _client = ask(address).await;
        let began = Instant::now();
        timeout(Duration::from_secs(10), ended)
            .await
            .unwrap()
            .unwrap();
        assert!(began.elapsed() >= WRITE_TIMEOUT);
    }

    #[tokio::test]
    async fn one_that_reads_slowly_is_not() {
        let (address, ended) = server().await;
        let mut client = ask(address).await;
        let (mut read, mut piece) = (0, vec![0; LARGE / 6]);
        let began = Instant::now();
        loop {
            let mut got = 0;
            while got < piece.len() {
                match client.read(&mut piece[got..]).await.unwrap() {
                    0 => break,
                    more => got += more,
                }
            }
            read += got;
            if got < piece.len() {
                break;
            }
            tokio::time::sleep(WRITE_TIMEOUT / 3).await;
        }
        assert!(read > LARGE, "{read}");
        assert!(
            began.elapsed() > WRITE_TIMEOUT,
            "slow enough to prove something"
        );
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_grace_learns_that_it_was_cut_off() {
        let (tell, told) = std::sync::mpsc::channel();
        struct Dropped(CutOff, std::sync::mpsc::Sender<bool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.1.send(self.0.is_set()).unwrap();
            }
        }
        let begun = Arc::new(Notify::new());
        let begin = Arc::clone(&begun);
        let endless = get(async move |Extension(cut_off): Extension<CutOff>| {
            let _dropped = Dropped(cut_off, tell.clone());
            begin.notify_one();
            std::future::pending::<()>().await;
        });
        let router = Router::new().route("/", endless);
        let mut connections = Connections::new(router, Duration::from_secs(60), WRITE_TIMEOUT);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = ask(listener.local_addr().unwrap()).await;
        connections.start(listener.accept().await.unwrap().0, ());
        begun.notified().await;
        assert!(!connections.finish(Duration::from_millis(100)).await);
        assert_eq!(told.try_recv(), Ok(true));
    }
}
