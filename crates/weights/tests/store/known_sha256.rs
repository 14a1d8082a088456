//! What is known of a file's content without reading it.

use std::fs::{create_dir_all, write};

use weights::{FileEntry, HubFile, Source, Store, StoreConfig};

use crate::toy::{config, content, entry, sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
#[cfg(unix)]
fn the_hubs_cache_tells_a_hash_by_the_name_of_the_content_and_nothing_is_read() {
    let home = tempfile::tempdir().expect("directory");
    let repository = home
        .path()
        .join(".cache/huggingface/hub/models--owner--toy");
    for directory in ["blobs", "refs", &format!("snapshots/{COMMIT}")] {
        create_dir_all(repository.join(directory)).expect("writable");
    }
    write(repository.join("refs/main"), COMMIT).expect("writable");
    let store = Store::new(config(home.path()));
    let named = sha256(b"something else");
    for (file, blob, expected) in [
        ("large", named, Some(named)),
        ("small", "89abcdef0123456789abcdef0123456789abcdef", None),
    ] {
        let entry = FileEntry {
            model: "toy",
            path: "owner/toy/file",
            source: Source::Hub(HubFile {
                repo: "owner/toy",
                revision: "main",
                file,
            }),
            sha256: Some(sha256(b"the catalogue's")),
            bytes: None,
        };
        assert_eq!(store.known_sha256(&entry), None, "absent");
        write(repository.join("blobs").join(blob), b"hello").expect("writable");
        let pointer = repository.join(format!("snapshots/{COMMIT}/{file}"));
        std::os::unix::fs::symlink(format!("../../blobs/{blob}"), pointer).expect("writable");
        assert_eq!(store.known_sha256(&entry).as_deref(), expected);
    }
}

#[test]
fn the_catalogues_hash_is_that_of_a_file_in_the_cache_and_of_no_other() {
    let home = tempfile::tempdir().expect("directory");
    let entry = entry("http://localhost/toy.pt".to_owned(), &content(100));
    let cache = Store::new(config(home.path()));
    assert_eq!(cache.known_sha256(&entry), None);
    let path = cache.config().cache_dir.join(entry.path);
    create_dir_all(path.parent().expect("a folder")).expect("writable");
    write(&path, content(100)).expect("writable");
    assert_eq!(cache.known_sha256(&entry).as_deref(), entry.sha256);
    let first_digits = FileEntry {
        sha256: entry.sha256.map(|it| &it[..8]),
        ..entry
    };
    assert_eq!(cache.known_sha256(&first_digits), None);

    let weights_dir = Store::new(StoreConfig {
        weights_dir: Some(cache.config().cache_dir.clone()),
        ..config(home.path())
    });
    assert!(weights_dir.locate(&entry).is_ok());
    assert_eq!(weights_dir.known_sha256(&entry), None);
}
