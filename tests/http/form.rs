//! Forms, as Starlette and FastAPI take them.

use axum::body::Body;
use axum::http::Request;
use image_embed::fetch::FetchPolicy;
use image_embed::http::HttpLimits;

use crate::support::{app, app_with, ask, empty, form, limits, part, refusal, tiny_png, upload};

const TASKS: &[u8] = br#"[{"operation_id":"a","type":"nope"}]"#;

fn image(disposition: &str) -> Vec<u8> {
    part(disposition, &tiny_png())
}

fn tasks() -> Vec<u8> {
    part("name=\"tasks_json\"", TASKS)
}

/// A body of this content type, sent to the upload route.
fn post(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/analyze_image_upload/")
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn a_file_s_name_is_the_one_that_starlette_finds() {
    let app = app(empty().path());
    for (disposition, name) in [
        ("name=\"image_file\"; filename=\"a.png\"", "a.png"),
        (
            "filename=\"my name.png\"; name=\"image_file\"",
            "my name.png",
        ),
        ("NAME=image_file; FileName=a.png", "a.png"),
        (
            "name=\"image_file\"; filename*=UTF-8''%C3%A9.png; filename=\"e.png\"",
            "e.png",
        ),
        (
            "name=\"image_file\"; filename=\"C:\\Users\\me\\a.png\"",
            "a.png",
        ),
        (
            "name=\"image_file\"; filename=\"a\\\"b; c.png\"",
            "a\"b; c.png",
        ),
        ("name=\"image_file\"; filename=\"/tmp/a.png\"", "/tmp/a.png"),
        ("name=\"image_file\"; filename=\"照片 é.png\"", "照片 é.png"),
        ("name=\"image_file\"; filename=\"\"", ""),
    ] {
        let (status, body) = ask(&app, form(&[image(disposition), tasks()])).await;
        assert_eq!(status, 200, "{disposition}: {body}");
        assert_eq!(
            body["image_url"],
            format!("uploaded:{name}"),
            "{disposition}"
        );
    }
    let mut latin_1 = b"--XX\r\nContent-Disposition: form-data; name=\"image_file\"; filename=\"\xe9t\xe9.png\"\r\n\r\n".to_vec();
    latin_1.extend(tiny_png());
    latin_1.extend(b"\r\n");
    let (_, body) = ask(&app, form(&[latin_1, tasks()])).await;
    assert_eq!(body["image_url"], "uploaded:été.png");
}

#[tokio::test]
async fn of_two_fields_with_one_name_the_last_counts() {
    let app = app(empty().path());
    let broken = part("name=\"image_file\"; filename=\"first.png\"", b"no image");
    let parts = [
        broken,
        part("name=\"tasks_json\"", b"no json"),
        image("name=\"image_file\"; filename=\"last.png\""),
        part("name=\"note\"; filename=\"n\"", b"nobody reads this"),
        tasks(),
    ];
    let (status, body) = ask(&app, form(&parts)).await;
    assert_eq!(
        (status, &body["image_url"]),
        (200, &"uploaded:last.png".into())
    );
    assert_eq!(body["results"]["a"]["status"], "skipped");
}

#[tokio::test]
async fn a_form_without_its_fields_is_400_and_names_them() {
    let app = app(empty().path());
    let cut_off = [
        &image("name=\"image_file\"; filename=\"a\"")[..],
        b"--XX\r\nContent-Disposition: form-data; name=\"tasks_json\"\r\n\r\n[]",
    ]
    .concat();
    for (request, said) in [
        (
            form(&[part("name=\"image_file\"; filename=\"\"", b""), tasks()]),
            "image_file: form field required",
        ),
        (
            form(&[
                image("name=\"image_file\"; filename=\"a\""),
                part("name=\"tasks_json\"", b""),
            ]),
            "tasks_json: form field required",
        ),
        (
            post("multipart/form-data; boundary=XX", cut_off),
            "tasks_json: form field required; the form has no last boundary",
        ),
        (
            post("multipart/form-data; boundary=YY", "--XX\r\n"),
            "the form could not be read: the body does not begin with the boundary that the content type names",
        ),
        (
            post("multipart/form-data", "--XX\r\n"),
            "the form could not be read: the content type multipart/form-data names no boundary",
        ),
        (
            post(
                "application/x-www-form-urlencoded",
                "image_file=a&tasks_json=[]",
            ),
            "the form could not be read: application/x-www-form-urlencoded cannot carry a file",
        ),
        (
            post("text/plain", ""),
            "the form could not be read: the content type is not multipart/form-data",
        ),
    ] {
        let (status, detail) = refusal(&app, request).await;
        assert_eq!(status, 400, "{detail}");
        assert!(
            detail.starts_with(said),
            "{detail:?} should start with {said:?}"
        );
    }
}

#[tokio::test]
async fn boundaries_that_break_the_grammar_are_found() {
    let app = app(empty().path());
    let mut body = [image("name=\"image_file\"; filename=\"a\""), tasks()].concat();
    body.extend(b"--XX--");
    let body = String::from_utf8_lossy(&body).into_owned();
    // The image does not survive being text, and that it is refused as an image shows that the form was read.
    for (boundary, content_type) in [
        ("===1==", "multipart/form-data; boundary====1=="),
        ("b/Q:e", "multipart/form-data; boundary=b/Q:e"),
        (
            "b/Q:e",
            "Multipart/Form-Data ; charset=utf-8 ; BOUNDARY=\"b/Q:e\"",
        ),
        (
            &"y".repeat(200),
            &format!("multipart/form-data; boundary={}", "y".repeat(200)),
        ),
    ] {
        let body = body.replace("--XX", &format!("--{boundary}"));
        let (status, detail) = refusal(&app, post(content_type, body)).await;
        assert_eq!(status, 400);
        assert!(
            detail.starts_with("Could not process image: "),
            "{content_type}: {detail}"
        );
    }
}

#[tokio::test]
async fn a_form_is_refused_where_it_is_over_a_limit() {
    let limits = HttpLimits {
        max_image_bytes: 1000,
        ..limits()
    };
    let app = app_with(empty().path(), FetchPolicy::default(), limits);
    let passed_over = part("name=\"note\"", &vec![b'x'; 8 << 20]);
    let (status, detail) = refusal(&app, form(&[passed_over])).await;
    let said = "the form is larger than the 6292456 bytes that are accepted (--max-image-bytes)";
    assert_eq!((status, &detail[..]), (413, said));
    let mut said_in_advance = form(&[]);
    let length = "6292457".parse().unwrap();
    said_in_advance
        .headers_mut()
        .insert("content-length", length);
    let (status, detail) = refusal(&app, said_in_advance).await;
    assert_eq!((status, &detail[..]), (413, said));
    let (status, detail) = refusal(&app, upload("i", &[0; 1001], "[]")).await;
    assert_eq!(status, 413, "{detail}");
    let endless = format!("--XX\r\nX: {}", "x".repeat(100_000));
    let (status, detail) = refusal(&app, post("multipart/form-data; boundary=XX", endless)).await;
    assert_eq!(status, 400);
    assert!(
        detail.contains("the headers of part 1 have more than 33792 bytes"),
        "{detail}"
    );
}
