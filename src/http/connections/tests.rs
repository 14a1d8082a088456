use std::net::SocketAddr;
use std::time::Instant;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, middleware};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::http::places::{Places, refuse_on_spare_connection};
use crate::http::unread_body;

/// More than the buffers of two sockets hold.
const LARGE: usize = 64 << 20;
const WRITE_TIMEOUT: Duration = Duration::from_millis(400);

/// A server of one connection, and what resolves when that has ended.
async fn server() -> (SocketAddr, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { vec![b'x'; LARGE] }));
    let mut connections = Connections::new(router, Duration::from_secs(60), WRITE_TIMEOUT);
    let (tell, ended) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        connections.start(stream, place());
        connections.one_ended().await;
        let _ = tell.send(());
    });
    (address, ended)
}

fn place() -> Place {
    Places::new(1).free().unwrap()
}

async fn ask(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    client
}

#[tokio::test]
async fn a_head_with_hundreds_of_fields_is_taken_and_one_with_thousands_is_not() {
    for (fields, status) in [(200, "200"), (MAX_HEADERS + 1, "431")] {
        let (address, ended) = server().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let more: String = (0..fields).map(|n| format!("x-{n}: {n}\r\n")).collect();
        let head = format!("HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&expected), "{answer}");
        ended.await.unwrap();
    }
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
    connections.start(listener.accept().await.unwrap().0, place());
    begun.notified().await;
    assert!(!connections.finish(Duration::from_millis(100)).await);
    assert_eq!(told.try_recv(), Ok(true));
}

/// As `http.client` of Python and others do it: all is sent before the answer is looked for.
#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_has_the_answer() {
    let refuse = post(async || StatusCode::TOO_MANY_REQUESTS);
    let router = Router::new()
        .route("/", refuse)
        .layer(middleware::from_fn(unread_body::say_close));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Connections::new(router, Duration::from_secs(60), WRITE_TIMEOUT);
    let client = tokio::spawn(async move {
        let mut client = TcpStream::connect(address).await?;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
        client.write_all(head.as_bytes()).await?;
        client.write_all(&vec![b'x'; LARGE]).await?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    });
    connections.start(listener.accept().await.unwrap().0, place());
    connections.one_ended().await;
    let answer = client.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn whoever_asks_after_the_server_s_health_is_answered_on_a_spare_connection() {
    let router = Router::new()
        .route("/work", get(async || "done"))
        .layer(middleware::from_fn(refuse_on_spare_connection))
        .route("/health", get(async || "ok"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopped) = oneshot::channel::<()>();
    let minute = Duration::from_secs(60);
    tokio::spawn(crate::http::serve(
        listener,
        router,
        1,
        minute,
        minute,
        async {
            let _ = stopped.await;
        },
    ));
    let _idle = TcpStream::connect(address).await.unwrap();
    let answer = async |path: &str| {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(answer("/health").await.ends_with("ok"));
    let refused = answer("/work").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(answer("/health").await.ends_with("ok"), "again");
}
