//! Which addresses are dialled, and which are not.

use std::error::Error;

use image_embed::fetch::{FetchError, Fetcher, PolicyError};

use super::server::{Names, Server, ok};
use super::{IMAGE, fetcher, policy};

fn assert_not_public(error: &FetchError, host: &str) {
    assert_eq!(
        error.to_string(),
        format!(
            "the address of '{host}' is not public, and --fetch-allow (IMAGE_EMBED_FETCH_ALLOW) does not name it"
        )
    );
}

#[tokio::test]
async fn nothing_but_public_addresses_by_default() {
    let server = Server::answering(ok(IMAGE)).await;
    let fetcher = Fetcher::new(policy(&[])).unwrap();
    for (host, named) in [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("LOCALHOST", "localhost"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("[::1]", "[::1]"),
        ("[::]", "[::]"),
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[::127.0.0.1]", "[::7f00:1]"),
        ("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        ("169.254.169.254", "169.254.169.254"),
        ("[fd00:ec2::254]", "[fd00:ec2::254]"),
    ] {
        assert_not_public(
            &fetcher.get(&server.url(host, "/")).await.unwrap_err(),
            named,
        );
    }
    assert!(server.heads().is_empty(), "nobody was dialled");
}

#[tokio::test]
async fn an_allowed_network_is_fetched_from_under_any_name() {
    let server = Server::answering(ok(IMAGE)).await;
    let names = Names::answering(&[&["127.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.0/8"]), names).unwrap();
    assert_eq!(
        fetcher.get(&server.url("example.test", "/")).await.unwrap(),
        IMAGE
    );
    assert_eq!(
        fetcher.get(&server.url("127.0.0.1", "/")).await.unwrap(),
        IMAGE
    );
}

#[tokio::test]
async fn the_systems_resolver_finds_localhost() {
    let server = Server::answering(ok(IMAGE)).await;
    let fetcher = Fetcher::new(policy(&["localhost"])).unwrap();
    assert_eq!(
        fetcher.get(&server.url("localhost", "/")).await.unwrap(),
        IMAGE
    );
}

#[tokio::test]
async fn an_allowed_name_opens_itself_alone() {
    let server = Server::answering(ok(IMAGE)).await;
    let rule = format!("images.test:{}", server.port());
    let names = Names::answering(&[&["127.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&[&rule]), names).unwrap();
    assert_eq!(
        fetcher.get(&server.url("images.test", "/")).await.unwrap(),
        IMAGE
    );
    assert_eq!(
        fetcher.get(&server.url("IMAGES.TEST.", "/")).await.unwrap(),
        IMAGE
    );
    for host in ["127.0.0.1", "www.images.test", "images.test.evil.test"] {
        assert_not_public(
            &fetcher.get(&server.url(host, "/")).await.unwrap_err(),
            host,
        );
    }
    let other_port = fetcher.get("http://images.test:1/").await.unwrap_err();
    assert_not_public(&other_port, "images.test");
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn an_allowed_ipv4_network_does_not_open_its_ipv6_spellings() {
    let server = Server::answering(ok(IMAGE)).await;
    let error = fetcher()
        .get(&server.url("[::ffff:127.0.0.1]", "/"))
        .await
        .unwrap_err();
    assert_not_public(&error, "[::ffff:7f00:1]");
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused_without_telling_it() {
    let names = Names::answering(&[&["10.1.2.3"]]);
    let fetcher = Fetcher::with_resolver(policy(&[]), names).unwrap();
    let error = fetcher.get("http://example.test/").await.unwrap_err();
    assert_not_public(&error, "example.test");
    assert!(!format!("{error:?}").contains("10.1.2.3") && error.source().is_none());
}

#[tokio::test]
async fn one_private_address_among_public_ones_condemns_the_name() {
    for answer in [
        ["8.8.8.8", "10.1.2.3"],
        ["10.1.2.3", "8.8.8.8"],
        ["2606:4700:4700::1111", "::1"],
        ["8.8.8.8", "::ffff:8.8.8.8"],
    ] {
        let names = Names::answering(&[&answer]);
        let fetcher = Fetcher::with_resolver(policy(&[]), names.clone()).unwrap();
        let error = fetcher.get("http://example.test/").await.unwrap_err();
        assert_not_public(&error, "example.test");
        assert_eq!(names.asked(), ["example.test"]);
    }
}

/// DNS rebinding: the name server's second answer would be the one dialled if the name were looked
/// up again after the check.
#[tokio::test]
async fn the_checked_address_is_the_one_dialled() {
    let checked = Server::answering(ok(b"checked")).await;
    let address = format!("127.0.0.2:{}", checked.port());
    let rebound = Server::answering_on(&address, ok(b"rebound")).await;
    let names = Names::answering(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.1"]), names.clone()).unwrap();

    let url = checked.url("example.test", "/");
    assert_eq!(fetcher.get(&url).await.unwrap(), "checked");
    assert_eq!(names.asked().len(), 1, "one lookup per hop");
    assert_not_public(&fetcher.get(&url).await.unwrap_err(), "example.test");
    assert_eq!(names.asked().len(), 2, "and one for the next fetch");
    assert_eq!((checked.heads().len(), rebound.heads().len()), (1, 0));
}

#[tokio::test]
async fn an_address_in_the_url_is_not_looked_up() {
    let server = Server::answering(ok(IMAGE)).await;
    let names = Names::answering(&[&["8.8.8.8"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.1"]), names.clone()).unwrap();
    assert_eq!(fetcher.get(&server.url("127.1", "/")).await.unwrap(), IMAGE);
    assert!(names.asked().is_empty());
}

#[tokio::test]
async fn the_next_address_is_tried_when_the_first_is_dead() {
    let server = Server::answering(ok(IMAGE)).await;
    let names = Names::answering(&[&["127.0.0.3", "127.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.0/8"]), names).unwrap();
    assert_eq!(
        fetcher.get(&server.url("example.test", "/")).await.unwrap(),
        IMAGE
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    for names in [Names::answering(&[]), Names::answering(&[&[]])] {
        let fetcher = Fetcher::with_resolver(policy(&[]), names).unwrap();
        let error = fetcher.get("http://example.test/").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host name 'example.test' could not be resolved"
        );
    }
}

#[tokio::test]
async fn what_is_no_web_address_is_refused_before_any_lookup() {
    let names = Names::answering(&[&["127.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&["0.0.0.0/0", "::/0"]), names.clone()).unwrap();
    for (url, text) in [
        (
            "file:///etc/passwd",
            "the scheme 'file' is not supported, only http and https are",
        ),
        (
            "ftp://example.test/a",
            "the scheme 'ftp' is not supported, only http and https are",
        ),
        (
            "data:image/png,a",
            "a data: URL cannot be downloaded; upload the image instead",
        ),
        (
            "gopher://a.test/",
            "the scheme 'gopher' is not supported, only http and https are",
        ),
        (
            "example.test/a.png",
            "the URL has no scheme; perhaps 'https://' is missing at its beginning",
        ),
        (
            "example.test:8080/a.png",
            "the URL has no scheme; perhaps 'https://' is missing at its beginning",
        ),
        ("http://[::1", "the URL is not valid: invalid IPv6 address"),
    ] {
        assert_eq!(
            fetcher.get(url).await.unwrap_err().to_string(),
            text,
            "{url}"
        );
    }
    assert!(names.asked().is_empty());
}

#[test]
fn a_policy_of_nothing_is_refused() {
    let mut nothing = policy(&[]);
    nothing.max_bytes = 0;
    assert_eq!(
        Fetcher::new(nothing).unwrap_err(),
        PolicyError {
            setting: "max_bytes"
        }
    );
}
