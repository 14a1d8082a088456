//! Several processes, and processes that end badly. The child is this test binary itself, running
//! [`child_pulls_what_its_environment_says`].

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::server::{Reply, Server};
use crate::toy::{config, content, entry, files};
use weights::{Silent, Store};

const FILE: &str = ".cache/image-embed/owner/toy.pt";
const PARTIAL: &str = ".cache/image-embed/owner/toy.pt.incomplete";
const BYTES: usize = 200_000;

#[test]
#[ignore = "not a test of its own: the other tests of this file run it in a process of its own"]
fn child_pulls_what_its_environment_says() {
    let (Ok(url), Ok(home)) = (std::env::var("CHILD_URL"), std::env::var("CHILD_HOME")) else {
        return;
    };
    let pulled = Store::new(config(Path::new(&home))).pull(&entry(url, &content(BYTES)), &Silent);
    if let Err(error) = pulled {
        panic!("{error}");
    }
}

fn child(before: &str, url: &str, home: &Path) -> Child {
    let this = std::env::current_exe().expect("this binary");
    Command::new("sh")
        .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
        .arg(this)
        .args([
            "--ignored",
            "--exact",
            "processes::child_pulls_what_its_environment_says",
            "--nocapture",
        ])
        .env("CHILD_URL", url)
        .env("CHILD_HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child process")
}

#[test]
fn of_two_processes_one_downloads_and_the_other_waits() {
    let home = tempfile::tempdir().expect("directory");
    let server =
        Server::start(|_| Reply::file(&content(BYTES)).pausing(Duration::from_millis(700)));
    let url = format!("{}/toy.pt", server.url);
    let children: Vec<_> = (0..3).map(|_| child("", &url, home.path())).collect();
    for child in children {
        let output = child.wait_with_output().expect("ends");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(server.count("GET"), 1);
    assert_eq!(files(home.path()), [FILE]);
    assert_eq!(
        std::fs::read(home.path().join(FILE)).expect("readable"),
        content(BYTES)
    );
}

#[test]
fn a_write_that_fails_is_an_error_and_leaves_nothing() {
    let home = tempfile::tempdir().expect("directory");
    let server = Server::start(|_| Reply::file(&content(BYTES)));
    let url = format!("{}/toy.pt", server.url);
    // Files of this process may not grow beyond a few kilobytes: writing fails as on a full disk.
    let child = child("trap '' XFSZ; ulimit -f 16;", &url, home.path());
    let output = child.wait_with_output().expect("ends");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("cannot write"),
        "{text}"
    );
    assert!(text.contains("toy.pt.incomplete"), "{text}");
    assert!(files(home.path()).is_empty(), "{:?}", files(home.path()));
}

#[test]
fn a_killed_process_leaves_half_a_file_that_does_not_count() {
    let home = tempfile::tempdir().expect("directory");
    let server = Server::start(|request| {
        Reply::range(request, &content(BYTES)).pausing(Duration::from_secs(5))
    });
    let url = format!("{}/toy.pt", server.url);
    let mut child = child("", &url, home.path());
    let deadline = Instant::now() + Duration::from_secs(20);
    let half = || std::fs::metadata(home.path().join(PARTIAL)).map_or(0, |partial| partial.len());
    while half() == 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
    }
    child.kill().expect("running");
    child.wait().expect("ends");
    assert_eq!(files(home.path()), [PARTIAL]);

    let mended = Server::start(|request| Reply::range(request, &content(BYTES)));
    let store = Store::new(config(home.path()));
    let entry = entry(format!("{}/toy.pt", mended.url), &content(BYTES));
    assert!(store.locate(&entry).is_err(), "half a file is no file");
    store
        .pull(&entry, &Silent)
        .expect("the lock went with the process");
    assert!(
        mended.requests()[0]
            .range_start()
            .is_some_and(|start| start > 0)
    );
    assert_eq!(files(home.path()), [FILE]);
}
