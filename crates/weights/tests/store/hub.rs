//! Pulling from a Hub: its protocol, its cache layout, and whom its token is shown to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use weights::{
    FileEntry, HubFile, Reference, Silent, Source, Store, StoreConfig, StoreError, Token,
};

use crate::server::{Reply, Request, Server};
use crate::toy::{config, content, files, sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Small files are named by their git hash.
const GIT_HASH: &str = "89abcdef0123456789abcdef0123456789abcdef";
const REPOSITORY: &str = "models--owner--toy";

fn weights() -> Vec<u8> {
    content(70_000)
}

fn settings() -> Vec<u8> {
    b"{\"layers\": 2}".to_vec()
}

fn entry(file: &'static str) -> FileEntry {
    let source = Source::Hub(HubFile {
        repo: "owner/toy",
        revision: "main",
        file,
    });
    FileEntry {
        model: "toy",
        path: "owner/toy/file",
        source,
        sha256: None,
        bytes: None,
    }
}

/// Where large files really lie: another host, which must not learn the token.
fn content_server() -> Server {
    Server::start(|request| match request.header("authorization") {
        Some(_) => Reply::status(400),
        None => Reply::range(request, &weights()),
    })
}

/// Answers as the Hub does: large files by a redirect to `cdn`, small ones itself.
fn answer(request: &Request, cdn: &str) -> Reply {
    let reply = match request.path.as_str() {
        "/owner/toy/resolve/main/model.safetensors"
        | "/owner/toy/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors" => {
            Reply::status(302)
                .with("Location", format!("{cdn}/signed?sha=1"))
                .with("X-Linked-Etag", format!("\"{}\"", sha256(&weights())))
                .with("X-Linked-Size", weights().len().to_string())
                .with("ETag", "\"of-the-redirect\"")
        }
        "/owner/toy/resolve/main/sub/config.json" => {
            Reply::status(307).with("Location", "/owner/renamed/resolve/main/sub/config.json")
        }
        "/owner/renamed/resolve/main/sub/config.json"
        | "/owner/toy/resolve/0123456789abcdef0123456789abcdef01234567/sub/config.json" => {
            Reply::file(&settings()).with("ETag", format!("W/\"{GIT_HASH}\""))
        }
        "/owner/gated/resolve/main/f" => Reply::status(401).with("X-Error-Code", "GatedRepo"),
        _ => Reply::status(404).with("X-Error-Code", "EntryNotFound"),
    };
    reply.with("X-Repo-Commit", COMMIT)
}

fn hub() -> (Server, Server) {
    let cdn = content_server();
    let address = cdn.url.clone();
    (Server::start(move |request| answer(request, &address)), cdn)
}

fn store(home: &Path, hub: &Server) -> Store {
    Store::new(StoreConfig {
        hub_endpoint: hub.url.clone(),
        ..config(home)
    })
}

fn cached(home: &Path, path: &str) -> PathBuf {
    home.join(".cache/huggingface/hub")
        .join(REPOSITORY)
        .join(path)
}

#[test]
fn files_lie_where_huggingface_hub_looks_for_them() {
    let home = tempfile::tempdir().expect("directory");
    let (hub, _cdn) = hub();
    let store = store(home.path(), &hub);
    let large = store
        .pull(&entry("model.safetensors"), &Silent)
        .expect("served");
    let small = store
        .pull(&entry("sub/config.json"), &Silent)
        .expect("served");

    assert_eq!(
        large,
        cached(
            home.path(),
            &format!("snapshots/{COMMIT}/model.safetensors")
        )
    );
    assert_eq!(std::fs::read(&large).expect("readable"), weights());
    assert_eq!(std::fs::read(&small).expect("readable"), settings());
    let root = format!(".cache/huggingface/hub/{REPOSITORY}");
    let mut expected = [
        format!("{root}/blobs/{GIT_HASH}"),
        format!("{root}/blobs/{}", sha256(&weights())),
        format!("{root}/refs/main"),
        format!("{root}/snapshots/{COMMIT}/model.safetensors"),
        format!("{root}/snapshots/{COMMIT}/sub/config.json"),
    ];
    expected.sort();
    assert_eq!(files(home.path()), expected);
    assert_eq!(
        std::fs::read_to_string(cached(home.path(), "refs/main")).expect("readable"),
        COMMIT
    );
    #[cfg(unix)]
    assert_eq!(
        std::fs::read_link(small).expect("a link"),
        PathBuf::from(format!("../../../blobs/{GIT_HASH}"))
    );
    let verified = store
        .verify(&entry("model.safetensors"))
        .expect("as the Hub names it");
    assert_eq!((verified.against, verified.bytes), (Reference::Hub, 70_000));
}

#[test]
#[cfg(unix)]
fn what_python_downloaded_is_found_offline() {
    let home = tempfile::tempdir().expect("directory");
    for directory in ["blobs", "refs", &format!("snapshots/{COMMIT}")] {
        std::fs::create_dir_all(cached(home.path(), directory)).expect("writable");
    }
    std::fs::write(cached(home.path(), "refs/main"), COMMIT).expect("writable");
    std::fs::write(cached(home.path(), "blobs/abc"), b"hello").expect("writable");
    let pointer = cached(home.path(), &format!("snapshots/{COMMIT}/f"));
    std::os::unix::fs::symlink("../../blobs/abc", &pointer).expect("writable");

    let store = Store::new(StoreConfig {
        offline: true,
        ..config(home.path())
    });
    assert_eq!(store.pull(&entry("f"), &Silent).expect("here"), pointer);
    // A link whose blob is gone, a branch that is not there: absent, not an error of the disk.
    std::fs::remove_file(cached(home.path(), "blobs/abc")).expect("writable");
    assert!(matches!(
        store.locate(&entry("f")),
        Err(StoreError::Absent { .. })
    ));
    std::fs::write(cached(home.path(), "refs/main"), "../../../..").expect("writable");
    assert!(matches!(
        store.locate(&entry("f")),
        Err(StoreError::Absent { .. })
    ));
    assert!(matches!(
        store.pull(&entry("f"), &Silent),
        Err(StoreError::Offline { .. })
    ));
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let home = tempfile::tempdir().expect("directory");
    let (hub, cdn) = hub();
    let config = StoreConfig {
        hub_endpoint: hub.url.clone(),
        hub_token: Token::new("hf_secret"),
        ..config(home.path())
    };
    let store = Store::new(config);
    store
        .pull(&entry("model.safetensors"), &Silent)
        .expect("served");
    store
        .pull(&entry("sub/config.json"), &Silent)
        .expect("served");
    let asked = hub.requests();
    assert!(asked.len() >= 4);
    assert!(
        asked
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer hf_secret"))
    );
    assert_eq!(cdn.count("GET"), 1);
    assert!(
        cdn.requests()
            .iter()
            .all(|r| r.header("authorization").is_none())
    );

    // A plain URL is not the Hub either.
    let plain = Server::start(|_| Reply::file(b"x"));
    let url = format!("{}/f", plain.url).leak();
    let plain_entry = FileEntry {
        source: Source::Url(url),
        bytes: Some(1),
        ..entry("f")
    };
    store.pull(&plain_entry, &Silent).expect("served");
    assert!(plain.requests()[0].header("authorization").is_none());
}

#[test]
fn a_cut_blob_is_resumed_and_a_wrong_one_refused() {
    let home = tempfile::tempdir().expect("directory");
    let cdn = Server::start(|request| match request.range_start() {
        None => Reply::range(request, &weights()).cut_after(50_000),
        Some(_) => Reply::range(request, &weights()),
    });
    let address = cdn.url.clone();
    let hub = Server::start(move |request| answer(request, &address));
    let path = store(home.path(), &hub).pull(&entry("model.safetensors"), &Silent);
    assert_eq!(
        std::fs::read(path.expect("second attempt")).expect("readable"),
        weights()
    );
    assert_eq!(cdn.requests()[1].range_start(), Some(50_000));

    let home = tempfile::tempdir().expect("directory");
    let forger = Server::start(|_| Reply::file(&vec![0; weights().len()]));
    let address = forger.url.clone();
    let hub = Server::start(move |request| answer(request, &address));
    let store = store(home.path(), &hub);
    let error = store
        .pull(&entry("model.safetensors"), &Silent)
        .expect_err("another content");
    assert!(matches!(error, StoreError::Hash { .. }), "{error:?}");
    assert!(files(home.path()).is_empty(), "{:?}", files(home.path()));
}

#[test]
fn refusals_say_what_is_missing() {
    let home = tempfile::tempdir().expect("directory");
    let (hub, _cdn) = hub();
    let store = store(home.path(), &hub);
    let text = store
        .pull(&entry("nothing.bin"), &Silent)
        .expect_err("404")
        .to_string();
    assert_eq!(
        text,
        format!(
            "{} has no file 'nothing.bin' at revision 'main' of 'owner/toy'",
            hub.url
        )
    );
    let gated = FileEntry {
        source: Source::Hub(HubFile {
            repo: "owner/gated",
            revision: "main",
            file: "f",
        }),
        ..entry("f")
    };
    let text = store.pull(&gated, &Silent).expect_err("401").to_string();
    assert!(
        text.contains("owner/gated") && text.contains("HF_TOKEN"),
        "{text}"
    );
    assert!(text.contains("no token was set"), "{text}");
    assert!(files(home.path()).is_empty());
}

#[test]
fn names_that_would_leave_the_cache_are_refused() {
    let home = tempfile::tempdir().expect("directory");
    for (commit, etag) in [
        (COMMIT, "../../../../etc/passwd"),
        (COMMIT, ""),
        ("../..", GIT_HASH),
        ("a/b", GIT_HASH),
        (".", GIT_HASH),
    ] {
        let hub = Server::start(move |_| {
            Reply::file(b"x")
                .with("X-Repo-Commit", commit)
                .with("ETag", format!("\"{etag}\""))
        });
        let error = store(home.path(), &hub)
            .pull(&entry("f"), &Silent)
            .expect_err("hostile");
        assert!(
            matches!(error, StoreError::Refused { .. }),
            "{commit} {etag}: {error:?}"
        );
    }
    assert!(files(home.path()).is_empty());
}

#[test]
fn a_hub_that_cannot_be_reached_is_asked_again_then_named() {
    let home = tempfile::tempdir().expect("directory");
    let hub = Server::start(|_| Reply::status(503));
    let error = store(home.path(), &hub)
        .pull(&entry("f"), &Silent)
        .expect_err("overloaded");
    assert!(
        matches!(error, StoreError::Transfer { attempts: 4, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("/owner/toy/resolve/main/f"),
        "{error}"
    );
    assert_eq!(hub.count("HEAD"), 4);
}

#[test]
fn two_threads_download_one_blob_once() {
    let home = tempfile::tempdir().expect("directory");
    let cdn = Server::start(|request| {
        Reply::range(request, &weights()).pausing(Duration::from_millis(300))
    });
    let address = cdn.url.clone();
    let hub = Server::start(move |request| answer(request, &address));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = store(home.path(), &hub);
                store
                    .pull(&entry("model.safetensors"), &Silent)
                    .expect("served");
            });
        }
    });
    assert_eq!(cdn.count("GET"), 1);
}

#[test]
fn a_pinned_commit_needs_no_ref() {
    let home = tempfile::tempdir().expect("directory");
    let (hub, _cdn) = hub();
    let store = store(home.path(), &hub);
    let pinned = FileEntry {
        source: Source::Hub(HubFile {
            repo: "owner/toy",
            revision: COMMIT,
            file: "model.safetensors",
        }),
        ..entry("model.safetensors")
    };
    store.pull(&pinned, &Silent).expect("served");
    assert!(!cached(home.path(), "refs").exists());
    store.locate(&pinned).expect("here");
}
