//! EXIF orientation: ignored by default, applied where the request says so, and told where it was not.

use axum::body::Body;
use axum::http::Request;

use crate::support::{app, empty, form, part, refusal, send};

/// A PNG of 2 by 1 pixels that is to be turned a quarter, as its `eXIf` chunk says.
fn turned_png() -> Vec<u8> {
    let mut png = crate::support::tiny_png();
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut chunk = (exif.len() as u32).to_be_bytes().to_vec();
    let body = [b"eXIf", &exif[..]].concat();
    chunk.extend(&body);
    chunk.extend(crate::hostile::crc32(&body).to_be_bytes());
    // After the signature and the header.
    png.splice(33..33, chunk);
    png
}

fn upload(orientation: Option<&str>) -> Request<Body> {
    let mut parts = vec![
        part("name=\"image_file\"; filename=\"i.png\"", &turned_png()),
        part("name=\"tasks_json\"", b"[]"),
    ];
    parts.extend(orientation.map(|it| part("name=\"exif_orientation\"", it.as_bytes())));
    form(&parts)
}

#[tokio::test]
async fn an_orientation_that_is_not_applied_is_told() {
    let app = app(empty().path());
    for (orientation, told) in [
        (None, Some("ignored; 6")),
        (Some(""), Some("ignored; 6")),
        (Some("ignore"), Some("ignored; 6")),
        (Some("apply"), None),
    ] {
        let response = send(&app, upload(orientation)).await;
        assert_eq!(response.status(), 200, "{orientation:?}");
        let header = response.headers().get("x-exif-orientation");
        assert_eq!(
            header.map(|value| value.to_str().unwrap()),
            told,
            "{orientation:?}"
        );
    }
    let upright = crate::support::upload("i", &crate::support::tiny_png(), "[]");
    let response = send(&app, upright).await;
    assert!(!response.headers().contains_key("x-exif-orientation"));
    let (status, detail) = refusal(&app, upload(Some("turn"))).await;
    let said = "exif_orientation: must be \"apply\" or \"ignore\", not \"turn\"";
    assert_eq!((status, &detail[..]), (400, said));
    let (status, _) = refusal(&app, upload(Some(&"x".repeat(1000)))).await;
    assert_eq!(status, 413);
}
