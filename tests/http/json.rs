//! JSON bodies, as Python's `json` takes them.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use image_embed::fetch::FetchPolicy;
use image_embed::http::HttpLimits;

use crate::support::{
    app, app_with, ask, empty, get, limits, post_json, refusal, send, tiny_png, upload,
};

/// A body that is understood comes as far as the download, which is refused.
const BODY: &str = r#"{"image_url":"http://127.0.0.1:1/é.png","tasks":[]}"#;

fn post(body: Vec<u8>) -> Request<Body> {
    let mut request = post_json("");
    *request.body_mut() = Body::from(body);
    request
}

#[tokio::test]
async fn a_body_may_be_in_any_encoding_that_python_detects() {
    let app = app(empty().path());
    let utf_16: Vec<_> = BODY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_32: Vec<_> = BODY
        .chars()
        .flat_map(|it| u32::from(it).to_be_bytes())
        .collect();
    for body in [
        BODY.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", BODY.as_bytes()].concat(),
        utf_16.clone(),
        [&b"\xff\xfe"[..], &utf_16].concat(),
        utf_32,
        BODY.replace("[]}", r#"[],"note":[NaN,-Infinity,1e999,"\ud800"]}"#)
            .into(),
    ] {
        let (status, detail) = refusal(&app, post(body)).await;
        assert_eq!(status, 400);
        let said = "Could not download image from URL";
        assert!(detail.starts_with(said), "{detail}");
    }
}

#[tokio::test]
async fn a_collection_s_number_may_be_written_in_three_ways() {
    let tasks = r#"[
        {"operation_id":"a","type":"classify","params":{"collection_id":15}},
        {"operation_id":"b","type":"classify","params":{"collection_id":15.0}},
        {"operation_id":"c","type":"classify","params":{"collection_id":"15"}}]"#;
    let (_, body) = ask(&app(empty().path()), upload("i", &tiny_png(), tasks)).await;
    assert!(
        body["results"]["a"]["error_message"]
            .as_str()
            .unwrap()
            .contains("15"),
        "{body}"
    );
    assert_eq!(body["results"]["a"], body["results"]["b"]);
    assert_eq!(body["results"]["a"], body["results"]["c"]);
}

#[tokio::test]
async fn a_task_whose_type_is_no_string_is_skipped_and_its_key_is_what_python_writes() {
    let tasks = r#"[
        {"operation_id":null,"type":null},
        {"operation_id":true,"type":3},
        {"operation_id":1.5,"type":false}]"#;
    let (status, body) = ask(&app(empty().path()), upload("i", &tiny_png(), tasks)).await;
    assert_eq!(status, 200);
    for (key, kind) in [("null", "null"), ("true", "3"), ("1.5", "false")] {
        let result = &body["results"][key];
        assert_eq!(result["status"], "skipped", "{body}");
        let said = format!("operation type '{kind}' is not supported");
        assert_eq!(result["error_message"], said);
    }
    let (status, body) = ask(&app(empty().path()), upload("i", &tiny_png(), "{}")).await;
    assert_eq!(status, 200);
    assert_eq!(body["results"], serde_json::json!({}));
}

#[tokio::test]
async fn keys_that_nobody_reads_are_named_in_a_header_or_skip_the_task() {
    let tasks = r#"[
        {"operation_id":"a","type":"embed_dino_v2","params":{"normalise":true}},
        {"operation_id":"b","type":"nope"}]"#;
    let said = "[0].params.normalise (did you mean normalize?)";
    let response = send(&app(empty().path()), upload("i", &tiny_png(), tasks)).await;
    assert_eq!(response.headers()["x-ignored-keys"], said);
    let response = send(&app(empty().path()), upload("i", &tiny_png(), "[]")).await;
    assert!(!response.headers().contains_key("x-ignored-keys"));

    let strict = HttpLimits {
        strict: true,
        ..limits()
    };
    let strict = app_with(empty().path(), FetchPolicy::default(), strict);
    let (_, body) = ask(&strict, upload("i", &tiny_png(), tasks)).await;
    assert_eq!(body["results"]["a"]["status"], "skipped");
    assert_eq!(
        body["results"]["a"]["error_message"],
        format!("nobody reads {said}")
    );
    let other = body["results"]["b"]["error_message"].as_str().unwrap();
    assert!(other.contains("not supported"), "{other}");
}

/// Bodies of two megabytes whose values nobody reads are looked through, not built, and not where other requests are answered.
#[tokio::test]
async fn large_bodies_that_nobody_reads_hold_up_nobody() {
    let app = app(empty().path());
    let brackets = "[".repeat(900) + &"]".repeat(900);
    let many = vec![&brackets[..]; (1 << 20) / brackets.len()].join(",");
    let keys: String = (0..100_000).map(|key| format!("\"{key}\":0,")).collect();
    let body = format!(
        r#"{{"image_url":"http://127.0.0.1:1/","tasks":[{{"operation_id":"a","type":"classify","params":{{{keys}"x":[{many}]}}}}]}}"#
    );
    assert!(body.len() < 2 << 20);
    let requests = (0..16).map(|_| {
        let (app, request) = (app.clone(), post_json(body.clone()));
        tokio::spawn(async move { refusal(&app, request).await })
    });
    let requests: Vec<_> = requests.collect();
    // This runtime has one thread, so that whatever is computed on it shows.
    let mut longest = Duration::ZERO;
    while requests.iter().any(|request| !request.is_finished()) {
        let began = Instant::now();
        assert_eq!(send(&app, get("/health")).await.status(), 200);
        tokio::task::yield_now().await;
        longest = longest.max(began.elapsed());
    }
    for request in requests {
        let (status, detail) = request.await.unwrap();
        assert_eq!(status, 400);
        assert!(detail.starts_with("Could not download"), "{detail}");
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}
