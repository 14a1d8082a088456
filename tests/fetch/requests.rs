//! The ordinary case, and what does and does not go out with a request.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use image_embed::fetch::{DEFAULT_USER_AGENT, FetchError, FetchPolicy, Fetcher};

use super::server::{Server, ok, send, with_headers};
use super::{IMAGE, fetcher, policy};

#[tokio::test]
async fn a_file_is_fetched_whole() {
    let server = Server::answering(ok(IMAGE)).await;
    let url = server.url("127.0.0.1", "/a/b.png?c=d#e");
    assert_eq!(fetcher().get(&url).await.unwrap(), IMAGE);
    assert!(server.heads()[0].starts_with("GET /a/b.png?c=d HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_chunked_file_and_one_that_ends_with_its_connection_are_fetched_whole() {
    let chunked = with_headers(
        "200 OK",
        "Transfer-Encoding: chunked\r\n",
        b"3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nTrailer: t\r\n\r\n",
    );
    let server = Server::answering(chunked).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        "abcdefgh"
    );

    let unmeasured = with_headers("200 OK", "", b"until the end");
    let server = Server::answering(unmeasured).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        "until the end"
    );
}

#[tokio::test]
async fn a_file_of_many_pieces_arrives_in_order() {
    let body: Vec<u8> = (0..90_000_u32).map(|byte| (byte % 251) as u8).collect();
    let server = Server::answering(ok(&body)).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        body
    );
}

#[tokio::test]
async fn a_request_carries_five_headers_and_nothing_about_its_client() {
    let server = Server::answering(ok(IMAGE)).await;
    fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap();
    let head = server.heads()[0].to_ascii_lowercase();
    let mut lines: Vec<_> = head
        .trim_end()
        .split("\r\n")
        .skip(1)
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    let expected = [
        "accept-encoding: gzip, deflate, br, zstd".to_owned(),
        "accept: */*".to_owned(),
        "connection: close".to_owned(),
        format!("host: 127.0.0.1:{}", server.port()),
        format!("user-agent: {DEFAULT_USER_AGENT}"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn the_operator_says_who_asks() {
    let server = Server::answering(ok(IMAGE)).await;
    let user_agent = "ours/1 (https://ours.test/bot; bot@ours.test)";
    let named = FetchPolicy {
        user_agent: user_agent.parse().unwrap(),
        ..policy(&["127.0.0.0/8"])
    };
    let fetcher = Fetcher::new(named).unwrap();
    fetcher.get(&server.url("127.0.0.1", "/")).await.unwrap();
    assert!(server.heads()[0].contains(&format!("\r\nUser-Agent: {user_agent}\r\n")));
}

#[tokio::test]
async fn cookies_go_along_the_chain_that_set_them_and_no_further() {
    let server = Server::start(|stream, head| {
        let answer = if head.contains("\r\nCookie: a=b\r\n") {
            ok(IMAGE)
        } else {
            with_headers("302 Found", "Set-Cookie: a=b\r\nLocation: /\r\n", b"")
        };
        send(stream, answer)
    })
    .await;
    let fetcher = fetcher();
    for fetches in 1..3 {
        let got = fetcher.get(&server.url("127.0.0.1", "/")).await;
        assert_eq!(got.unwrap(), IMAGE);
        let heads = server.heads();
        assert_eq!(
            heads.len(),
            2 * fetches,
            "each fetch begins without cookies"
        );
        assert!(!heads.concat().contains("Referer"));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_file_is_named_by_its_status() {
    for status in [
        "404 Not Found",
        "403 Forbidden",
        "500 Internal Server Error",
    ] {
        let server = Server::answering(with_headers(status, "Content-Length: 0\r\n", b"")).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), format!("the server answered {status}"));
        assert!(matches!(error, FetchError::Status(_)));
    }
}

#[tokio::test]
async fn an_empty_file_is_an_error() {
    for answer in [
        ok(b""),
        with_headers("204 No Content", "", b""),
        with_headers("304 Not Modified", "Content-Length: 1\r\n", b"a"),
        with_headers("200 OK", "Content-Encoding: gzip\r\n", b""),
        b"HTTP/1.1 200".to_vec(),
        with_headers("200 OK", "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        with_headers("200 OK", "", b""),
    ] {
        let server = Server::answering(answer).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Empty), "{error:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_decompressed_under_the_limit() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    };
    let coded = "Content-Encoding: gzip\r\n";
    let server = Server::answering(with_headers("200 OK", coded, &gzip(IMAGE))).await;
    let got = fetcher().get(&server.url("127.0.0.1", "/")).await;
    assert_eq!(got.unwrap(), IMAGE);

    let most = Server::answering(with_headers("200 OK", coded, &gzip(&[7; 100_000]))).await;
    let got = fetcher().get(&most.url("127.0.0.1", "/")).await;
    assert_eq!(got.unwrap().len(), 100_000);
    let bomb = Server::answering(with_headers("200 OK", coded, &gzip(&[7; 100_001]))).await;
    let error = fetcher().get(&bomb.url("127.0.0.1", "/")).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the file is larger than 100000 bytes"
    );
    let damaged = Server::answering(with_headers("200 OK", coded, b"this is no gzip")).await;
    let error = fetcher().get(&damaged.url("127.0.0.1", "/")).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the server's gzip compression of the file is damaged"
    );
}

#[tokio::test]
async fn a_file_cut_short_is_an_error() {
    for answer in [
        with_headers("200 OK", "Content-Length: 10\r\n", b"abc"),
        with_headers("200 OK", "Transfer-Encoding: chunked\r\n", b"a\r\nabc"),
    ] {
        let server = Server::answering(answer).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_an_error() {
    for (answer, fault) in [
        (
            "SSH-2.0-OpenSSH_9.6\r\n",
            "it does not begin as HTTP/1 does",
        ),
        ("", "the connection ended without an answer"),
        ("HTTP/1.1 ", "it does not begin as HTTP/1 does"),
        ("\0\0\0", "it does not begin as HTTP/1 does"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "it ended after 3 of 5 bytes",
        ),
    ] {
        let server = Server::answering(answer).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("'127.0.0.1' gave an incomplete or malformed HTTP answer: {fault}"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_an_error() {
    let url = Server::answering("").await.url("127.0.0.1", "/");
    // The listener is gone with its server; the runtime closes it when it next runs.
    tokio::task::yield_now().await;
    let error = fetcher().get(&url).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not connect to '127.0.0.1': connection refused"
    );
}

#[tokio::test]
async fn a_dropped_fetch_hangs_up() {
    let server = Server::start(|mut stream, _| async move {
        // Ends when the client is gone.
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0]).await;
    })
    .await;
    let (fetcher, url) = (fetcher(), server.url("127.0.0.1", "/"));
    let fetch = tokio::spawn(async move { fetcher.get(&url).await });
    while server.heads().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.served(), 0);
    fetch.abort();
    tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while server.served() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the connection ends with the fetch");
}
