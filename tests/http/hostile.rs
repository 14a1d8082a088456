//! Hostile requests: each is answered 4xx, or as one task's status, and the service lives on.

use crate::support::{app, ask, asset, form, part, refusal, send, tiny_png, upload};
use axum::Router;
use axum::http::StatusCode;

fn service() -> Router {
    app(tempfile::tempdir().unwrap().path())
}

/// The image must be refused as the API's contract words it, and the next request must be served.
async fn refused(app: &Router, what: &str, file: &[u8]) -> String {
    let (status, detail) = refusal(app, upload("i", file, "[]")).await;
    assert_eq!(status, 400, "{what}: {detail}");
    assert!(
        detail.starts_with("Could not process image: "),
        "{what}: {detail}"
    );
    let alive = send(app, upload("i", &tiny_png(), "[]")).await;
    assert_eq!(alive.status(), StatusCode::OK, "after {what}");
    detail
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let app = service();
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend([0; 200]);
    for (what, file) in [
        ("nothing", &b""[..]),
        ("text", b"hello, this is text"),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>1</script></svg>"),
        ("html", b"<!doctype html><img src=x>"),
        ("zip", &zip),
        ("zeros", &[0; 5000]),
        ("pdf", b"%PDF-1.7\n"),
    ] {
        refused(&app, what, file).await;
    }
}

#[tokio::test]
async fn truncated_and_corrupt_photographs_are_refused_or_decoded_but_never_fatal() {
    let app = service();
    let png = std::fs::read(asset("photographs/coffee.png")).unwrap();
    let image = imaging::decode(
        &png,
        &imaging::Limits::default(),
        imaging::ExifOrientation::Ignore,
    )
    .unwrap();
    let mut jpeg = Vec::new();
    let small = imaging::resize(&image, 120, 80, imaging::Filter::Box).unwrap();
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .encode(small.pixels(), 120, 80, image::ExtendedColorType::Rgb8)
        .unwrap();
    for (what, file) in [("PNG", png), ("JPEG", jpeg)] {
        for kept in [4, 20, file.len() / 3, file.len() / 2, file.len() - 40] {
            refused(&app, &format!("{what} cut to {kept} bytes"), &file[..kept]).await;
        }
        for at in (0..file.len()).step_by(file.len() / 25) {
            let mut corrupt = file.clone();
            corrupt[at] ^= 0x55;
            let (status, body) = ask(&app, upload("i", &corrupt, "[]")).await;
            assert!(
                status == 200 || status == 400,
                "{what} with byte {at} flipped: {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_png_bomb_is_refused_by_its_header() {
    let mut bomb = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(40_000_u32.to_be_bytes());
    header.extend(40_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    bomb.extend(13_u32.to_be_bytes());
    bomb.extend(&header);
    bomb.extend(crc32(&header).to_be_bytes());
    let detail = refused(&service(), "bomb", &bomb).await;
    assert!(detail.contains("40000x40000"), "{detail}");
    assert!(detail.contains("--max-image-pixels"), "{detail}");
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[tokio::test]
async fn hostile_json_is_refused() {
    let app = service();
    let many: Vec<_> = (0..10_000)
        .map(|i| format!(r#"{{"operation_id":"{i}","type":"x"}}"#))
        .collect();
    let deep = format!(
        r#"[{{"operation_id":"a","type":"x","params":{{"p":{}{}}}}}]"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for (tasks, said) in [
        (
            format!("[{}]", many.join(",")),
            "tasks_json: 10000 tasks are more than the 256",
        ),
        (deep, "tasks_json: the JSON is nested more than 1000 deep"),
        ("[".repeat(100_000), "tasks_json: "),
        (
            r#"[{"operation_id":"a","type":"x"},{"operation_id":"a","type":"x"}]"#.to_owned(),
            "tasks_json: operation_id 'a'",
        ),
    ] {
        let (status, detail) = refusal(&app, upload("i", &tiny_png(), &tasks)).await;
        assert_eq!(status, 400, "{detail}");
        assert!(detail.starts_with(said), "{detail}");
        assert!(detail.len() < 1000, "{} bytes", detail.len());
    }
    let parts = [
        part("name=\"image_file\"; filename=\"i\"", &tiny_png()),
        part(
            "name=\"tasks_json\"",
            b"[{\"operation_id\":\"\xff\xfe\",\"type\":\"x\"}]",
        ),
    ];
    let (status, body) = ask(&app, form(&parts)).await;
    assert_eq!(status, 200);
    assert!(
        body["results"]["ÿþ"].is_object(),
        "what is no UTF-8 is Latin-1: {body}"
    );
}

#[tokio::test]
async fn broken_forms_are_refused() {
    let app = service();
    for body in [
        "",
        "--XX",
        "--XX\r\nContent-Disposition: form-data; name=\"image_file\"; filename=\"i\"\r\n\r\nhalf",
        "no form at all",
    ] {
        let mut request = form(&[]);
        *request.body_mut() = body.to_owned().into();
        let (status, detail) = refusal(&app, request).await;
        assert_eq!(status, 400, "{body:?}: {detail}");
    }
}

#[tokio::test]
async fn a_huge_parameter_or_name_is_one_task_s_problem() {
    let app = service();
    let long = "x".repeat(500_000);
    let tasks = format!(
        r#"[{{"operation_id":"a","type":"detect_bounding_box","params":{{"target":"{long}"}}}},{{"operation_id":"b","type":"{long}"}},{{"operation_id":"c","type":"embed_dino_v2","params":{{"encoding":"{long}"}}}}]"#
    );
    let (status, body) = ask(&app, upload("i", &tiny_png(), &tasks)).await;
    assert_eq!(status, 200);
    for id in ["a", "b", "c"] {
        assert_eq!(body["results"][id]["status"], "skipped");
        assert!(
            body["results"][id]["error_message"].as_str().unwrap().len() < 300,
            "an echo must not be long"
        );
    }
}

#[tokio::test]
async fn a_form_of_another_site_s_page_is_refused() {
    let app = service();
    let mut request = upload("i", &tiny_png(), "[]");
    let origin = "https://evil.example".parse().unwrap();
    request.headers_mut().insert("origin", origin);
    let (status, detail) = refusal(&app, request).await;
    assert_eq!(status, 403);
    assert!(detail.contains("https://evil.example"), "{detail}");
    assert!(detail.contains("--cors-origins"), "{detail}");
}
