//! The API's contract, in this process and without weights.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use hyper::body::Frame;
use image_embed::fetch::FetchPolicy;
use image_embed::http::HttpLimits;
use serde_json::json;

use crate::support::{
    app, app_with, ask, empty, form, get, limits, part, post_json, refusal, send, tiny_png, upload,
};

#[tokio::test]
async fn each_result_has_exactly_the_contract_s_keys() {
    let (status, body) = ask(
        &app(empty().path()),
        upload(
            "a b.png",
            &tiny_png(),
            r#"[{"operation_id":"x","type":"nope"}]"#,
        ),
    )
    .await;
    assert_eq!(status, 200);
    let expected = json!({
        "image_url": "uploaded:a b.png",
        "results": {
            "x": {
                "status": "skipped",
                "data": null,
                "cropped_image_bbox": null,
                "cropped_image_base64": null,
                "error_message": "operation type 'nope' is not supported"
            }
        }
    });
    assert_eq!(
        body.to_string(),
        expected.to_string(),
        "the order of keys is part of it"
    );
}

#[tokio::test]
async fn results_come_in_the_order_of_the_tasks() {
    let tasks = r#"[{"operation_id":"z","type":"x"},{"operation_id":"a","type":"x"},{"operation_id":"m","type":"x"}]"#;
    let (_, body) = ask(&app(empty().path()), upload("i", &tiny_png(), tasks)).await;
    let ids: Vec<_> = body["results"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["z", "a", "m"]);
    let (status, body) = ask(&app(empty().path()), upload("i", &tiny_png(), "[]")).await;
    assert_eq!((status, &body["results"]), (200, &json!({})));
}

#[tokio::test]
async fn an_operation_without_weights_says_how_to_get_them_and_the_others_answer() {
    let tasks = r#"[
        {"operation_id":"face","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}},
        {"operation_id":"person","type":"detect_bounding_box"},
        {"operation_id":"face of person","type":"embed_dino_v2","params":{"target":"prominent_face"}},
        {"operation_id":"clip","type":"embed_clip_vit_b_32"},
        {"operation_id":"clip of person","type":"embed_clip_vit_b_32","params":{"target":"prominent_person"}},
        {"operation_id":"dino","type":"embed_dino_v2"},
        {"operation_id":"other","type":"nope"}
    ]"#;
    let (status, body) = ask(&app(empty().path()), upload("i.png", &tiny_png(), tasks)).await;
    assert_eq!(status, 200);
    let person = "torchvision/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth";
    let clip = "timm/vit_base_patch32_clip_224.openai/open_clip_model.safetensors";
    let dino = "timm/vit_base_patch14_dinov2.lvd142m/model.safetensors";
    for (id, file) in [
        ("face", "facenet-pytorch/pnet.pt"),
        ("person", person),
        ("face of person", person),
        ("clip", clip),
        ("clip of person", person),
        ("dino", dino),
    ] {
        assert_eq!(body["results"][id]["status"], "error", "{id}");
        let message = body["results"][id]["error_message"].as_str().unwrap();
        assert!(
            message.contains(file) && message.contains("image-embed models pull"),
            "{id}: {message}"
        );
        let other_way = message.contains("face_context 'whole_image'");
        assert_eq!(other_way, id == "face of person", "{id}: {message}");
    }
    assert_eq!(body["results"]["other"]["status"], "skipped");
}

#[tokio::test]
async fn what_a_task_must_not_ask_for_is_skipped_with_the_reason() {
    let tasks = r#"[
        {"operation_id":"target","type":"detect_bounding_box","params":{"target":"sky"}},
        {"operation_id":"number","type":"detect_bounding_box","params":{"target":3}},
        {"operation_id":"none","type":"detect_bounding_box","params":{"max_detections":0}},
        {"operation_id":"box of all","type":"detect_bounding_box","params":{"target":"whole_image"}},
        {"operation_id":"length","type":"embed_dino_v2","params":{"normalize":"l2"}},
        {"operation_id":"text","type":"embed_clip_vit_b_32","params":{"encoding":"hex"}}
    ]"#;
    let (_, body) = ask(&app(empty().path()), upload("i.png", &tiny_png(), tasks)).await;
    for (id, said) in [
        ("target", "target 'sky' is not one of"),
        ("number", "target must be a string, not 3"),
        (
            "none",
            "max_detections must be an integer of at least 1, not 0",
        ),
        (
            "box of all",
            "target 'whole_image' is not one of detect_bounding_box's targets (prominent_person, prominent_face)",
        ),
        ("length", "normalize must be true or false, not \"l2\""),
        ("text", "encoding 'hex' is neither 'float' nor 'base64'"),
    ] {
        let result = &body["results"][id];
        assert_eq!(result["status"], "skipped", "{id}");
        assert!(
            result["error_message"].as_str().unwrap().starts_with(said),
            "{id}: {result}"
        );
    }
}

