//! Pulling from plain URLs: what arrives, and what every way of failing leaves behind.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::server::{Reply, Server};
use crate::toy::{config, content, entry, files};
use weights::{Progress, Silent, Store, StoreConfig, StoreError};

const FILE: &str = ".cache/image-embed/owner/toy.pt";
const PARTIAL: &str = ".cache/image-embed/owner/toy.pt.incomplete";

#[derive(Default)]
struct Recorder(Mutex<Vec<(&'static str, u64)>>);

impl Progress for Recorder {
    fn started(&self, total: Option<u64>) {
        self.0
            .lock()
            .expect("recorder")
            .push(("started", total.unwrap_or(0)));
    }
    fn advanced(&self, bytes: u64) {
        let mut events = self.0.lock().expect("recorder");
        match events.last_mut() {
            Some(("advanced", sum)) => *sum += bytes,
            _ => events.push(("advanced", bytes)),
        }
    }
    fn finished(&self) {
        self.0.lock().expect("recorder").push(("finished", 0));
    }
}

#[test]
fn a_file_is_pulled_once_and_then_found() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(300_000));
    let served = body.clone();
    let server = Server::start(move |_| Reply::file(&served));
    let entry = entry(format!("{}/toy.pt", server.url), &body);
    let store = Store::new(config(home.path()));

    let absent = store
        .locate(&entry)
        .expect_err("nothing is there yet")
        .to_string();
    assert_eq!(
        absent,
        "toy: owner/toy.pt is not on this machine; run 'image-embed models pull toy'"
    );
    let recorder = Recorder::default();
    let path = store.pull(&entry, &recorder).expect("served");
    assert_eq!(std::fs::read(&path).expect("readable"), body);
    assert_eq!(path, store.locate(&entry).expect("there now"));
    let events = recorder.0.into_inner().expect("recorder");
    assert_eq!(
        events,
        [("started", 300_000), ("advanced", 300_000), ("finished", 0)]
    );

    store.pull(&entry, &Silent).expect("there already");
    assert_eq!(server.count("GET"), 1);
    assert_eq!(files(home.path()), [FILE]);
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(100_000));
    let (served, turn) = (body.clone(), AtomicUsize::new(0));
    let server = Server::start(move |request| match turn.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::range(request, &served).cut_after(40_000),
        1 => Reply::range(request, &served).cut_after(20_000),
        _ => Reply::range(request, &served),
    });
    let store = Store::new(config(home.path()));
    let path = store
        .pull(&entry(format!("{}/f", server.url), &body), &Silent)
        .expect("three attempts are enough");
    assert_eq!(std::fs::read(path).expect("readable"), body);
    let starts: Vec<_> = server
        .requests()
        .iter()
        .map(crate::server::Request::range_start)
        .collect();
    assert_eq!(starts, [None, Some(40_000), Some(60_000)]);
}

#[test]
fn a_server_without_ranges_is_begun_anew() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(100_000));
    let (served, turn) = (body.clone(), AtomicUsize::new(0));
    let server = Server::start(move |_| match turn.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::file(&served).cut_after(99_999),
        _ => Reply::file(&served),
    });
    let store = Store::new(config(home.path()));
    let path = store
        .pull(&entry(format!("{}/f", server.url), &body), &Silent)
        .expect("second attempt");
    assert_eq!(std::fs::read(path).expect("readable"), body);
}

#[test]
fn a_connection_that_is_always_cut_is_an_error_and_half_a_file_is_no_file() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(100_000));
    let served = body.clone();
    let server = Server::start(move |_| Reply::file(&served).cut_after(30_000));
    let entry = entry(format!("{}/f", server.url), &body);
    let store = Store::new(config(home.path()));
    let error = store.pull(&entry, &Silent).expect_err("never whole");
    assert!(
        matches!(
            error,
            StoreError::Transfer {
                got: 30_000,
                expected: Some(100_000),
                attempts: 4,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains(&server.url) && text.contains("30000 of 100000 bytes"),
        "{text}"
    );
    assert_eq!(server.count("GET"), 4);
    assert!(matches!(
        store.locate(&entry),
        Err(StoreError::Absent { .. })
    ));
    assert_eq!(files(home.path()), [PARTIAL]);

    // A later pull goes on from there.
    let served = body.clone();
    let mended = Server::start(move |request| Reply::range(request, &served));
    let entry = crate::toy::entry(format!("{}/f", mended.url), &body);
    store.pull(&entry, &Silent).expect("whole now");
    assert_eq!(mended.requests()[0].range_start(), Some(30_000));
    assert_eq!(files(home.path()), [FILE]);
}

#[test]
fn a_damaged_partial_file_does_not_spoil_the_next_pull() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(50_000));
    let served = body.clone();
    let server = Server::start(move |request| Reply::range(request, &served));
    for leftover in [vec![7; 10_000], vec![7; 50_000], vec![7; 60_000]] {
        let partial = home.path().join(PARTIAL);
        std::fs::create_dir_all(partial.parent().expect("has one")).expect("writable");
        std::fs::write(&partial, leftover).expect("writable");
        let store = Store::new(config(home.path()));
        let entry = entry(format!("{}/f", server.url), &body);
        let path = store.pull(&entry, &Silent).expect("begun anew");
        assert_eq!(std::fs::read(&path).expect("readable"), body);
        assert_eq!(files(home.path()), [FILE]);
        std::fs::remove_file(path).expect("writable");
    }
}

