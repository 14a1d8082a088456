//! How long a request may take, and how long it holds its place.

use crate::support::{app_with, asset, limits, refusal, send, tiny_png, upload};
use image_embed::fetch::FetchPolicy;
use image_embed::http::HttpLimits;
use std::path::Path;
use tower::ServiceExt as _;

const FACE: &str = r#"[{"operation_id":"f","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}]"#;

fn one_at_a_time(weights: &Path) -> axum::Router {
    let limits = HttpLimits {
        max_in_flight: 1,
        ..limits()
    };
    app_with(weights, FetchPolicy::default(), limits)
}

#[tokio::test]
async fn a_place_is_held_until_the_answer_is_written_or_given_up() {
    let app = one_at_a_time(tempfile::tempdir().unwrap().path());
    let ask = || upload("i", &tiny_png(), "[]");
    let unread = app.clone().oneshot(ask()).await.unwrap();
    assert_eq!(unread.status(), 200);
    assert_eq!(send(&app, ask()).await.status(), 429);
    drop(unread);
    assert_eq!(send(&app, ask()).await.status(), 200);
}

#[tokio::test]
async fn a_client_s_own_time_limit_ends_its_request_and_frees_its_place() {
    let app = one_at_a_time(&asset("weights"));
    let photograph = std::fs::read(asset("photographs/astronaut.png")).unwrap();
    let ask = |timeout: &'static str| {
        let mut request = upload("i", &photograph, FACE);
        let headers = request.headers_mut();
        headers.insert("x-timeout-ms", timeout.parse().unwrap());
        request
    };
    let (status, detail) = refusal(&app, ask("1")).await;
    assert_eq!(status, 504);
    assert_eq!(detail, "the request was not finished within 0.001 s");
    assert_eq!(send(&app, ask("60000")).await.status(), 200);
    let (status, detail) = refusal(&app, ask("soon")).await;
    assert_eq!(status, 400);
    assert_eq!(
        detail,
        "x-timeout-ms must be an integer of at least 1, not \"soon\""
    );
}
