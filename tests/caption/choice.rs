//! Which images are captioned, and what is asked for.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::json;

use crate::command::caption;
use crate::images::{Folder, image};
use crate::server::{Behaviour, Server};

fn server() -> Server {
    Server::start(Behaviour::default())
}

#[test]
fn two_images_that_would_share_a_caption_get_none() {
    let (server, folder) = (server(), Folder::new());
    folder.add("a.jpg", image("jpg", 0));
    folder.add("a.PNG", image("png", 0));
    folder.add("b.jpg", image("jpg", 1));
    for options in [&[][..], &["--force"]] {
        let run = caption(&server, folder.path(), options);
        assert_eq!(run.code, Some(1));
        let reasons = ["a.jpg", "a.PNG"].map(|name| run.reason(name).unwrap());
        assert_eq!(
            reasons[0],
            "would share a.txt with a.PNG; rename one of them"
        );
        assert_eq!(
            reasons[1],
            "would share a.txt with a.jpg; rename one of them"
        );
        assert!(!folder.has("a.txt") && folder.has("b.txt"));
    }
    folder.add("a.txt", "of both\n");
    assert_eq!(
        caption(&server, folder.path(), &[]).code,
        Some(0),
        "both have one"
    );
    assert_eq!(caption(&server, folder.path(), &["-f"]).code, Some(1));
    assert_eq!(folder.read("a.txt"), "of both\n");
}

#[test]
fn names_need_not_be_text() {
    let (server, folder) = (server(), Folder::new());
    folder.add(OsStr::from_bytes(b"caf\xe9.jpg"), image("jpg", 0));
    folder.add("a \"quoted\"\r\nname;.v2.jpg", image("jpg", 1));
    let run = caption(&server, folder.path(), &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(folder.has(OsStr::from_bytes(b"caf\xe9.txt")));
    assert!(folder.has("a \"quoted\"\r\nname;.v2.txt"));
    assert!(!run.out.contains('\r'), "{run:?}");
}

#[test]
fn what_cannot_be_looked_at_is_listed_and_the_rest_goes_on() {
    let (server, folder) = (server(), Folder::new());
    folder.add("good.jpg", image("jpg", 0));
    symlink("itself.jpg", folder.path().join("itself.jpg")).unwrap();
    symlink("nothing.jpg", folder.path().join("broken.jpg")).unwrap();
    folder.add("taken.jpg", image("jpg", 1));
    fs::create_dir(folder.path().join("taken.txt")).unwrap();
    folder.add("linked.jpg", image("jpg", 2));
    symlink("nowhere", folder.path().join("linked.txt")).unwrap();
    // A folder whose path is longer than the system takes: unreadable even for root.
    let (upper, lower) = (deep("upper", 12), deep("lower", 12));
    fs::create_dir_all(folder.path().join(&upper)).unwrap();
    fs::create_dir_all(folder.path().join(&lower)).unwrap();
    let last = upper.join("lower");
    fs::rename(folder.path().join("lower"), folder.path().join(last)).unwrap();

    let run = caption(&server, folder.path(), &["-r"]);
    assert_eq!(run.code, Some(1));
    assert!(folder.has("good.txt"), "{run:?}");
    assert!(
        run.reason("itself.jpg")
            .unwrap()
            .starts_with("cannot read it: ")
    );
    assert!(
        run.reason("broken.jpg")
            .unwrap()
            .starts_with("cannot read it: ")
    );
    assert_eq!(run.reason("taken.jpg"), Some("taken.txt is a folder"));
    assert_eq!(
        run.reason("linked.jpg"),
        Some("linked.txt is a link to nothing")
    );
    assert!(run.err.contains("File name too long"), "{run:?}");
    assert_eq!(run.summary(), "captioned 1; 5 failed");

    let run = caption(&server, folder.path(), &["-r", "-f"]);
    assert!(run.reason("linked.jpg").is_none(), "{run:?}");
    assert!(
        fs::symlink_metadata(folder.path().join("linked.txt"))
            .unwrap()
            .is_file()
    );
    assert!(!folder.has("nowhere"), "the link is not followed");
}

/// A path of so many folders with long names.
fn deep(first: &str, folders: usize) -> PathBuf {
    let rest = std::iter::repeat_n("x".repeat(200), folders - 1);
    std::iter::once(first.to_owned()).chain(rest).collect()
}

#[test]
fn a_link_to_an_image_is_captioned_and_pipes_are_left_alone() {
    let (server, folder, elsewhere) = (server(), Folder::new(), Folder::new());
    elsewhere.add("a.jpg", image("jpg", 0));
    symlink(elsewhere.path().join("a.jpg"), folder.path().join("b.jpg")).unwrap();
    symlink(elsewhere.path(), folder.path().join("folder")).unwrap();
    let pipe = folder.path().join("c.jpg");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.unwrap().success());
    let run = caption(&server, folder.path(), &["-r"]);
    assert_eq!(run.summary(), "captioned 1");
    assert!(folder.has("b.txt") && !elsewhere.has("a.txt"));
}

#[test]
fn a_folder_without_work_is_said_to_be_one() {
    let (server, folder) = (server(), Folder::new());
    folder.add("notes.txt", "");
    folder.add(".a.jpg", image("jpg", 0));
    let run = caption(&server, folder.path(), &[]);
    assert_eq!(run.code, Some(0));
    assert!(run.summary().starts_with("nothing to do: no images in "));
    folder.add("a.jpg", image("jpg", 0));
    folder.add("a.txt", "");
    let run = caption(&server, folder.path(), &[]);
    assert_eq!(run.code, Some(0));
    assert!(
        run.summary().starts_with("nothing to do: 1 images in "),
        "{run:?}"
    );
    assert!(run.err.is_empty(), "{run:?}");
}

#[test]
fn what_is_no_folder_is_named() {
    let folder = Folder::new();
    folder.add("a.jpg", image("jpg", 0));
    for (path, said) in [
        ("gone", "cannot read "),
        ("gone", "gone: No such file or directory"),
        ("a.jpg", "a.jpg is not a folder"),
    ] {
        let run = caption(&server(), &folder.path().join(path), &[]);
        assert_eq!(run.code, Some(1));
        assert!(run.err.contains(said), "{run:?}");
    }
}

#[test]
fn only_what_is_asked_for_is_sent() {
    let (server, folder) = (server(), Folder::of_images(1));
    caption(&server, folder.path(), &[]);
    let options = [
        "-f",
        "--max-length",
        "20",
        "--num-beams",
        "2",
        "--prompt",
        "a photo of",
    ];
    caption(&server, folder.path(), &options);
    assert_eq!(
        server.params(),
        [
            json!({}),
            json!({"max_length": 20, "num_beams": 2, "prompt": "a photo of"})
        ]
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let (server, folder) = (server(), Folder::of_images(2));
    folder.add("large.png", vec![0; 2000]);
    let run = caption(&server, folder.path(), &["--max-image-bytes", "1999"]);
    let said = "has more than the 1999 bytes of --max-image-bytes";
    assert_eq!(run.reason("large.png"), Some(said));
    assert_eq!(run.summary(), "captioned 2; 1 failed");
}
