//! What is sent, and what is counted of it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::run::load;
use crate::server::{Answer, Server};

#[test]
fn so_many_requests_are_asked_over_kept_connections_and_counted() {
    let server = Server::start(|_| Answer::of(&["success", "success", "error"]));
    let run = load(
        &server,
        &["--tasks", "[1]", "--requests", "40", "--clients", "4"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.measured("requests"), 40);
    assert_eq!(run.measured("ok"), 40);
    assert_eq!(run.measured("by_status"), &json!({"200": 40}));
    let tasks = json!({"success": 80, "skipped": 0, "error": 40});
    assert_eq!(run.measured("tasks"), &tasks);
    assert_eq!(server.asked().len(), 40);
    assert_eq!(server.connections(), 4);
    let of_a = server
        .asked()
        .iter()
        .filter(|it| it.image == "a.png")
        .count();
    assert!((18..=22).contains(&of_a), "images come in turn: {of_a}");
    let latency = run.measured("latency_ms");
    let order = ["min", "p50", "p90", "p95", "p99", "max"].map(|it| latency[it].as_f64().unwrap());
    assert!(order.is_sorted() && order[0] > 0.0, "{latency}");
    assert!(run.measured("requests_per_s").as_f64().unwrap() > 1.0);
}

#[test]
fn what_takes_time_is_measured() {
    let wait = Duration::from_millis(60);
    let server = Server::start(move |_| Answer::of(&["success"]).after(wait));
    let run = load(&server, &["--tasks", "[1]", "--requests", "5"]);
    let least = run.measured("latency_ms")["min"].as_f64().unwrap();
    assert!((60.0..1000.0).contains(&least), "{least}");
    assert!(run.measured("duration_s").as_f64().unwrap() >= 0.3);
}

#[test]
fn a_run_lasts_as_long_as_it_is_told_to() {
    let server = Server::start(|_| Answer::of(&[]).after(Duration::from_millis(20)));
    let began = Instant::now();
    let run = load(&server, &["--tasks", "[1]", "--seconds", "0.6"]);
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert!(run.measured("requests").as_u64().unwrap() >= 5);
    assert!((0.6..2.0).contains(&run.measured("duration_s").as_f64().unwrap()));
}

#[test]
fn warm_up_does_not_count() {
    let server = Server::start(|_| Answer::of(&["success"]));
    let run = load(
        &server,
        &[
            "--tasks",
            "[1]",
            "--requests",
            "6",
            "--clients",
            "2",
            "--warm-up",
            "3",
        ],
    );
    assert_eq!(run.measured("requests"), 6);
    assert_eq!(server.asked().len(), 12);
}

#[test]
fn a_limit_goes_with_measured_requests_and_running_out_of_it_is_no_failure() {
    let server = Server::start(|asked| match asked.number % 2 {
        0 => Answer::with_body(504, r#"{"detail":"late"}"#),
        _ => Answer::of(&["success"]),
    });
    let run = load(
        &server,
        &["--tasks", "[1]", "--requests", "4", "--timeout-ms", "700"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.measured("by_status"), &json!({"200": 2, "504": 2}));
    assert_eq!(run.measured("first_failure"), &json!(null));
    assert!(run.measured("other_latency_ms")["p50"].is_f64());
    for asked in server.asked() {
        assert_eq!(asked.timeout_ms.as_deref(), Some("700"));
    }
}

#[test]
fn tasks_are_mixed_by_weight_and_the_same_seed_asks_the_same() {
    let asked = |seed: &str| {
        let server = Server::start(|_| Answer::of(&["success"]));
        let run = load(
            &server,
            &[
                "--tasks",
                "9:[1]",
                "--tasks",
                "[2]",
                "--requests",
                "100",
                "--seed",
                seed,
            ],
        );
        assert_eq!(run.measured("ok"), 100);
        let asked = server.asked();
        asked
            .into_iter()
            .map(|it| (it.image, it.tasks))
            .collect::<Vec<_>>()
    };
    let first = asked("5");
    let rare = first.iter().filter(|(_, tasks)| tasks == "[2]").count();
    assert!((2..=20).contains(&rare), "{rare}");
    assert_eq!(first, asked("5"));
    assert_ne!(first, asked("6"));
}

#[test]
fn tasks_can_come_from_a_file() {
    let server = Server::start(|_| Answer::of(&["success"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.json");
    std::fs::write(&path, "[7]").unwrap();
    let tasks = format!("2:@{}", path.display());
    let run = load(&server, &["--tasks", &tasks, "--requests", "1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(server.asked()[0].tasks, "[7]");
}

#[test]
fn load_beside_the_measured_one_is_reported_apart() {
    let server = Server::start(|asked| {
        let millis = if asked.tasks == "[2]" { 10 } else { 50 };
        Answer::of(&["success"]).after(Duration::from_millis(millis))
    });
    let run = load(
        &server,
        &[
            "--tasks",
            "[1]",
            "--requests",
            "10",
            "--timeout-ms",
            "900",
            "--beside",
            "2:[2]",
            "--beside",
            "1:[3]",
        ],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.measured("requests"), 10);
    let beside = &run.report["beside"];
    assert_eq!(
        (&beside[0]["clients"], &beside[1]["clients"]),
        (&json!(2), &json!(1))
    );
    assert!(beside[0]["requests"].as_u64().unwrap() > 15, "{beside}");
    assert!(beside[1]["requests"].as_u64().unwrap() > 3, "{beside}");
    for asked in server.asked() {
        assert_eq!(asked.timeout_ms.is_some(), asked.tasks == "[1]");
    }
}