#[tokio::test]
async fn paths_work_with_and_without_the_last_slash() {
    let app = app(empty().path());
    for path in ["/available_operations/", "/available_operations"] {
        assert_eq!(send(&app, get(path)).await.status(), 200, "{path}");
    }
    for path in [
        "/analyze_image",
        "/analyze_image/",
        "/analyze_image_upload",
        "/analyze_image_upload/",
    ] {
        let request = Request::post(path).header("content-type", "application/json");
        let (status, detail) = refusal(&app, request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(status, 400, "{path}: {detail}");
    }
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_have_a_detail() {
    let app = app(empty().path());
    assert_eq!(
        refusal(&app, get("/nope")).await,
        (404, "Not Found".to_owned())
    );
    assert_eq!(
        refusal(&app, get("/analyze_image/")).await,
        (405, "Method Not Allowed".to_owned())
    );
    let response = send(&app, get("/analyze_image_upload")).await;
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn malformed_requests_are_400_and_name_the_place() {
    let app = app(empty().path());
    let image = part("name=\"image_file\"; filename=\"i.png\"", &tiny_png());
    let tasks = part("name=\"tasks_json\"", b"[]");
    let cases: Vec<(Request<Body>, &str)> = vec![
        (post_json("{"), "EOF while parsing an object"),
        (post_json("[1]"), "must be an object, not a list"),
        (post_json(r#"{"tasks":[]}"#), "missing field `image_url`"),
        (
            post_json(r#"{"image_url":"x","tasks":{"a":1}}"#),
            "tasks: must be a list, not an object",
        ),
        (
            post_json(r#"{"image_url":"x","tasks":[{"operation_id":"a"}]}"#),
            "tasks[0]: missing field `type`",
        ),
        (
            upload("i", &tiny_png(), r#"{"a":1}"#),
            "tasks_json: must be a list, not an object",
        ),
        (
            upload("i", &tiny_png(), "nope"),
            "tasks_json: expected ident at line 1 column 2",
        ),
        (
            form(std::slice::from_ref(&tasks)),
            "image_file: form field required",
        ),
        (
            form(std::slice::from_ref(&image)),
            "tasks_json: form field required",
        ),
        (
            form(&[part("name=\"image_file\"", b"x"), tasks]),
            "image_file: must be a file",
        ),
    ];
    for (request, said) in cases {
        let (status, detail) = refusal(&app, request).await;
        assert_eq!(status, 400, "{detail}");
        assert!(
            detail.starts_with(said),
            "{detail:?} should start with {said:?}"
        );
    }
}

#[tokio::test]
async fn duplicate_operation_ids_are_400_on_both_routes() {
    let app = app(empty().path());
    let tasks = r#"[{"operation_id":"a","type":"x"},{"operation_id":"a","type":"y"}]"#;
    let said = "operation_id 'a' is used by more than one task";
    let (status, detail) = refusal(&app, upload("i", &tiny_png(), tasks)).await;
    assert_eq!(
        (status, detail.as_str()),
        (400, format!("tasks_json: {said}").as_str())
    );
    let (status, detail) = refusal(
        &app,
        post_json(format!(r#"{{"image_url":"http://x/","tasks":{tasks}}}"#)),
    )
    .await;
    assert_eq!((status, detail.as_str()), (400, said));
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_400_with_the_contract_s_words() {
    let app = app(empty().path());
    let (status, detail) = refusal(&app, upload("i.png", b"GIF? no", "[]")).await;
    assert_eq!(status, 400);
    assert!(detail.starts_with("Could not process image: "), "{detail}");
    let (status, detail) = refusal(
        &app,
        post_json(r#"{"image_url":"http://127.0.0.1:1/i.png","tasks":[]}"#),
    )
    .await;
    assert_eq!(status, 400);
    assert_eq!(
        detail,
        "Could not download image from URL: the address of '127.0.0.1' is not public, \
         and --fetch-allow (IMAGE_EMBED_FETCH_ALLOW) does not name it"
    );
}

#[tokio::test]
async fn bodies_over_the_limit_are_413() {
    let small = app_with(
        empty().path(),
        FetchPolicy::default(),
        HttpLimits {
            max_image_bytes: 100,
            ..limits()
        },
    );
    let (status, detail) = refusal(&small, upload("i", &[0; 101], "[]")).await;
    assert_eq!(
        (status, detail.as_str()),
        (
            413,
            "the image is larger than the 100 bytes that are accepted (--max-image-bytes)"
        )
    );
    let (status, detail) = refusal(&small, post_json(" ".repeat(3 << 20))).await;
    assert_eq!(
        (status, detail.as_str()),
        (
            413,
            "the body is larger than the 2097152 bytes that are accepted"
        )
    );
    let (status, _) = refusal(&small, upload("i", &tiny_png()[..50], &" ".repeat(3 << 20))).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_408_on_both_routes() {
    let body_idle_timeout = Duration::from_millis(50);
    let app = app_with(
        empty().path(),
        FetchPolicy::default(),
        HttpLimits {
            body_idle_timeout,
            ..limits()
        },
    );
    for mut request in [post_json(""), form(&[])] {
        *request.body_mut() = Body::new(StalledBody);
        let (status, detail) = refusal(&app, request).await;
        assert_eq!(
            (status, detail.as_str()),
            (408, "the rest of the body did not arrive in time")
        );
    }
}

/// Never sends anything, and never ends.
struct StalledBody;

impl HttpBody for StalledBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_415() {
    let mut request = post_json("{}");
    request.headers_mut().remove("content-type");
    let (status, detail) = refusal(&app(empty().path()), request).await;
    assert_eq!(
        (status, detail.as_str()),
        (
            415,
            "the body has no content type; send `content-type: application/json`"
        ),
        "a browser sends a Blob without asking"
    );
    let mut request = post_json("{}");
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    let (status, detail) = refusal(&app(empty().path()), request).await;
    assert_eq!(
        (status, detail.as_str()),
        (
            415,
            "the body's content type is 'text/plain', not application/json"
        )
    );
}

#[tokio::test]
async fn a_full_server_answers_429_and_says_when_to_come_back() {
    let full = app_with(
        empty().path(),
        FetchPolicy::default(),
        HttpLimits {
            max_in_flight: 0,
            ..limits()
        },
    );
    let response = send(&full, upload("i", &tiny_png(), "[]")).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        send(&full, get("/health")).await.status(),
        200,
        "looking costs nothing"
    );
}
