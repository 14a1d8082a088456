//! The ordinary case, and what does and does not go out with a request.

use image_embed::fetch::FetchError;

use super::server::{Server, ok, send, with_headers};
use super::{IMAGE, fetcher};

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
async fn a_request_carries_five_headers_and_nothing_about_its_sender() {
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
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        "accept-encoding: identity".to_owned(),
        "accept: image/*".to_owned(),
        "connection: close".to_owned(),
        format!("host: 127.0.0.1:{}", server.port()),
        format!("user-agent: image-embed/{version}"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn cookies_and_referrers_are_not_carried_to_the_next_hop() {
    let server = Server::start(|stream, head| {
        let answer = if head.starts_with("GET /first ") {
            with_headers("302 Found", "Set-Cookie: a=b\r\nLocation: /second\r\n", b"")
        } else {
            ok(IMAGE)
        };
        send(stream, answer)
    })
    .await;
    fetcher()
        .get(&server.url("127.0.0.1", "/first"))
        .await
        .unwrap();
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    let second = heads[1].to_ascii_lowercase();
    assert!(
        !second.contains("cookie") && !second.contains("referer"),
        "{second}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_file_is_named_by_its_status() {
    for status in [
        "404 Not Found",
        "403 Forbidden",
        "500 Internal Server Error",
        "304 Not Modified",
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
async fn a_compressed_answer_is_refused_not_inflated() {
    for headers in [
        "Content-Encoding: gzip\r\nContent-Length: 3\r\n",
        "Content-Encoding: identity, br\r\nContent-Length: 3\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: zstd\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
    ] {
        let server =
            Server::answering(with_headers("200 OK", headers, b"3\r\nabc\r\n0\r\n\r\n")).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Compressed),
            "{headers}: {error:?}"
        );
    }
    let identity = "Content-Encoding: Identity\r\nContent-Length: 3\r\n";
    let server = Server::answering(with_headers("200 OK", identity, b"abc")).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        "abc"
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
    for answer in ["SSH-2.0-OpenSSH_9.6\r\n", "", "HTTP/1.1 200", "\0\0\0"] {
        let server = Server::answering(answer).await;
        let error = fetcher()
            .get(&server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "'127.0.0.1' gave an incomplete or malformed HTTP answer",
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
