//! Failures of a moment, and damage that stays.

use std::fs;
use std::io::Error;
use std::path::Path;

use super::disks::MoodyDisk;
use super::{classifier, find, name, publish};
use crate::classifiers::best_models::FILE_NAME;
use crate::classifiers::error::ClassifierError;
use crate::classifiers::known::PAUSE;
use crate::classifiers::{ServedClassifiers, Unserved};

const STEM: &str = "collection_1_classifier_2025-01-01_000000";

#[tokio::test]
async fn a_failure_of_a_moment_is_tried_again_after_a_pause() {
    let file = name(STEM).file_name();
    for (failing, code) in [(FILE_NAME, libc::EMFILE), (file.as_str(), libc::EIO)] {
        let folder = tempfile::tempdir().unwrap();
        let sound = classifier(1, &[1.0]);
        publish(folder.path(), STEM, &sound);
        // Nothing is to stand in.
        fs::remove_file(
            folder
                .path()
                .join("collection_1_compatible_classifier.safetensors"),
        )
        .unwrap();
        let disk = MoodyDisk::new();
        let served = ServedClassifiers::on(folder.path(), Box::new(disk.clone()));
        disk.fail(failing, code);
        for _ in 0..3 {
            let Err(Unserved::Broken { reason, .. }) = find(&served, 1).await else {
                panic!("{failing} was read");
            };
            let said = Error::from_raw_os_error(code).to_string();
            assert!(
                reason.contains(failing) && reason.contains(&said),
                "{reason}"
            );
        }
        assert_eq!(disk.reads(failing), 1, "without a pause");
        disk.mend();
        tokio::time::sleep(PAUSE).await;
        assert_eq!(*find(&served, 1).await.unwrap(), sound);
        find(&served, 1).await.unwrap();
        assert_eq!(disk.reads(failing), 2);
        let (all, problem) = served.all().await.unwrap();
        assert_eq!((problem, &all[0].problem), (None, &None));
    }
}

#[tokio::test]
async fn a_copy_that_could_not_be_read_for_a_moment_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let sound = classifier(1, &[1.0]);
    publish(folder.path(), STEM, &sound);
    fs::write(folder.path().join(name(STEM).file_name()), b"torn").unwrap();
    let disk = MoodyDisk::new();
    let served = ServedClassifiers::on(folder.path(), Box::new(disk.clone()));
    disk.fail(
        "collection_1_compatible_classifier.safetensors",
        libc::EMFILE,
    );
    assert!(find(&served, 1).await.is_err());
    disk.mend();
    tokio::time::sleep(PAUSE).await;
    assert_eq!(*find(&served, 1).await.unwrap(), sound);
}

#[tokio::test]
async fn a_damaged_file_is_read_once_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let sound = classifier(1, &[1.0]);
    publish(folder.path(), STEM, &sound);
    let (file, json) = (name(STEM).file_name(), folder.path().join(FILE_NAME));
    fs::write(folder.path().join(&file), b"torn").unwrap();
    let disk = MoodyDisk::new();
    let served = ServedClassifiers::on(folder.path(), Box::new(disk.clone()));
    assert!(served.get(1).unwrap().problem.is_some());
    fs::write(&json, b"{").unwrap();
    find(&served, 1).await.unwrap();
    tokio::time::sleep(PAUSE).await;
    find(&served, 1).await.unwrap();
    assert_eq!((disk.reads(&file), disk.reads(FILE_NAME)), (1, 2));
    fs::write(folder.path().join(&file), sound.to_bytes()).unwrap();
    assert_eq!(served.get(1).unwrap().problem, None);
    assert_eq!((disk.reads(&file), disk.reads(FILE_NAME)), (2, 2));
}

#[test]
fn what_may_pass_is_told_from_what_stays() {
    let path = Path::new("x");
    for code in [
        libc::EMFILE,
        libc::ENFILE,
        libc::EINTR,
        libc::EIO,
        libc::ENOMEM,
        libc::ETIMEDOUT,
        libc::ESTALE,
        libc::EACCES,
    ] {
        let error = ClassifierError::io("open", path)(Error::from_raw_os_error(code));
        assert!(error.may_pass(), "{error}");
    }
    let absent = ClassifierError::io("open", path)(Error::from_raw_os_error(libc::ENOENT));
    assert!(!absent.may_pass());
    assert!(!ClassifierError::format(path, "torn").may_pass());
}
