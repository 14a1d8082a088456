//! Requests that do not end well, or are not meant to.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::run::{load, load_url};
use crate::server::{Answer, Server};

#[test]
fn an_answer_that_differs_is_counted_shown_and_a_failure() {
    // Two images asked alone first, then ten times more.
    let server = Server::start(|asked| match asked.number {
        5 => Answer::of(&["success", "skipped"]),
        _ => Answer::of(&["success", "success"]),
    });
    let run = load(
        &server,
        &["--tasks", "[1]", "--requests", "10", "--expect-same"],
    );
    assert_eq!(run.code, Some(1));
    assert_eq!(server.asked().len(), 12);
    assert_eq!(run.measured("different"), 1);
    assert_eq!(run.measured("ok"), 10, "it is an answer nevertheless");
    let difference = &run.report["first_difference"];
    assert_eq!(difference["operation_id"], "1");
    assert!(
        difference["question"]
            .as_str()
            .unwrap()
            .ends_with("b.png [1]")
    );
    assert!(difference["expected"].as_str().unwrap().contains("success"));
    assert!(difference["got"].as_str().unwrap().contains("skipped"));
}

#[test]
fn equal_answers_and_those_nobody_compares_are_no_failure() {
    for (arguments, changes) in [(&["--expect-same"][..], false), (&[], true)] {
        let server = Server::start(move |asked| {
            let number = if changes { asked.number } else { 0 };
            Answer::with_body(
                200,
                // What is beside `results` may change: a server may have something to say of itself.
                &format!(
                    r#"{{"at":{},"results":{{"a":{{"status":"success","data":{number}}}}}}}"#,
                    asked.number
                ),
            )
        });
        let run = load(
            &server,
            &[&["--tasks", "[1]", "--requests", "8"], arguments].concat(),
        );
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(run.measured("different"), 0);
        assert_eq!(run.measured("tasks")["success"], 8);
    }
}

#[test]
fn a_question_that_is_refused_alone_ends_the_run() {
    let server = Server::start(|_| Answer::with_body(400, r#"{"detail":"no such thing"}"#));
    let run = load(
        &server,
        &["--tasks", "[1]", "--requests", "8", "--expect-same"],
    );
    assert_eq!(run.code, Some(1));
    assert!(run.error.contains("no such thing"), "{run:?}");
}

#[test]
fn clients_hang_up_where_they_are_told_to_and_it_is_no_failure() {
    let server = Server::start(|_| Answer::of(&["success"]).after(Duration::from_millis(40)));
    let run = load(
        &server,
        &[
            "--tasks",
            "[1]",
            "--requests",
            "60",
            "--clients",
            "3",
            "--warm-up",
            "4",
            "--hang-up",
            "0.5",
        ],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let hung_up = run.measured("hung_up").as_u64().unwrap();
    assert!((15..=45).contains(&hung_up), "{hung_up}");
    assert_eq!(run.measured("ok").as_u64().unwrap() + hung_up, 60);
    assert_eq!(run.measured("requests"), 60);
    assert_eq!(run.measured("failed_connections"), 0);
    assert!(
        server.connections() > 10,
        "a connection ends with its request"
    );
}

#[test]
fn a_status_of_trouble_is_counted_and_a_failure() {
    let server = Server::start(|asked| match asked.number {
        2 => Answer::with_body(503, r#"{"detail":"out of order"}"#),
        3 => Answer::with_body(429, "{}"),
        _ => Answer::of(&["success"]),
    });
    let run = load(&server, &["--tasks", "[1]", "--requests", "5"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.measured("by_status"),
        &json!({"200": 3, "429": 1, "503": 1})
    );
    let failure = run.measured("first_failure").as_str().unwrap();
    assert!(failure.contains("out of order"), "{failure}");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_full_server_is_no_failure() {
    let server = Server::start(|_| Answer::with_body(429, "{}"));
    let run = load(&server, &["--tasks", "[1]", "--requests", "3"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.measured("ok"), 0);
    assert_eq!(run.measured("latency_ms"), &json!(null));
}

#[test]
fn a_server_that_is_not_there_is_failed_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let run = load_url(&url, &["--tasks", "[1]", "--requests", "3"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.measured("failed_connections"), 3);
    let failure = run.measured("first_failure").as_str().unwrap();
    assert!(failure.starts_with("cannot connect"), "{failure}");
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let server = Server::start(|_| Answer::of(&[]).after(Duration::from_secs(60)));
    let run = load(
        &server,
        &["--tasks", "[1]", "--requests", "1", "--give-up", "0.3"],
    );
    assert_eq!(run.code, Some(1));
    let failure = run.measured("first_failure").as_str().unwrap();
    assert!(failure.contains("--give-up"), "{failure}");
}

#[test]
fn another_service_is_found_out() {
    let server = Server::start(|_| Answer::with_body(200, "<html>"));
    let run = load(&server, &["--tasks", "[1]", "--requests", "2"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        (run.measured("unreadable"), run.measured("ok")),
        (&json!(2), &json!(0))
    );
}

#[test]
fn a_wrong_setting_is_named() {
    for (arguments, said) in [
        (&["--tasks", "[1]"][..], "--requests"),
        (
            &["--tasks", "[1]", "--requests", "1", "--seconds", "1"],
            "cannot be used with",
        ),
        (
            &["--tasks", "[1]", "--requests", "1", "--hang-up", "2"],
            "from 0 to 1",
        ),
        (
            &["--tasks", "[1]", "--requests", "1", "--beside", "[1]"],
            "--beside",
        ),
        (
            &["--tasks", "@/no/such", "--requests", "1"],
            "cannot read tasks from /no/such",
        ),
    ] {
        let run = load_url("http://127.0.0.1:1", arguments);
        assert_ne!(run.code, Some(0));
        assert!(run.error.contains(said), "{arguments:?}: {}", run.error);
    }
}
