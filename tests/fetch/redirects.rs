//! Every hop is judged like the first.

use image_embed::fetch::{FetchError, FetchPolicy, Fetcher};

use super::server::{Names, Server, ok, redirect, send, with_headers};
use super::{IMAGE, fetcher, policy};

/// A fetcher that may fetch from `images.test`, which is 127.0.0.1, and from nowhere else that is
/// not public.
fn fetcher_of_one_name() -> (Fetcher, Names) {
    let names = Names::answering(&[&["127.0.0.1"]]);
    (
        Fetcher::with_resolver(policy(&["images.test"]), names.clone()).unwrap(),
        names,
    )
}

/// `/0` leads to `/1` and so on; `/n` is the image.
async fn chain(n: usize) -> Server {
    Server::start(move |stream, head| {
        let path = head
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned();
        let step: usize = path.parse().unwrap_or_default();
        send(
            stream,
            if step < n {
                redirect(&format!("/{}", step + 1))
            } else {
                ok(IMAGE)
            },
        )
    })
    .await
}

#[tokio::test]
async fn redirects_are_followed() {
    let file = Server::answering(ok(IMAGE)).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("Location: {}\r\n", file.url("127.0.0.1", "/there"));
        let server = Server::answering(with_headers(status, &location, b"")).await;
        assert_eq!(
            fetcher()
                .get(&server.url("127.0.0.1", "/here"))
                .await
                .unwrap(),
            IMAGE
        );
    }
    assert_eq!(file.heads().len(), 5);
}

#[tokio::test]
async fn a_redirect_to_what_is_not_public_is_refused() {
    let secret = Server::answering(ok(b"secret")).await;
    for (location, host) in [
        (secret.url("127.0.0.1", "/"), "127.0.0.1"),
        (secret.url("2130706433", "/"), "127.0.0.1"),
        (format!("//127.1:{}/", secret.port()), "127.0.0.1"),
        (secret.url("[::ffff:127.0.0.1]", "/"), "[::ffff:7f00:1]"),
        ("http://[::ffff:10.0.0.1]/".to_owned(), "[::ffff:a00:1]"),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "169.254.169.254",
        ),
        ("https://10.0.0.1/".to_owned(), "10.0.0.1"),
        (secret.url("other.test", "/"), "other.test"),
    ] {
        let server = Server::answering(redirect(&location)).await;
        let (fetcher, _) = fetcher_of_one_name();
        let error = fetcher
            .get(&server.url("images.test", "/"))
            .await
            .unwrap_err();
        let refused = format!("the address of '{host}' is not public, ");
        assert!(error.to_string().starts_with(&refused), "{error}");
        assert_eq!(server.heads().len(), 1, "the first hop was allowed");
    }
    assert!(secret.heads().is_empty());
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_refused() {
    for (location, text) in [
        (
            "file:///etc/passwd",
            "the scheme 'file' is not supported, only http and https are",
        ),
        (
            "data:image/png,a",
            "a data: URL cannot be downloaded; upload the image instead",
        ),
        (
            "gopher://127.0.0.1/",
            "the scheme 'gopher' is not supported, only http and https are",
        ),
        ("http://", "the URL is not valid: empty host"),
    ] {
        let server = Server::answering(redirect(location)).await;
        let (fetcher, _) = fetcher_of_one_name();
        let error = fetcher
            .get(&server.url("images.test", "/"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn each_hop_looks_its_name_up_once_and_judges_the_answer() {
    let server = chain(1).await;
    let names = Names::answering(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.1"]), names.clone()).unwrap();
    let error = fetcher
        .get(&server.url("example.test", "/0"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::NotPublic { .. }), "{error:?}");
    assert_eq!(names.asked(), ["example.test", "example.test"]);
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn as_many_redirects_are_followed_as_the_policy_says_and_no_more() {
    let server = chain(30).await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/0")).await.unwrap(),
        IMAGE
    );

    let server = chain(31).await;
    let error = fetcher()
        .get(&server.url("127.0.0.1", "/0"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "more than 30 redirects");
    assert_eq!(server.heads().len(), 31);

    let none = FetchPolicy {
        max_redirects: 0,
        ..policy(&["127.0.0.0/8"])
    };
    let error = Fetcher::new(none)
        .unwrap()
        .get(&server.url("127.0.0.1", "/30"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "more than 0 redirects");
}

#[tokio::test]
async fn a_loop_ends() {
    let server = Server::answering(redirect("/")).await;
    let error = fetcher()
        .get(&server.url("127.0.0.1", "/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::TooManyRedirects { limit: 30 }),
        "{error:?}"
    );
    assert_eq!(server.heads().len(), 31);
}

#[tokio::test]
async fn a_redirect_without_a_place_is_an_answer_like_any_other() {
    for headers in [
        "Content-Length: 1\r\n",
        "Location: \r\nContent-Length: 1\r\n",
    ] {
        let server = Server::answering(with_headers("302 Found", headers, b"a")).await;
        let got = fetcher().get(&server.url("127.0.0.1", "/")).await;
        assert_eq!(got.unwrap(), "a");
    }
}

#[tokio::test]
async fn what_a_redirect_says_besides_its_place_is_not_read() {
    let there = Server::answering(ok(IMAGE)).await;
    let place = there.url("127.0.0.1", "/");
    let headers = format!("Location: {place}\r\nContent-Length: 99\r\nContent-Encoding: gzip\r\n");
    let here = Server::answering(with_headers("302 Found", &headers, b"cut short")).await;
    let got = fetcher().get(&here.url("127.0.0.1", "/")).await;
    assert_eq!(got.unwrap(), IMAGE);
}

#[tokio::test]
async fn a_place_in_utf8_is_understood() {
    let server = Server::start(|stream, head| {
        let there = head.starts_with("GET /%C3%A4 ");
        send(stream, if there { ok(IMAGE) } else { redirect("/ä") })
    })
    .await;
    assert_eq!(
        fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
        IMAGE
    );
}
