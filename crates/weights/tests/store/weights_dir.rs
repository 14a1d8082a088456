//! A weights directory, files the user already has, and files that have been tampered with.

use weights::{FileEntry, HubFile, Reference, Silent, Source, Store, StoreConfig, StoreError};

use crate::server::{Reply, Server};
use crate::toy::{config, content, entry, files, sha256};

#[test]
fn a_weights_directory_is_the_only_place() {
    let home = tempfile::tempdir().expect("directory");
    let dir = home.path().join("weights");
    let toy = entry("http://127.0.0.1:9/toy.pt".to_owned(), b"hello");
    let cached = home.path().join(".cache/image-embed/owner/toy.pt");
    std::fs::create_dir_all(cached.parent().expect("has one")).expect("writable");
    std::fs::write(&cached, b"hello").expect("writable");
    let cache = Store::new(config(home.path()));
    assert_eq!(cache.locate(&toy).expect("in the cache"), cached);

    let store = Store::new(StoreConfig {
        weights_dir: Some(dir.clone()),
        ..config(home.path())
    });
    let text = store
        .locate(&toy)
        .expect_err("not in the directory")
        .to_string();
    let expected = format!(
        "toy: owner/toy.pt is not in the weights directory {}",
        dir.display()
    );
    assert!(text.starts_with(&expected), "{text}");
    assert!(
        text.contains("image-embed models pull toy --weights-dir"),
        "{text}"
    );

    std::fs::create_dir_all(dir.join("owner")).expect("writable");
    std::fs::write(dir.join("owner/toy.safetensors"), b"stand-in").expect("writable");
    assert_eq!(
        store.locate(&toy).expect("a stand-in"),
        dir.join("owner/toy.safetensors")
    );
    assert_eq!(
        store.verify(&toy).expect("nothing to hold").against,
        Reference::StandIn
    );
    // Upstream's own file comes before what stands for it.
    std::fs::write(dir.join("owner/toy.pt"), b"hello").expect("writable");
    assert_eq!(
        store.locate(&toy).expect("the file"),
        dir.join("owner/toy.pt")
    );
    assert_eq!(
        store.verify(&toy).expect("the file").against,
        Reference::Catalogue
    );
}

#[test]
fn only_a_pickle_has_a_stand_in() {
    let home = tempfile::tempdir().expect("directory");
    let toy = FileEntry {
        path: "owner/vocab.txt",
        ..entry(String::new(), b"hello")
    };
    std::fs::create_dir_all(home.path().join("owner")).expect("writable");
    std::fs::write(home.path().join("owner/vocab.safetensors"), b"x").expect("writable");
    let dir = Some(home.path().to_owned());
    let store = Store::new(StoreConfig {
        weights_dir: dir,
        ..config(home.path())
    });
    assert!(matches!(
        store.locate(&toy),
        Err(StoreError::AbsentFromDir { .. })
    ));
}

#[test]
fn pulling_into_a_weights_directory_fills_it_from_both_sources() {
    let home = tempfile::tempdir().expect("directory");
    let dir = home.path().join("weights");
    let server = Server::start(|_| {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        Reply::file(b"hello")
            .with("X-Repo-Commit", commit)
            .with("ETag", "\"abc\"")
    });
    let store = Store::new(StoreConfig {
        weights_dir: Some(dir.clone()),
        hub_endpoint: server.url.clone(),
        ..config(home.path())
    });
    let plain = entry(format!("{}/toy.pt", server.url), b"hello");
    let source = Source::Hub(HubFile {
        repo: "owner/hub",
        revision: "main",
        file: "config.json",
    });
    let hub = FileEntry {
        path: "owner/hub/config.json",
        source,
        ..plain
    };
    assert_eq!(
        store.pull(&plain, &Silent).expect("served"),
        dir.join("owner/toy.pt")
    );
    assert_eq!(
        store.pull(&hub, &Silent).expect("served"),
        dir.join("owner/hub/config.json")
    );
    assert_eq!(
        files(home.path()),
        ["weights/owner/hub/config.json", "weights/owner/toy.pt"]
    );
}

#[test]
fn a_file_at_hand_is_adopted_only_if_it_is_the_right_one() {
    let home = tempfile::tempdir().expect("directory");
    let body = content(5_000);
    let toy = entry("http://127.0.0.1:9/toy.pt".to_owned(), &body);
    let store = Store::new(config(home.path()));
    let given = tempfile::tempdir().expect("directory");
    let (right, short, wrong) = (
        given.path().join("right"),
        given.path().join("short"),
        given.path().join("wrong"),
    );
    std::fs::write(&right, &body).expect("writable");
    std::fs::write(&short, &body[1..]).expect("writable");
    std::fs::write(&wrong, content(5_001).split_off(1)).expect("writable");

    assert!(matches!(
        store.adopt(&toy, &short),
        Err(StoreError::Length { .. })
    ));
    assert!(matches!(
        store.adopt(&toy, &wrong),
        Err(StoreError::Hash { .. })
    ));
    assert!(matches!(
        store.adopt(&toy, &given.path().join("no")),
        Err(StoreError::Io { .. })
    ));
    assert!(files(home.path()).is_empty());
    let path = store.adopt(&toy, &right).expect("the right one");
    assert_eq!(store.locate(&toy).expect("here"), path);
    assert_eq!(std::fs::read(&right).expect("still the user's"), body);
}

#[test]
fn adopting_into_the_hub_cache_needs_a_pinned_file() {
    let home = tempfile::tempdir().expect("directory");
    let given = home.path().join("given");
    std::fs::write(&given, b"hello").expect("writable");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let hub = |revision| FileEntry {
        source: Source::Hub(HubFile {
            repo: "owner/hub",
            revision,
            file: "sub/f",
        }),
        ..entry(String::new(), b"hello")
    };
    let store = Store::new(config(home.path()));
    let text = store
        .adopt(&hub("main"), &given)
        .expect_err("no commit")
        .to_string();
    assert!(text.contains("weights directory"), "{text}");
    let path = store.adopt(&hub(commit), &given).expect("pinned");
    assert_eq!(std::fs::read(path).expect("readable"), b"hello");
    assert_eq!(
        store.verify(&hub(commit)).expect("here").sha256,
        sha256(b"hello")
    );
}

#[test]
fn a_damaged_file_is_told_and_pulled_anew() {
    let home = tempfile::tempdir().expect("directory");
    let body = content(5_000);
    let served = body.clone();
    let server = Server::start(move |_| Reply::file(&served));
    let toy = entry(format!("{}/f", server.url), &body);
    let store = Store::new(config(home.path()));
    let offline = Store::new(StoreConfig {
        offline: true,
        ..config(home.path())
    });
    let path = store.pull(&toy, &Silent).expect("served");

    let mut flipped = body.clone();
    flipped[77] ^= 1;
    for damaged in [&body[..4_999], &flipped] {
        std::fs::write(&path, damaged).expect("writable");
        let text = store.verify(&toy).expect_err("damaged").to_string();
        assert!(
            text.contains("is damaged") && text.contains("models pull toy"),
            "{text}"
        );
        assert!(matches!(
            offline.pull(&toy, &Silent),
            Err(StoreError::Damaged { .. })
        ));
        store.pull(&toy, &Silent).expect("fetched again");
        assert_eq!(std::fs::read(&path).expect("readable"), body);
    }
    std::fs::write(&path, &body[..4_999]).expect("writable");
    assert!(matches!(
        store.locate(&toy),
        Err(StoreError::Damaged { .. })
    ));
}
