//! User names and passwords in URLs: sent as Basic authentication to the server that they are for,
//! and to no other.

use image_embed::fetch::{FetchPolicy, Fetcher, Target};

use super::server::{Names, Server, ok, redirect, send, with_headers};
use super::{IMAGE, fetcher, policy};

/// `user:päss` in Latin-1, as `requests` sends it.
const HEADER: &str = "\r\nAuthorization: Basic dXNlcjpw5HNz\r\n";

fn with_credentials(url: &str) -> String {
    url.replacen("http://", "http://user:p%C3%A4ss@", 1)
}

#[tokio::test]
async fn credentials_are_sent_to_the_server_they_are_for() {
    let server = Server::start(|stream, head| {
        let answer = match head.split(' ').nth(1) {
            _ if !head.contains(HEADER) => with_headers("401 Unauthorized", "", b""),
            Some("/") => redirect("/there"),
            _ => ok(IMAGE),
        };
        send(stream, answer)
    })
    .await;
    let url = server.url("127.0.0.1", "/");
    let got = fetcher().get(&with_credentials(&url)).await;
    assert_eq!(got.unwrap(), IMAGE, "on the same server they go along");
    let error = fetcher().get(&url).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered 401 Unauthorized");
}

#[tokio::test]
async fn credentials_are_sent_to_no_other_server() {
    let other = Server::answering(ok(IMAGE)).await;
    let names = Names::answering(&[&["127.0.0.1"]]);
    let fetcher = Fetcher::with_resolver(policy(&["127.0.0.0/8"]), names).unwrap();
    for host in ["127.0.0.1", "other.test"] {
        let location = with_credentials(&other.url(host, "/"));
        let server = Server::answering(redirect(&location)).await;
        let url = with_credentials(&server.url("127.0.0.1", "/"));
        assert_eq!(fetcher.get(&url).await.unwrap(), IMAGE);
        assert!(server.heads()[0].contains(HEADER));
    }
    let heads = other.heads().concat();
    assert!(!heads.contains("Authorization"), "{heads}");
}

#[tokio::test]
async fn a_user_name_without_a_password_is_not_sent() {
    let server = Server::answering(ok(IMAGE)).await;
    let url = server.url("user@127.0.0.1", "/");
    assert_eq!(fetcher().get(&url).await.unwrap(), IMAGE);
    assert!(!server.heads()[0].contains("Authorization"));
}

#[tokio::test]
async fn credentials_are_shown_nowhere() {
    let secret = "http://user:secret@127.0.0.1/a";
    let target = Target::parse(secret).unwrap();
    assert!(!format!("{target:?} {}", target.url()).contains("secret"));
    assert!(!format!("{target:?}").contains("c2VjcmV0"));
    let refusing = Fetcher::new(FetchPolicy::default()).unwrap();
    let error = refusing.get(secret).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}
