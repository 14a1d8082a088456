//! What the service says of itself: ids, timings, operations, readiness, documentation.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{app, ask, asset, empty, get, send, tiny_png, upload};

#[tokio::test]
async fn a_request_id_is_passed_through_or_made() {
    let app = app(empty().path());
    let with = |id: &str| {
        Request::get("/health")
            .header("x-request-id", id)
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        send(&app, with("my-id.7")).await.headers()["x-request-id"],
        "my-id.7"
    );
    for unfit in ["", "with space", &"x".repeat(129)] {
        let made = send(&app, with(unfit)).await.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(made.len(), 36, "{made}");
    }
    assert!(
        send(&app, get("/nope"))
            .await
            .headers()
            .contains_key("x-request-id")
    );
}

#[tokio::test]
async fn the_stages_of_a_request_are_told_to_the_client() {
    let tasks = r#"[{"operation_id":"f","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}},
        {"operation_id":"p","type":"detect_bounding_box"}]"#;
    let response = send(&app(empty().path()), upload("i", &tiny_png(), tasks)).await;
    let timing = response.headers()["server-timing"].to_str().unwrap();
    for stage in ["receive", "decode"] {
        assert!(timing.contains(&format!("{stage};dur=")), "{timing}");
    }
}

#[tokio::test]
async fn operations_are_listed_with_their_state() {
    let (status, body) = ask(&app(empty().path()), get("/available_operations/")).await;
    assert_eq!(status, 200);
    let operations = body["operations"].as_object().unwrap();
    assert_eq!(
        operations.keys().collect::<Vec<_>>(),
        [
            "detect_bounding_box",
            "embed_clip_vit_b_32",
            "embed_dino_v2",
            "classify",
            "describe_image"
        ],
        "only what exists"
    );
    let detect = &operations["detect_bounding_box"];
    assert_eq!(
        detect["description"],
        "Detects a bounding box for a specified target."
    );
    assert_eq!(
        detect["allowed_targets"],
        json!(["prominent_person", "prominent_face"])
    );
    assert_eq!(detect["default_target"], "prominent_person");
    assert_eq!(detect["state"], "unavailable");
    assert!(detect["reason"].as_str().unwrap().contains(".pth"));
    assert_eq!(detect["model"], "Faster R-CNN ResNet-50 FPN, MTCNN");
    assert_eq!(detect.get("dims"), None);

    let clip = &operations["embed_clip_vit_b_32"];
    assert_eq!(
        clip["description"],
        "Generates an embedding using the CLIP ViT-B/32 model."
    );
    assert_eq!(
        (&clip["model"], &clip["dims"]),
        (&json!("CLIP ViT-B/32"), &json!(512))
    );
    let dinov2 = &operations["embed_dino_v2"];
    assert_eq!(
        (&dinov2["model"], &dinov2["dims"]),
        (&json!("DINOv2 ViT-B/14"), &json!(768))
    );
    for embedding in [clip, dinov2] {
        assert_eq!(
            embedding["allowed_targets"],
            json!(["whole_image", "prominent_person", "prominent_face"])
        );
        assert_eq!(embedding["default_target"], "whole_image");
        assert_eq!(embedding["state"], "unavailable");
        assert_eq!(
            embedding.get("untrained"),
            None,
            "nothing is known of weights that are not there"
        );
    }
}

/// As on a machine that reaches package registries only.
#[tokio::test]
async fn with_mtcnn_alone_it_is_said_of_each_target_whether_it_answers() {
    let app = app(&asset("weights"));
    let (status, ready) = ask(&app, get("/ready")).await;
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    let (_, listed) = ask(&app, get("/available_operations/")).await;
    for operations in [&ready["operations"], &listed["operations"]] {
        let detect = &operations["detect_bounding_box"];
        assert_eq!(detect["state"], "unavailable", "of the default target");
        let rows = |operation: &str| {
            let rows = operations[operation]["targets"].as_array().unwrap();
            let row = |row: &Value| {
                let missing = row["reason"].as_str().unwrap_or_default();
                let missing = missing.matches("image-embed models pull").count();
                json!([
                    row["target"],
                    row["face_context"],
                    row["models"],
                    row["state"],
                    missing
                ])
            };
            rows.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(
            rows("detect_bounding_box"),
            [
                json!([
                    "prominent_person",
                    null,
                    ["fasterrcnn-resnet50-fpn"],
                    "unavailable",
                    1
                ]),
                json!([
                    "prominent_face",
                    "prominent_person",
                    ["fasterrcnn-resnet50-fpn", "mtcnn"],
                    "unavailable",
                    1
                ]),
                json!(["prominent_face", "whole_image", ["mtcnn"], "on_demand", 0]),
            ]
        );
        assert_eq!(
            rows("embed_dino_v2"),
            [
                json!(["whole_image", null, ["dinov2-vit-b-14"], "unavailable", 1]),
                json!([
                    "prominent_person",
                    null,
                    ["fasterrcnn-resnet50-fpn", "dinov2-vit-b-14"],
                    "unavailable",
                    2
                ]),
                json!([
                    "prominent_face",
                    "prominent_person",
                    ["fasterrcnn-resnet50-fpn", "mtcnn", "dinov2-vit-b-14"],
                    "unavailable",
                    2
                ]),
                json!([
                    "prominent_face",
                    "whole_image",
                    ["mtcnn", "dinov2-vit-b-14"],
                    "unavailable",
                    1
                ]),
            ]
        );
    }
}

#[tokio::test]
async fn health_is_not_readiness() {
    let app = app(empty().path());
    let (status, body) = ask(&app, get("/health")).await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")));
    let (status, body) = ask(&app, get("/ready")).await;
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert_eq!(
        body["operations"]["detect_bounding_box"]["state"],
        "unavailable"
    );
}

#[tokio::test]
async fn the_documentation_is_served_without_outside_assets() {
    let app = app(empty().path());
    let (_, document) = ask(&app, get("/openapi.json")).await;
    let paths: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        paths,
        [
            "/analyze_image/",
            "/analyze_image_upload/",
            "/available_operations/",
            "/classifiers/",
            "/health",
            "/metrics",
            "/ready"
        ]
    );
    for path in [
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-initializer.js",
    ] {
        let response = send(&app, get(path)).await;
        assert_eq!(response.status(), 200, "{path}");
        let text = String::from_utf8_lossy(response.body()).into_owned();
        for tag in ["src=\"http", "href=\"http", "src=\"//", "@import url(http"] {
            assert!(
                path.ends_with(".js") || !text.contains(tag),
                "{path} loads from outside: {tag}"
            );
        }
    }
}

/// The whole document as a reviewed file: a change of the API cannot slip through.
/// `UPDATE_OPENAPI=1 cargo test` writes it anew.
#[tokio::test]
async fn the_openapi_document_is_the_reviewed_one() {
    let (_, document) = ask(&app(empty().path()), get("/openapi.json")).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(
            path,
            serde_json::to_string_pretty(&document).unwrap() + "\n",
        )
        .unwrap();
    }
    let reviewed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(
        document == reviewed,
        "the API has changed; run with UPDATE_OPENAPI=1 and review docs/openapi.json"
    );
}
