//! A folder as people have them: two hundred files of every sort.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::command::{Captioner, Run, caption};
use crate::images::{EXTENSIONS, Folder, image};
use crate::server::{Behaviour, Server, caption_of};
use crate::service::Service;
use crate::tiny_blip;

const GOOD: usize = 132;
const CORRUPT: usize = 12;
const CAPTIONED: usize = 20;
const BELOW: usize = 10;

/// 132 good images, 12 that are none, 20 with captions, 10 in folders below, and things that concern nobody.
fn mixed() -> Folder {
    let folder = Folder::new();
    let named = |name: &str, index: usize| {
        let extension = EXTENSIONS[index % EXTENSIONS.len()];
        let image = image(extension, u8::try_from(index).unwrap());
        (format!("{name}-{index:03}.{extension}"), image)
    };
    for index in 0..GOOD {
        let (name, image) = named("good", index);
        folder.add(name, image);
    }
    for index in 0..CORRUPT {
        let (name, _) = named("corrupt", index);
        folder.add(name, format!("no image {index}"));
    }
    for index in 0..CAPTIONED {
        let (name, image) = named("captioned", index);
        folder.add(Path::new(&name).with_extension("txt"), "by hand\n");
        folder.add(name, image);
    }
    for index in 0..BELOW {
        let (name, image) = named("below", index);
        folder.add(format!("sub/folder {}/{name}", index % 2), image);
    }
    folder.add("sub/.hidden/a.jpg", image("jpg", 1));
    folder.add(".thumbnail.jpg", image("jpg", 2));
    folder.add("._good-000.jpg", "what macOS leaves");
    folder.add("notes.txt", "no image goes with it");
    folder.add("README.md", "a folder");
    folder.add("jpg", "no extension");
    symlink("..", folder.path().join("sub/loop")).unwrap();
    assert!(folder.files().len() >= 200);
    folder
}

/// What a captioner makes of the good images.
#[derive(Clone, Copy)]
enum Captions {
    /// What the test's own server says of them.
    Known,
    /// A line of words, whatever they are.
    Any,
}

/// What must be whoever captions. Gives the run back for what only the caller knows.
fn is_captioned(captioner: Captioner, captions: Captions) -> Run {
    let folder = mixed();
    let before = folder.files();
    let run = caption(captioner, folder.path(), &["--recursive", "--jobs", "4"]);
    let mut after = folder.files();
    let mut captioned = 0;
    for (path, image) in &before {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_good = name.starts_with("good") || name.starts_with("below");
        if is_good && let Some(text) = after.remove(&path.with_extension("txt")) {
            let text = String::from_utf8(text).unwrap();
            assert!(
                text.ends_with('\n') && text.trim() == &text[..text.len() - 1],
                "{text:?}"
            );
            assert_eq!(text.lines().count(), 1, "{text:?}");
            match captions {
                Captions::Known => assert_eq!(text.trim_end(), caption_of(name, image)),
                Captions::Any => assert!(text.len() > 1, "{name}: {text}"),
            }
            captioned += 1;
        } else {
            assert!(!is_good, "{name} has no caption: {run:?}");
        }
    }
    assert_eq!(after, before, "nothing but captions of good images");
    let failed = GOOD + BELOW + CORRUPT - captioned;
    assert_eq!(
        run.summary(),
        format!("captioned {captioned}; {failed} failed; {CAPTIONED} had captions already")
    );
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.err
            .lines()
            .filter(|line| line.starts_with("  "))
            .count(),
        failed
    );
    run
}

#[test]
fn a_mixed_folder_is_captioned_by_a_server() {
    let server = Server::start(Behaviour::default());
    let run = is_captioned((&server).into(), Captions::Known);
    let reason = run.reason("corrupt-000.jpg").unwrap();
    assert_eq!(
        reason,
        "the server answers 400 Bad Request: Could not process image: not an image"
    );
    assert!(server.uploads().values().all(|&count| count == 1));
    let uploads = server.uploads();
    let sent = |prefix: &str| {
        uploads
            .keys()
            .filter(|name| name.starts_with(prefix))
            .count()
    };
    assert_eq!(uploads.len(), GOOD + BELOW + CORRUPT);
    assert_eq!(sent("captioned"), 0, "what has a caption is not sent");
}

