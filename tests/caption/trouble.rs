//! Servers that are down, busy, slow, or not the right ones, and their keys.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::command::{Captioner, Running, caption, command, finish};
use crate::images::{Folder, image};
use crate::server::{Behaviour, Server};

const KEY: &str = "k3y-of-the-operator";

#[test]
fn one_image_s_trouble_is_its_own() {
    let (server, folder) = (Server::start(Behaviour::default()), Folder::of_images(10));
    for name in ["broken-", "busy-", "failed-", "full-", "skipped-", "slow-"] {
        folder.add(format!("{name}1.png"), image("png", 1));
    }
    let began = Instant::now();
    let run = caption(&server, folder.path(), &["--timeout", "8", "--jobs", "4"]);
    assert!(began.elapsed() > Duration::from_secs(2), "Retry-After");
    assert_eq!(run.code, Some(1));
    assert_eq!(run.summary(), "captioned 11; 5 failed", "{run:?}");
    assert!(folder.has("busy-1.txt"));
    assert_eq!(server.uploads()["busy-1.png"], 3);
    assert!(server.uploads()["full-1.png"] > 10);
    for (name, reason) in [
        (
            "broken-1.png",
            "the server answers 500 Internal Server Error: not for None",
        ),
        ("skipped-1.png", "nothing to describe"),
        ("slow-1.png", "no answer within 8 s (--timeout)"),
        ("failed-1.png", "it \u{fffd}[2J broke"),
    ] {
        assert_eq!(run.reason(name), Some(reason));
    }
    let full = run.reason("full-1.png").unwrap();
    assert!(
        full.starts_with("the server answers 429") || full.starts_with("no answer"),
        "{full}"
    );
}

#[test]
fn a_server_that_is_down_is_said_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = Folder::of_images(20);
    let run = caption(Captioner::Url(url.clone()), folder.path(), &[]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.summary(), "captioned 0; 20 not reached");
    assert!(
        run.err
            .starts_with(&format!("image-embed: cannot reach {url}: ")),
        "{run:?}"
    );
    assert_eq!(run.err.lines().count(), 1);
}

#[test]
fn a_server_that_goes_down_stops_the_run_and_one_that_comes_back_does_not() {
    let behaviour = Behaviour {
        delay: Duration::from_millis(50),
        ..Behaviour::default()
    };
    let (folder, server) = (Folder::of_images(40), Server::start(behaviour.clone()));
    let (address, captioner) = (server.address(), Captioner::from(&server));
    let mut run = Running::start(command(&captioner, folder.path(), &[]));
    run.wait_for(10);
    drop(server);
    std::thread::sleep(Duration::from_secs(1));
    let server = Server::start_on(address, behaviour);
    run.wait_for(10);
    drop(server);
    let run = run.finish();
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.starts_with("image-embed: cannot reach http://"),
        "{run:?}"
    );
    assert!(run.summary().ends_with(" not reached"), "{run:?}");
    let done = folder.captions().len();
    assert!((20..40).contains(&done), "{done}");
}

#[test]
fn what_is_no_such_server_stops_the_run() {
    let folder = Folder::of_images(20);
    for (status, location, said) in [
        (404, "", "there is no image-embed at http://"),
        (405, "", "there is no image-embed at http://"),
        (
            301,
            "https://elsewhere/",
            "is elsewhere (301 Moved Permanently): https://elsewhere/",
        ),
        (
            307,
            "https://elsewhere/",
            "is elsewhere (307 Temporary Redirect): https://elsewhere/",
        ),
        (
            403,
            "",
            "wants an API key (403 Forbidden): set IMAGE_EMBED_API_KEY",
        ),
        (200, "", "does not answer as image-embed does"),
    ] {
        let server = Server::start(Behaviour {
            instead: Some((status, location)),
            ..Behaviour::default()
        });
        let run = caption(&server, folder.path(), &[]);
        assert_eq!(run.code, Some(1));
        assert!(run.err.contains(said), "{run:?}");
        assert_eq!(run.summary(), "captioned 0; 20 not reached");
    }
}

