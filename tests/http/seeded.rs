//! Full-size models through the real API: CLIP and DINOv2 on seeded weights, MTCNN on its real ones.

use std::path::Path;

use axum::Router;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use imaging::{ExifOrientation, Limits};
use serde_json::{Value, json};
use weights::{Silent, catalog, seed};

use crate::support::{app, ask, asset, get, send, upload};

/// One test, because the models are a gigabyte to write and to read, and DINOv2 is asked once.
#[tokio::test]
async fn images_and_faces_become_vectors() {
    let weights = tempfile::tempdir().unwrap();
    put_weights(weights.path());
    let app = app(weights.path());
    let photograph = std::fs::read(asset("photographs/astronaut.png")).unwrap();

    let (untrained, results) = analyze(&app, &photograph, TASKS).await;
    assert_eq!(untrained.as_deref(), Some("clip, dinov2"));
    for (id, dims) in [("clip", 512), ("face", 512), ("dino", 768)] {
        assert_eq!(results[id]["status"], "success", "{}", results[id]);
        assert_eq!(vector(&results[id]).len(), dims);
    }
    assert_ne!(results["clip"]["data"], results["face"]["data"]);

    // A wish about the form of a vector changes its form, and nothing else.
    let plain = vector(&results["clip"]);
    let length = plain.iter().map(|x| x * x).sum::<f64>().sqrt();
    for (unit, plain) in vector(&results["unit"]).iter().zip(&plain) {
        assert!((unit - plain / length).abs() < 1e-6, "{unit} {plain}");
    }
    let packed = BASE64_STANDARD
        .decode(results["packed"]["data"].as_str().unwrap())
        .unwrap();
    let (floats, []) = packed.as_chunks::<4>() else {
        panic!("{} bytes", packed.len());
    };
    let unpacked = floats.iter().map(|&bytes| f32::from_le_bytes(bytes));
    assert!(unpacked.eq(plain.iter().map(|&x| x as f32)));

    // Whole images come without a crop, faces with the box that detection gives and the pixels inside it.
    assert_eq!(results["box"]["data"], json!([181, 62, 267, 172]));
    for id in ["clip", "dino", "unit", "packed"] {
        assert_eq!(results[id]["cropped_image_bbox"], json!(null));
        assert_eq!(results[id]["cropped_image_base64"], json!(null));
    }
    let whole = decode(&photograph);
    let crop = imaging::crop(&whole, [181, 62, 267, 172], &Limits::default()).unwrap();
    assert_eq!(
        results["face"]["cropped_image_bbox"],
        results["box"]["data"]
    );
    let png = results["face"]["cropped_image_base64"].as_str().unwrap();
    assert_eq!(decode(&BASE64_STANDARD.decode(png).unwrap()), crop);

    // The crop sent as an image of its own gives the vector of the face.
    let (_, of_crop) = analyze(&app, &imaging::encode_png(&crop).unwrap(), CLIP).await;
    assert_eq!(of_crop["clip"]["data"], results["face"]["data"]);

    // Only what a request needed is named.
    let (untrained, _) = analyze(&app, &photograph, BOX).await;
    assert_eq!(untrained, None);
    let (_, body) = ask(&app, get("/available_operations/")).await;
    for (operation, untrained) in [
        ("detect_bounding_box", None),
        ("embed_clip_vit_b_32", Some(&json!(true))),
        ("embed_dino_v2", Some(&json!(true))),
    ] {
        let operation = &body["operations"][operation];
        assert_eq!(operation["state"], "ready");
        assert_eq!(operation.get("untrained"), untrained);
    }
}

const BOX: &str = r#"[{"operation_id":"box","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}]"#;

const CLIP: &str = r#"[{"operation_id":"clip","type":"embed_clip_vit_b_32"}]"#;

const TASKS: &str = r#"[
    {"operation_id":"clip","type":"embed_clip_vit_b_32"},
    {"operation_id":"dino","type":"embed_dino_v2","params":{"target":"whole_image"}},
    {"operation_id":"unit","type":"embed_clip_vit_b_32","params":{"normalize":true}},
    {"operation_id":"packed","type":"embed_clip_vit_b_32","params":{"encoding":"base64"}},
    {"operation_id":"face","type":"embed_clip_vit_b_32","params":{"target":"prominent_face","face_context":"whole_image"}},
    {"operation_id":"box","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}
]"#;

fn put_weights(dir: &Path) {
    for model in ["clip-vit-b-32", "dinov2-vit-b-14"] {
        for file in catalog::find(model).unwrap().files {
            seed::write(dir, file, 0, &Silent).unwrap();
        }
    }
    for file in catalog::find("mtcnn").unwrap().files {
        let path = dir.join(file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(asset("weights").join(file.path), path).unwrap();
    }
}

/// The header that names untrained models, and the results.
async fn analyze(app: &Router, image: &[u8], tasks: &str) -> (Option<String>, Value) {
    let response = send(app, upload("i.png", image, tasks)).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(response.status(), 200, "{body}");
    let header = response.headers().get("x-untrained-models");
    let header = header.map(|names| names.to_str().unwrap().to_owned());
    (header, body["results"].clone())
}

fn vector(result: &Value) -> Vec<f64> {
    let values = result["data"].as_array().unwrap().iter();
    values.map(|x| x.as_f64().unwrap()).collect()
}

fn decode(file: &[u8]) -> imaging::RgbImage {
    imaging::decode(file, &Limits::default(), ExifOrientation::Ignore).unwrap()
}