#[test]
fn a_mixed_folder_is_captioned_in_this_process() {
    let weights = tempfile::tempdir().unwrap();
    tiny_blip::write(weights.path());
    let captioner = Captioner::WeightsDir(weights.path().to_owned());
    let run = is_captioned(captioner, Captions::Any);
    let reason = run.reason("corrupt-000.jpg").unwrap();
    assert!(reason.starts_with("could not process image: "), "{reason}");
    assert_eq!(run.err.matches("UNTRAINED").count(), 1, "{}", run.err);
}

/// As in this process, by way of HTTP, and with the same words.
#[test]
fn a_mixed_folder_is_captioned_by_the_service_itself() {
    let weights = tempfile::tempdir().unwrap();
    tiny_blip::write(weights.path());
    let service = Service::start(weights.path());
    let run = is_captioned(Captioner::Url(service.url()), Captions::Any);
    let reason = run.reason("corrupt-000.jpg").unwrap();
    assert!(
        reason.starts_with("the server answers 400 Bad Request: Could not process image: "),
        "{reason}"
    );

    let folders = [Folder::new(), Folder::new()];
    for folder in &folders {
        for index in 0..3 {
            folder.add(format!("{index}.png"), image("png", 40 * index));
        }
    }
    let options = ["--max-length", "9", "--prompt", "a photograph of"];
    caption(Captioner::Url(service.url()), folders[0].path(), &options);
    let here = Captioner::WeightsDir(weights.path().to_owned());
    caption(here, folders[1].path(), &options);
    let captions = folders[0].captions();
    assert_eq!(captions.len(), 3);
    assert_eq!(captions, folders[1].captions());
    for text in captions.values() {
        assert!(text.starts_with("a photograph of"), "{text}");
    }
}

#[test]
fn weights_that_are_missing_are_said_once() {
    let weights = tempfile::tempdir().unwrap();
    let folder = mixed();
    let before = folder.files();
    let captioner = Captioner::WeightsDir(weights.path().to_owned());
    let run = caption(captioner, folder.path(), &[]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<_> = run
        .err
        .lines()
        .filter(|line| line.starts_with("image-embed: "))
        .collect();
    assert_eq!(lines.len(), 1, "{}", run.err);
    assert!(
        lines[0].contains("models pull blip-image-captioning-large"),
        "{}",
        lines[0]
    );
    assert!(!run.err.contains("not captioned"), "{}", run.err);
    assert_eq!(folder.files(), before);
}

#[test]
fn a_second_run_sends_only_what_has_no_caption() {
    let server = Server::start(Behaviour::default());
    let folder = mixed();
    caption(&server, folder.path(), &["-r"]);
    let captions = folder.captions();
    let again = Server::start(Behaviour::default());
    let run = caption(&again, folder.path(), &["-r"]);
    assert_eq!(again.uploads().len(), CORRUPT);
    assert_eq!(folder.captions(), captions);
    let had = GOOD + BELOW + CAPTIONED;
    assert_eq!(
        run.summary(),
        format!("captioned 0; {CORRUPT} failed; {had} had captions already")
    );
}

#[test]
fn force_captions_everything_anew() {
    let server = Server::start(Behaviour::default());
    let folder = mixed();
    let run = caption(&server, folder.path(), &["-f"]);
    let captioned = GOOD + CAPTIONED;
    assert_eq!(
        run.summary(),
        format!("captioned {captioned}; {CORRUPT} failed")
    );
    let image = image("jpg", 0);
    let expected = caption_of("captioned-000.jpg", &image);
    assert_eq!(folder.read("captioned-000.txt"), format!("{expected}\n"));
    assert_eq!(folder.read("notes.txt"), "no image goes with it");
    assert!(!folder.has("sub/folder 0/below-000.txt"), "not recursive");
}
