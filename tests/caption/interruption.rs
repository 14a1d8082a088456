//! Runs that end before their time.

use std::fs;
use std::time::{Duration, Instant};

use crate::command::{Captioner, Running, caption, command};
use crate::images::Folder;
use crate::server::{Behaviour, Server, caption_of};

const IMAGES: u8 = 200;

fn slow(delay: Duration) -> Server {
    Server::start(Behaviour {
        delay,
        ..Behaviour::default()
    })
}

/// Every caption that is there is its image's, to the last byte. How many there are.
fn whole_captions(folder: &Folder) -> usize {
    let captions = folder.captions();
    for (path, text) in &captions {
        let name = path.with_extension("png");
        let image = fs::read(folder.path().join(&name)).unwrap();
        let expected = caption_of(name.to_str().unwrap(), &image);
        assert_eq!(*text, format!("{expected}\n"));
    }
    captions.len()
}

/// A run without interruption finds the rest, and only the rest, to be done.
fn a_second_run_finishes(folder: &Folder, done: usize) {
    let server = slow(Duration::ZERO);
    let run = caption(&server, folder.path(), &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let rest = usize::from(IMAGES) - done;
    assert_eq!(
        run.summary(),
        format!("captioned {rest}; {done} had captions already")
    );
    assert_eq!(server.uploads().len(), rest);
    assert_eq!(whole_captions(folder), usize::from(IMAGES));
}

#[test]
fn ctrl_c_stops_at_once_and_a_second_run_goes_on() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (server, folder) = (slow(Duration::from_millis(50)), Folder::of_images(IMAGES));
        let mut run = Running::start(command(&(&server).into(), folder.path(), &[]));
        run.wait_for(10);
        run.signal(signal);
        let run = run.finish();
        assert_eq!(run.code, Some(code), "{run:?}");
        assert_eq!(run.summary(), "stopped; the same command goes on from here");
        let done = whole_captions(&folder);
        assert!((10..usize::from(IMAGES)).contains(&done), "{done}");
        let left = usize::from(IMAGES) - done;
        assert!(
            run.out
                .contains(&format!("captioned {done}; {left} not reached\n")),
            "{run:?}"
        );
        assert_eq!(
            folder.files().len(),
            usize::from(IMAGES) + done,
            "nothing else is left"
        );
        a_second_run_finishes(&folder, done);
    }
}

#[test]
fn ctrl_c_does_not_wait_for_the_server() {
    let (server, folder) = (slow(Duration::from_secs(60)), Folder::of_images(3));
    let run = Running::start(command(&(&server).into(), folder.path(), &[]));
    while server.uploads().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let began = Instant::now();
    run.signal("-INT");
    assert_eq!(run.finish().code, Some(130));
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// The command waits for its output to be taken, which nobody does: it never gets to the first signal.
#[test]
fn a_second_ctrl_c_ends_what_hangs() {
    let server = Server::start(Behaviour {
        prefix: "word ".repeat(50_000),
        ..Behaviour::default()
    });
    let folder = Folder::of_images(5);
    let run = Running::start(command(&(&server).into(), folder.path(), &["--jobs", "1"]));
    while folder.captions().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(500));
    run.signal("-INT");
    std::thread::sleep(Duration::from_millis(500));
    run.signal("-INT");
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(500));
    let run = run.finish();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(run.code, Some(130));
    assert!(!run.out.contains("stopped"), "it did not get there");
}

#[test]
fn kill_9_leaves_no_half_caption() {
    let (server, folder) = (slow(Duration::from_millis(20)), Folder::of_images(IMAGES));
    let captioner = Captioner::from(&server);
    for _ in 0..5 {
        let mut run = Running::start(command(&captioner, folder.path(), &["--jobs", "4"]));
        run.wait_for(8);
        run.kill_9();
        assert_eq!(run.finish().code, None);
        whole_captions(&folder);
    }
    let done = whole_captions(&folder);
    assert!(done >= 40, "{done}");
    a_second_run_finishes(&folder, done);
}