/// What a proxy says whose service is down.
#[test]
fn one_error_after_the_other_stops_the_run() {
    let server = Server::start(Behaviour {
        instead: Some((502, "")),
        ..Behaviour::default()
    });
    let run = caption(&server, Folder::of_images(40).path(), &["--jobs", "2"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.summary(), "captioned 0; 12 failed; 28 not reached");
    assert_eq!(
        run.reason("000.png"),
        Some("the server answers 502 Bad Gateway")
    );
    let last = run.err.lines().last().unwrap();
    assert_eq!(last, "image-embed: 12 images in a row have got no answer");
}

#[test]
fn a_wrong_url_is_named_and_its_password_is_not() {
    let folder = Folder::of_images(1);
    for (url, said) in [
        (
            "localhost",
            "must be like http://localhost:8000: relative URL",
        ),
        (
            "localhost:8000",
            "'localhost:8000' is not like http://localhost:8000",
        ),
        ("ftp://host/", "'ftp://host/' is not like"),
        ("http://host/?key=1", "'http://host/?key=1' is not like"),
        ("ftp://me:s3cret@host/", "has a user name or password in it"),
    ] {
        let run = caption(Captioner::Url(url.to_owned()), folder.path(), &[]);
        assert_eq!(run.code, Some(1));
        assert!(
            run.err.contains(said) && !run.err.contains("s3cret"),
            "{run:?}"
        );
    }
}

#[test]
fn the_api_key_is_sent_and_never_shown() {
    let server = Server::start(Behaviour {
        key: Some(KEY),
        ..Behaviour::default()
    });
    let folder = Folder::of_images(3);
    folder.add("broken-1.png", image("png", 1));
    let captioner = Captioner::from(&server);
    let loud = ["--log", "trace"];
    let mut by_variable = command(&captioner, folder.path(), &loud);
    by_variable.env("IMAGE_EMBED_API_KEY", KEY);
    let mut by_flag = command(&captioner, folder.path(), &loud);
    by_flag.args(["--force", "--api-key", KEY]);
    for command in [by_variable, by_flag] {
        let run = finish(command);
        assert_eq!(run.summary(), "captioned 3; 1 failed", "{run:?}");
        assert!(!run.out.contains(KEY) && !run.err.contains(KEY), "{run:?}");
        let reason = run.reason("broken-1.png").unwrap();
        assert!(reason.ends_with("not for Some(\"Bearer …\")"), "{reason}");
    }
    let expected = Some(format!("Bearer {KEY}"));
    assert!(server.authorization().iter().all(|sent| *sent == expected));

    let mut help = command(&captioner, folder.path(), &["--help"]);
    help.env("IMAGE_EMBED_API_KEY", KEY);
    let help = finish(help);
    assert!(help.out.contains("IMAGE_EMBED_API_KEY"), "{help:?}");
    assert!(!help.out.contains(KEY), "{help:?}");
}

/// The image is larger than any buffer on the way: the refusal must arrive although the server never reads it.
#[test]
fn a_wrong_key_stops_the_run() {
    let server = Server::start(Behaviour {
        key: Some(KEY),
        ..Behaviour::default()
    });
    let folder = Folder::new();
    for index in 0..10 {
        folder.add(format!("{index}.png"), vec![index; 16 << 20]);
    }
    for (key, said) in [
        ("", "wants an API key (401 Unauthorized)"),
        ("wr0ng", "does not accept the API key (401 Unauthorized)"),
        ("wr0\nng", "has a character that no header can carry"),
    ] {
        let mut command = command(&(&server).into(), folder.path(), &[]);
        command.env("IMAGE_EMBED_API_KEY", key);
        let run = finish(command);
        assert_eq!(run.code, Some(1));
        assert!(run.err.contains(said), "{run:?}");
        assert!(!run.err.contains("wr0"), "{run:?}");
    }
    assert!(
        server.authorization().len() <= 4,
        "at most one a job and a run"
    );
}

#[test]
fn untrained_weights_are_said_once() {
    let server = Server::start(Behaviour {
        untrained: Some("blip"),
        ..Behaviour::default()
    });
    let folder = Folder::of_images(5);
    let run = caption(&server, folder.path(), &[]);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.err,
        "WARNING: nobody trained the weights of these captions (blip): they mean nothing\n"
    );
}
