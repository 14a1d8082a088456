//! What `/metrics` says of requests that were answered, refused and given up.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use image_embed::fetch::FetchPolicy;
use image_embed::http::{Access, Keys, router};
use std::sync::Arc;
use tower::ServiceExt as _;

use crate::support::{app, asset, empty, get, limits, post_json, send, state, tiny_png, upload};

const FACE: &str = r#"[{"operation_id":"f","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}]"#;

/// Every series and its value.
async fn scrape(app: &Router) -> BTreeMap<String, f64> {
    let response = send(app, get("/metrics")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4"
    );
    let text = String::from_utf8(response.into_body()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.strip_prefix("image_embed_").unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    series.collect()
}

fn requests(route: &str, status: u16) -> String {
    format!("http_requests_total{{route=\"{route}\",status=\"{status}\"}}")
}

#[tokio::test]
async fn every_series_is_there_from_the_start_and_requests_add_none() {
    let app = app(empty().path());
    let before = scrape(&app).await;
    for (name, value) in [
        (requests("/analyze_image", 200).as_str(), 0.0),
        (&requests("/analyze_image_upload", 429), 0.0),
        ("http_requests_in_flight", 1.0),
        ("images_refused_total{reason=\"not_an_image\"}", 0.0),
        ("fetches_total{outcome=\"not_public\"}", 0.0),
        ("image_lookups_total{result=\"kept\"}", 0.0),
        (
            "model_run_seconds_bucket{model=\"clip-vit-b-32\",le=\"60\"}",
            0.0,
        ),
        ("stage_duration_seconds_count{stage=\"decode\"}", 0.0),
        ("model_state{model=\"mtcnn\",state=\"empty\"}", 1.0),
        ("model_queue_depth{model=\"mtcnn\"}", 0.0),
        ("memory_pool_used_bytes{pool=\"pixels\"}", 0.0),
        ("analysis_places", 64.0),
    ] {
        assert_eq!(before.get(name), Some(&value), "{name}");
    }
    let tiny = tiny_png();
    send(&app, upload("i", &tiny, "[]")).await;
    send(&app, upload("i", b"no image", "[]")).await;
    send(&app, upload("i", &tiny[..40], "[]")).await;
    send(&app, upload("i", &tiny, "[")).await;
    let here = r#"{"image_url":"http://127.0.0.1:9/i.png","tasks":[]}"#;
    send(&app, post_json(here)).await;
    for path in ["/health", "/nope", "/nope/2", "/docs/", "/docs/index.css"] {
        send(&app, get(path)).await;
    }
    send(&app, get("/analyze_image/")).await;
    let after = scrape(&app).await;
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (name, value) in [
        (requests("/analyze_image_upload", 200).as_str(), 1.0),
        (&requests("/analyze_image_upload", 400), 3.0),
        (&requests("/analyze_image", 400), 1.0),
        (&requests("/analyze_image", 405), 1.0),
        (&requests("/health", 200), 1.0),
        (&requests("/metrics", 200), 1.0),
        ("images_refused_total{reason=\"not_an_image\"}", 1.0),
        ("requests_refused_total{reason=\"malformed\"}", 1.0),
        ("requests_refused_total{reason=\"download\"}", 1.0),
        ("fetches_total{outcome=\"not_public\"}", 1.0),
        ("image_lookups_total{result=\"miss\"}", 3.0),
        ("http_requests_in_flight", 1.0),
        ("analysis_places_taken", 0.0),
    ] {
        assert_eq!(after.get(name), Some(&value), "{name}");
    }
}

#[tokio::test]
async fn an_answer_counts_when_its_last_byte_is_written_and_one_given_up_as_499() {
    let app = app(empty().path());
    let ask = || upload("i", &tiny_png(), "[]");
    let unread = app.clone().oneshot(ask()).await.unwrap();
    assert_eq!(unread.status(), 200);
    let during = scrape(&app).await;
    assert_eq!(during["http_requests_in_flight"], 2.0);
    assert_eq!(during["analysis_places_taken"], 1.0);
    assert_eq!(during[&requests("/analyze_image_upload", 200)], 0.0);
    drop(unread);
    // A request that is dropped before it is answered.
    let mut unasked = Box::pin(app.clone().oneshot(ask()));
    assert!(futures_poll_once(&mut unasked).await);
    drop(unasked);
    send(&app, ask()).await;
    let after = scrape(&app).await;
    assert_eq!(after[&requests("/analyze_image_upload", 499)], 2.0);
    assert_eq!(after[&requests("/analyze_image_upload", 200)], 1.0);
    let all = "http_request_duration_seconds_count{route=\"/analyze_image_upload\"}";
    assert_eq!(after[all], 3.0);
    assert_eq!(after["http_requests_in_flight"], 1.0);
}

/// Whether `future` is still under way after one look.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(polled.is_pending())
    })
    .await
}

#[tokio::test]
async fn a_model_s_work_is_measured() {
    let app = app(&asset("weights"));
    let photograph = std::fs::read(asset("photographs/astronaut.png")).unwrap();
    send(&app, upload("i", &photograph, FACE)).await;
    let mut seen = scrape(&app).await;
    // A runner counts its batch once it has answered, so that may be a moment after the answer.
    for _ in 0..100 {
        if seen["model_run_seconds_count{model=\"mtcnn\"}"] > 0.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen = scrape(&app).await;
    }
    for name in [
        "model_queue_wait_seconds_count{model=\"mtcnn\"}",
        "model_run_seconds_count{model=\"mtcnn\"}",
        "model_batch_inputs_sum{model=\"mtcnn\"}",
        "stage_duration_seconds_count{stage=\"mtcnn\"}",
        "stage_duration_seconds_count{stage=\"decode\"}",
        "model_state{model=\"mtcnn\",state=\"ready\"}",
    ] {
        assert_eq!(seen.get(name), Some(&1.0), "{name}");
    }
    assert!(seen["model_weights_bytes{model=\"mtcnn\"}"] > 1e6);
    assert_eq!(seen["model_queue_depth{model=\"mtcnn\"}"], 0.0);
}

#[tokio::test]
async fn with_keys_the_metrics_want_one_unless_a_setting_says_otherwise() {
    for (public, expected) in [(false, 401), (true, 200)] {
        let mut state = state(empty().path(), FetchPolicy::default(), limits());
        let keys = Keys::new("ann:key-of-ann-0123456789", None).unwrap();
        let mut access = Access::new(Arc::new(keys), None);
        access.public_metrics = public;
        state.access = Arc::new(access);
        let status = send(&router(state), get("/metrics")).await.status();
        assert_eq!(status, expected);
    }
}
