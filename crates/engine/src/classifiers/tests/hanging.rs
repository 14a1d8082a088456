//! Folders that do not answer.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::disks::MoodyDisk;
use super::{classifier, find, name, publish};
use crate::classifiers::best_models::FILE_NAME;
use crate::classifiers::gate::{Gate, Looked, PATIENCE};
use crate::classifiers::{
    BestModels, Classifier, ClassifierError, ClassifierFolder, ServedClassifiers, Unserved,
};

fn stem(collection: u64) -> String {
    format!("collection_{collection}_classifier_2025-01-01_000000")
}

fn file(collection: u64) -> String {
    name(&stem(collection)).file_name()
}

fn in_place_of(path: &Path, make: &str) {
    let _ = fs::remove_file(path);
    assert!(Command::new(make).arg(path).status().unwrap().success());
}

fn broken<T: std::fmt::Debug>(found: Result<T, Unserved>) -> String {
    match found {
        Err(Unserved::Broken { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_named_and_never_opened() {
    for (make, said) in [("mkfifo", "a named pipe"), ("mkdir", "a folder")] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path();
        let sound = classifier(1, &[1.0]);
        publish(folder, &stem(1), &sound);
        let served = ServedClassifiers::new(folder);
        assert_eq!(*find(&served, 1).await.unwrap(), sound);
        let said = format!("is {said}, expected a regular file");

        // A classifier's file. A server that knew the classifier before goes on with it, another with its copy.
        let path = folder.join(file(1));
        in_place_of(&path, make);
        for served in [&served, &ServedClassifiers::new(folder)] {
            assert_eq!(*find(served, 1).await.unwrap(), sound);
            let (all, _) = served.all().await.unwrap();
            let problem = all[0].problem.as_deref().unwrap();
            assert!(
                problem.contains(&said) && problem.contains(&file(1)),
                "{problem}"
            );
        }
        let error = Classifier::open(&path).unwrap_err();
        assert!(
            matches!(error, ClassifierError::NotRegular { .. }),
            "{error}"
        );

        // The list, too.
        in_place_of(&folder.join(FILE_NAME), make);
        assert_eq!(*find(&served, 1).await.unwrap(), sound);
        let reason = broken(find(&ServedClassifiers::new(folder), 1).await);
        assert!(
            reason.contains(&said) && reason.contains(FILE_NAME),
            "{reason}"
        );
        assert!(BestModels::read(folder).is_err());
        let name = name(&stem(1));
        let remove = ClassifierFolder::new(folder).lock().unwrap().remove(name);
        assert!(remove.is_err());
        let lock = folder.join(".lock");
        in_place_of(&lock, make);
        let error = ClassifierFolder::new(folder).lock().unwrap_err();
        assert!(error.to_string().contains(&said), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_hangs_stops_no_other_collection_and_is_waited_for_once() {
    let folder = tempfile::tempdir().unwrap();
    for id in [1, 2] {
        publish(folder.path(), &stem(id), &classifier(id, &[1.0]));
    }
    let disk = MoodyDisk::new();
    let served = ServedClassifiers::on(folder.path(), Box::new(disk.clone()));
    disk.hang(&file(1));
    let began = Instant::now();
    let mut found = served.find([1, 2].into()).await.unwrap();
    assert!(began.elapsed() < PATIENCE + Duration::from_secs(1));
    assert!(found.remove(&2).unwrap().is_ok());
    let reason = broken(found.remove(&1).unwrap());
    assert!(
        reason.contains(&file(1)) && reason.contains("has not been read within 2 s"),
        "{reason}"
    );

    let began = Instant::now();
    for _ in 0..10 {
        find(&served, 2).await.unwrap();
        broken(find(&served, 1).await);
        let (all, problem) = served.all().await.unwrap();
        assert_eq!((all.len(), problem), (2, None));
        assert_eq!(all[0].problem, Some(reason.clone()));
        assert_eq!(all[1].problem, None);
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(disk.reads(&file(1)), 1);

    disk.mend();
    // Not waited for, so that it takes a moment until it is known.
    while find(&served, 1).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(served.all().await.unwrap().0[0].problem, None);
}

#[tokio::test]
async fn a_folder_that_hangs_keeps_one_thread_and_what_is_known_answers() {
    let folder = tempfile::tempdir().unwrap();
    let sound = classifier(1, &[1.0]);
    publish(folder.path(), &stem(1), &sound);
    let disk = MoodyDisk::new();
    let served = Arc::new(ServedClassifiers::on(folder.path(), Box::new(disk.clone())));
    find(&served, 1).await.unwrap();
    publish(folder.path(), &stem(2), &classifier(2, &[1.0]));
    disk.hang(FILE_NAME);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let served = Arc::clone(&served);
        requests.spawn(async move { (find(&served, 1).await, find(&served, 2).await) });
    }
    while let Some(found) = requests.join_next().await {
        let (one, two) = found.unwrap();
        assert_eq!(*one.unwrap(), sound);
        let reason = broken(two);
        assert!(reason.contains(FILE_NAME), "{reason}");
    }
    let (all, problem) = served.all().await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(problem.unwrap().contains("has not been read within"));
    assert_eq!((disk.most_stuck(), disk.reads(FILE_NAME)), (1, 2));
    disk.mend();
}

#[tokio::test]
async fn many_files_that_hang_keep_few_threads() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MoodyDisk::new();
    for id in 1..=12 {
        publish(folder.path(), &stem(id), &classifier(id, &[1.0]));
        disk.hang(&file(id));
    }
    let served = ServedClassifiers::on(folder.path(), Box::new(disk.clone()));
    let began = Instant::now();
    let (all, problem) = served.all().await.unwrap();
    assert!(began.elapsed() < PATIENCE + Duration::from_secs(1));
    assert_eq!((all.len(), problem), (12, None));
    assert!(all.iter().all(|it| it.problem.is_some()));
    assert_eq!(disk.most_stuck(), 4);
    // Those that wait for a thread are waited for as little as those that have one.
    let began = Instant::now();
    for _ in 0..10 {
        let (all, _) = served.all().await.unwrap();
        assert!(all.iter().all(|it| it.problem.is_some()));
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(disk.most_stuck(), 4);
    disk.mend();
    while served
        .all()
        .await
        .unwrap()
        .0
        .iter()
        .any(|it| it.problem.is_some())
    {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a request asks for is as new as the request, however many wait for one look.
#[tokio::test]
async fn who_waits_sees_what_was_on_disk_when_it_asked() {
    let (gate, readers) = (Arc::new(Gate::default()), Arc::new(Semaphore::new(4)));
    let looks = Arc::new(AtomicUsize::new(0));
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let look = || {
        let (gate, readers) = (Arc::clone(&gate), Arc::clone(&readers));
        let (looks, held) = (Arc::clone(&looks), Arc::clone(&held));
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            let look = move || {
                looks.fetch_add(1, Ordering::SeqCst);
                held.lock().unwrap().recv().unwrap();
            };
            gate.pass(&readers, deadline, look).await.unwrap()
        })
    };
    let first = look();
    while looks.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // They asked after the first look began, so that it tells them nothing; one more serves all of them.
    let others: Vec<_> = (0..5).map(|_| look()).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(looks.load(Ordering::SeqCst), 1);
    for _ in 0..2 {
        release.send(()).unwrap();
    }
    assert_eq!(first.await.unwrap(), Looked::Now);
    for other in others {
        assert_eq!(other.await.unwrap(), Looked::Now);
    }
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}
