//! Real weights on a real photograph, through the real API.

use crate::support::{app, ask, asset, upload};
use axum::Router;
use serde_json::{Value, json};

const WHOLE_IMAGE: &str = r#"{"target":"prominent_face","face_context":"whole_image"}"#;

fn service() -> Router {
    asset("weights/facenet-pytorch/pnet.pt");
    app(&asset("weights"))
}

async fn detect(photograph: &str, params: &str) -> Value {
    let tasks =
        format!(r#"[{{"operation_id":"f","type":"detect_bounding_box","params":{params}}}]"#);
    let file = std::fs::read(asset(&format!("photographs/{photograph}"))).unwrap();
    let (status, body) = ask(&service(), upload(photograph, &file, &tasks)).await;
    assert_eq!(status, 200, "{body}");
    body["results"]["f"].clone()
}

#[tokio::test]
async fn the_astronaut_s_face_is_where_the_python_service_finds_it() {
    let result = detect("astronaut.png", WHOLE_IMAGE).await;
    assert_eq!(result["status"], "success", "{result}");
    assert_eq!(result["data"], json!([181, 62, 267, 172]));
}

/// Expected numbers: facenet-pytorch 2.6.0, `MTCNN(keep_all=True).detect(astronaut, landmarks=True)`.
#[tokio::test]
async fn max_detections_gives_boxes_scores_and_landmarks() {
    let params = WHOLE_IMAGE.replace('}', r#","max_detections":5}"#);
    let result = detect("astronaut.png", &params).await;
    let face = &result["data"][0];
    assert_near(
        &face["bbox"],
        &json!([181.05141, 62.15613, 267.74731, 172.05016]),
        0.01,
    );
    assert_near(&face["score"], &json!(0.9999977), 1e-4);
    assert_near(
        &face["landmarks"],
        &json!([
            [205.01091, 101.72745],
            [246.76257, 103.71408],
            [224.67137, 128.96500],
            [201.71611, 139.24615],
            [245.26549, 141.85701]
        ]),
        0.01,
    );
    assert_eq!(result["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_picture_without_a_face_is_a_success_without_data() {
    let result = detect("coffee.png", WHOLE_IMAGE).await;
    assert_eq!(
        (&result["status"], &result["data"]),
        (&json!("success"), &json!(null))
    );
    assert_eq!(result["error_message"], json!(null));
}

/// No encoder is needed to say that there is nothing to embed.
#[tokio::test]
async fn a_face_that_is_not_there_cannot_be_embedded() {
    let file = std::fs::read(asset("photographs/coffee.png")).unwrap();
    let tasks = ["embed_clip_vit_b_32", "embed_dino_v2"].map(|operation| {
        format!(
            r#"{{"operation_id":"{operation} 'x'","type":"{operation}","params":{WHOLE_IMAGE}}}"#
        )
    });
    let tasks = format!("[{}]", tasks.join(","));
    let (_, body) = ask(&service(), upload("coffee.png", &file, &tasks)).await;
    for operation in ["embed_clip_vit_b_32", "embed_dino_v2"] {
        let id = format!("{operation} 'x'");
        let expected = json!({
            "status": "skipped",
            "data": null,
            "cropped_image_bbox": null,
            "cropped_image_base64": null,
            "error_message": format!("No prominent face found for operation '{id}'.")
        });
        assert_eq!(body["results"][id], expected);
    }
}

fn assert_near(found: &Value, expected: &Value, tolerance: f64) {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len());
            found
                .iter()
                .zip(expected)
                .for_each(|(found, expected)| assert_near(found, expected, tolerance));
        }
        _ => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!(
                (found - expected).abs() <= tolerance,
                "{found} is not within {tolerance} of {expected}"
            );
        }
    }
}