#[test]
fn a_wrong_hash_is_an_error_with_both_hashes_and_leaves_nothing() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(10_000));
    let mut wrong = body.clone();
    wrong[5_000] ^= 1;
    let (expected, found) = (crate::toy::sha256(&body), crate::toy::sha256(&wrong));
    let server = Server::start(move |_| Reply::file(&wrong));
    let store = Store::new(config(home.path()));
    let entry = entry(format!("{}/f", server.url), &body);
    let text = store
        .pull(&entry, &Silent)
        .expect_err("another content")
        .to_string();
    assert!(
        text.contains(expected) && text.contains(found) && text.contains(&server.url),
        "{text}"
    );
    assert!(files(home.path()).is_empty(), "{:?}", files(home.path()));
    assert_eq!(server.count("GET"), 1);
}

#[test]
fn another_length_is_an_error_before_anything_is_fetched() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(10_000));
    let server = Server::start(|_| Reply::file(&content(10_001)));
    let store = Store::new(config(home.path()));
    let error = store.pull(&entry(format!("{}/f", server.url), &body), &Silent);
    assert!(
        matches!(
            error,
            Err(StoreError::Length {
                expected: 10_000,
                found: 10_001,
                ..
            })
        ),
        "{error:?}"
    );
    assert!(files(home.path()).is_empty());
}

#[test]
fn a_file_of_unknown_length_is_refused_and_an_endless_one_is_cut_off() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(10_000));
    let server = Server::start(|_| Reply {
        unmeasured: true,
        ..Reply::file(&content(1 << 20))
    });
    let store = Store::new(config(home.path()));
    let mut entry = entry(format!("{}/f", server.url), &body);
    let text = store
        .pull(&entry, &Silent)
        .expect_err("more than announced")
        .to_string();
    assert!(text.contains("more than the 10000 bytes"), "{text}");
    entry.bytes = None;
    let text = store
        .pull(&entry, &Silent)
        .expect_err("unknown length")
        .to_string();
    assert!(text.contains("does not say how long"), "{text}");
    assert!(matches!(
        store.locate(&entry),
        Err(StoreError::Absent { .. })
    ));
}

#[test]
fn refusals_are_final_and_overload_is_not() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(10));
    let (served, turn) = (body.clone(), AtomicUsize::new(0));
    let server = Server::start(move |request| match request.path.as_str() {
        "/gone" => Reply::status(404),
        "/loop" => Reply::status(302).with("Location", "/loop"),
        _ if turn.fetch_add(1, Ordering::SeqCst) < 3 => Reply::status(503),
        _ => Reply::file(&served),
    });
    let store = Store::new(config(home.path()));
    let pull = |path: &str| store.pull(&entry(format!("{}{path}", server.url), &body), &Silent);
    let text = pull("/gone").expect_err("404").to_string();
    assert!(text.contains("/gone") && text.contains("404"), "{text}");
    assert_eq!(server.count("GET"), 1);
    let text = pull("/loop").expect_err("a loop").to_string();
    assert!(text.contains("more than 10 redirects"), "{text}");
    assert!(files(home.path()).is_empty());
    pull("/busy").expect("the fourth answer is the file");
}

#[test]
fn a_stalled_connection_is_given_up() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(10_000));
    let served = body.clone();
    let server = Server::start(move |_| Reply::file(&served).pausing(Duration::from_secs(20)));
    let store = Store::new(StoreConfig {
        stall_timeout: Duration::from_millis(300),
        attempts: 2,
        ..config(home.path())
    });
    let begun = Instant::now();
    let error = store.pull(&entry(format!("{}/f", server.url), &body), &Silent);
    assert!(
        matches!(error, Err(StoreError::Transfer { attempts: 2, .. })),
        "{error:?}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let home = tempfile::tempdir().expect("directory");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/f", free.local_addr().expect("bound"));
    drop(free);
    let store = Store::new(config(home.path()));
    let text = store
        .pull(&entry(url.clone(), b"x"), &Silent)
        .expect_err("nobody")
        .to_string();
    assert!(
        text.contains(&url) && text.contains("after 4 attempts"),
        "{text}"
    );
    assert!(files(home.path()).is_empty());
}

#[test]
fn offline_uses_what_is_here_and_asks_for_nothing() {
    let (home, body) = (tempfile::tempdir().expect("directory"), content(100));
    let served = body.clone();
    let server = Server::start(move |_| Reply::file(&served));
    let entry = entry(format!("{}/f", server.url), &body);
    let offline = Store::new(StoreConfig {
        offline: true,
        ..config(home.path())
    });

    let text = offline
        .pull(&entry, &Silent)
        .expect_err("not here")
        .to_string();
    assert!(
        text.contains("owner/toy.pt is not on this machine and offline mode is on"),
        "{text}"
    );
    assert!(text.contains("image-embed models pull toy"), "{text}");
    assert_eq!(server.requests().len(), 0);

    Store::new(config(home.path()))
        .pull(&entry, &Silent)
        .expect("served");
    offline.pull(&entry, &Silent).expect("here");
    offline.locate(&entry).expect("here");
    offline.verify(&entry).expect("as it should be");
    assert_eq!(server.requests().len(), 1);
}
