//! Servers that send too much or too slowly.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use image_embed::fetch::resolver::{Resolve, Resolving};
use image_embed::fetch::{FetchError, FetchPolicy, Fetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::{Server, ok, redirect, with_headers};
use super::{fetcher, policy};

/// How long a fetch that must be cut off may last on a busy machine; its own limit is a tenth of
/// it.
const SOON: Duration = Duration::from_secs(4);

fn impatient() -> Fetcher {
    let total_timeout = Duration::from_millis(400);
    Fetcher::new(FetchPolicy {
        total_timeout,
        ..policy(&["127.0.0.0/8"])
    })
    .unwrap()
}

async fn assert_times_out(server: &Server) {
    let start = Instant::now();
    let error = impatient()
        .get(&server.url("127.0.0.1", "/"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the download took longer than 400ms");
    assert!(start.elapsed() >= Duration::from_millis(400) && start.elapsed() < SOON);
}

/// Writes the piece again and again until the client hangs up; the pause comes between two pieces.
async fn repeat(mut stream: TcpStream, head: &str, piece: &[u8], pause: Duration) -> usize {
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).await.is_ok() {
        while stream.write_all(piece).await.is_ok() {
            sent += piece.len();
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
    sent
}

#[tokio::test]
async fn a_server_that_drips_is_cut_off() {
    let pause = Duration::from_millis(20);
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\n", "X-Slow: loris\r\n"),
        ("HTTP/1.1 200 OK\r\nX-Slow: ", "l"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", "b"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1\r\nb\r\n",
        ),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let server = Server::start(move |stream, _| async move {
            repeat(stream, head, piece.as_bytes(), pause).await;
        })
        .await;
        assert_times_out(&server).await;
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_cut_off() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    assert_times_out(&server).await;
}

#[tokio::test]
async fn the_total_time_runs_over_all_hops() {
    let server = Server::start(|mut stream, _| async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let _ = stream.write_all(&redirect("/")).await;
    })
    .await;
    assert_times_out(&server).await;
    assert!(
        (2..=3).contains(&server.heads().len()),
        "{} hops",
        server.heads().len()
    );
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    static PIECE: [u8; 10_000] = [b'a'; 10_000];
    let mut chunk = b"2710\r\n".to_vec();
    chunk.extend_from_slice(&PIECE);
    chunk.extend_from_slice(b"\r\n");
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\n\r\n", PIECE.to_vec()),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            chunk,
        ),
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let total = Arc::clone(&sent);
        let server = Server::start(move |stream, _| {
            let (total, piece) = (Arc::clone(&total), piece.clone());
            async move {
                total.store(
                    repeat(stream, head, &piece, Duration::ZERO).await,
                    Ordering::SeqCst,
                );
            }
        })
        .await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "the file is larger than 100000 bytes");
        tokio::time::timeout(SOON, async {
            while server.served() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the fetcher hangs up");
        // The rest lay in the two sockets' buffers.
        let sent = sent.load(Ordering::SeqCst);
        assert!(
            (100_000..32 << 20).contains(&sent),
            "{sent} bytes left the server"
        );
    }
}

#[tokio::test]
async fn an_announced_length_over_the_limit_ends_the_fetch_before_the_body() {
    for length in ["100001", "9223372036854775807"] {
        let server = Server::start(move |mut stream, _| async move {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let start = Instant::now();
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::TooLarge { limit: 100_000 }),
            "{length}: {error:?}"
        );
        assert!(start.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let body = vec![b'a'; 100_000];
    let measured = Server::answering(ok(&body)).await;
    let unmeasured = Server::answering(with_headers("200 OK", "", &body)).await;
    for server in [measured, unmeasured] {
        assert_eq!(
            fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
            body
        );
    }
}

#[tokio::test]
async fn nothing_behind_the_announced_length_is_taken() {
    let answer = with_headers("200 OK", "Content-Length: 3\r\n", b"abcdef");
    let server = Server::answering(answer).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        "abc"
    );
}

#[tokio::test]
async fn contradictory_lengths_are_refused() {
    let answer = with_headers(
        "200 OK",
        "Content-Length: 3\r\nContent-Length: 5\r\n",
        b"abcde",
    );
    let server = Server::answering(answer).await;
    let error = fetcher()
        .get(&server.url("127.0.0.1", "/"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let one_long = format!("X-Long: {}\r\n", "a".repeat(1 << 20));
    let many = "X-Many: a\r\n".repeat(101);
    for headers in [one_long, many] {
        let server = Server::answering(with_headers("200 OK", &headers, b"a")).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Protocol { .. }), "{error:?}");
    }
    let endless = Server::start(|stream, _| async move {
        repeat(
            stream,
            "HTTP/1.1 200 OK\r\nX-Endless: ",
            &[b'a'; 4096],
            Duration::ZERO,
        )
        .await;
    })
    .await;
    let error = fetcher()
        .get(&endless.url("127.0.0.1", "/"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Protocol { .. }), "{error:?}");
}

/// A name server that never answers.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _host: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending::<io::Result<_>>())
    }
}

fn hasty() -> FetchPolicy {
    FetchPolicy {
        connect_timeout: Duration::from_millis(200),
        ..policy(&["127.0.0.0/8"])
    }
}

#[tokio::test]
async fn a_lookup_without_an_answer_is_cut_off() {
    let fetcher = Fetcher::with_resolver(hasty(), Silent).unwrap();
    let start = Instant::now();
    let error = fetcher.get("http://example.test/").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no connection to 'example.test' within 200ms"
    );
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn many_fetches_at_once_do_not_disturb_one_another() {
    let server = Server::start(|mut stream, head| async move {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let _ = stream.write_all(&ok(path.as_bytes())).await;
    })
    .await;
    let fetcher = fetcher();
    let mut fetches = tokio::task::JoinSet::new();
    for index in 0..100 {
        let (fetcher, path) = (fetcher.clone(), format!("/{index}"));
        let url = server.url("127.0.0.1", &path);
        fetches.spawn(async move { fetcher.get(&url).await.map(|body| body == path) });
    }
    while let Some(same) = fetches.join_next().await {
        assert!(same.unwrap().unwrap());
    }
}
