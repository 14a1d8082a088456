//! How the server ends: in good order if it can, at once if it is told to, and in any case.

mod command;
mod served;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use served::{Server, line_with};

const STOPPING: &str = "stopping: finishing the requests that are under way";
const CUT_OFF: &str = "request cut off: the server is stopping";

fn server(arguments: &[&str]) -> Server {
    let quiet = ["--offline", "--weights-dir", "/nonexistent"];
    Server::start(&[&quiet, arguments].concat())
}

/// A request whose body never ends, once the server has begun with it.
fn unfinished_request(server: &mut Server) -> TcpStream {
    let mut connection = server.connect();
    connection
        .write_all(b"POST /analyze_image/ HTTP/1.1\r\nhost: localhost\r\nx-request-id: slow\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[")
        .unwrap();
    line_with(&mut server.log, "request started");
    connection
}

/// The exit status of a server that must end by itself, and how long that took.
fn end(server: &mut Server) -> (Option<i32>, Duration) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if let Some(status) = server.process.try_wait().unwrap() {
            return (status.code(), began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the server did not end");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    for (first, second, code) in [
        ("TERM", "TERM", 143),
        ("INT", "INT", 130),
        ("TERM", "INT", 130),
    ] {
        let mut server = server(&[]);
        let _connection = unfinished_request(&mut server);
        server.signal(first);
        line_with(&mut server.log, STOPPING);
        server.signal(second);
        let (status, took) = end(&mut server);
        assert_eq!(status, Some(code), "{first}, then {second}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        let said = format!("SIG{second} received again: ending at once");
        line_with(&mut server.log, &said);
    }
}

#[test]
fn a_request_that_the_grace_cuts_off_is_logged_as_that() {
    let mut server = server(&["--shutdown-grace", "1"]);
    let _connection = unfinished_request(&mut server);
    server.signal("TERM");
    let line = line_with(&mut server.log, CUT_OFF);
    assert_eq!(line["span"]["id"], "slow");
    assert!(line["duration_ms"].as_f64().unwrap() >= 1000.0, "{line}");
    let (status, took) = end(&mut server);
    assert_eq!(status, Some(1));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_client_that_goes_away_is_logged_as_that() {
    let mut server = server(&["--shutdown-grace", "5"]);
    let connection = unfinished_request(&mut server);
    server.signal("TERM");
    line_with(&mut server.log, STOPPING);
    drop(connection);
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains(CUT_OFF), "{rest}");
    assert_eq!(end(&mut server).0, Some(0));
}

/// Reading it blocks until somebody writes to it, which nobody does.
fn hanging_classifiers(folder: &Path) -> &str {
    let index = folder.join("best_models.json");
    assert!(
        Command::new("mkfifo")
            .arg(index)
            .status()
            .unwrap()
            .success()
    );
    folder.to_str().unwrap()
}

/// A request that waits for the classifiers.
fn classify(server: &mut Server) -> TcpStream {
    let tasks = r#"[{"operation_id":"c","type":"classify","params":{"collection_id":8}}]"#;
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"tasks_json\"\r\n\r\n{tasks}\r\n--b\r\n\
         content-disposition: form-data; name=\"image_file\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n"
    );
    let head = format!(
        "POST /analyze_image_upload/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = server.connect();
    connection.write_all((head + &body).as_bytes()).unwrap();
    connection
}

#[test]
fn a_folder_that_would_hang_holds_up_neither_a_request_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let place = hanging_classifiers(folder.path());
    let mut server = server(&["--classifiers-dir", place]);
    let _connection = classify(&mut server);
    line_with(&mut server.log, "request finished");
    server.signal("TERM");
    let (status, took) = end(&mut server);
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(1), "{took:?}");
}
