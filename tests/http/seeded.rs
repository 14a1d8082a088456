//! Full-size models through the real API: Faster R-CNN, CLIP and DINOv2 on seeded weights, MTCNN on its real ones; BLIP in a
//! tiny size, as its own has two gigabytes.

use std::path::Path;

use axum::Router;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use imaging::{ExifOrientation, Filter, Limits, RgbImage};
use serde_json::{Value, json};
use weights::{Silent, catalog, seed};

use crate::support::{app_with_classifiers, ask, asset, get, send, upload};
use crate::{classify, tiny_blip};

/// One test, because the models are more than a gigabyte to write and to read, and the slow ones are asked once.
#[tokio::test]
async fn images_persons_and_faces_are_found_and_become_vectors() {
    let weights = tempfile::tempdir().unwrap();
    put_weights(weights.path());
    let classifiers = tempfile::tempdir().unwrap();
    let app = app_with_classifiers(weights.path(), classifiers.path());
    let photograph = std::fs::read(asset("photographs/astronaut.png")).unwrap();
    let crowd = crowd(&decode(&photograph));
    persons(&app, &crowd).await;
    let crowd = imaging::encode_png(&crowd).unwrap();
    classify::images_persons_and_faces(&app, classifiers.path(), &crowd).await;
    images_and_faces(&app, &photograph).await;
    states(&app).await;
}

/// Where a seeded detector sees persons means nothing; that all is about the same box does.
async fn persons(app: &Router, crowd: &RgbImage) {
    let file = imaging::encode_png(crowd).unwrap();
    let (untrained, results) = analyze(app, &file, PERSON).await;
    assert_eq!(
        untrained.as_deref(),
        Some("fasterrcnn-resnet50-fpn, clip-vit-b-32, blip-image-captioning-large")
    );
    for id in [
        "box",
        "list",
        "face",
        "faces",
        "vector",
        "vector of face",
        "words",
        "words of person",
        "words of face",
    ] {
        assert_eq!(results[id]["status"], "success", "{id}: {}", results[id]);
    }
    let bbox = integers(&results["box"]["data"]);
    let list = results["list"]["data"].as_array().unwrap();
    assert!((1..=3).contains(&list.len()));
    let scores = list.iter().map(|person| person["score"].as_f64().unwrap());
    assert!(scores.is_sorted_by(|a, b| a >= b));
    assert!(list.iter().all(|person| person.get("landmarks").is_none()));
    let best = floats(&list[0]["bbox"]).map(|side| (side as i32).clamp(0, CROWD as i32));
    assert_eq!(best, bbox);

    let crop = imaging::crop(crowd, bbox, &Limits::default()).unwrap();
    assert_eq!(integers(&results["vector"]["cropped_image_bbox"]), bbox);
    assert_eq!(cropped(&results["vector"]), crop);

    // The person sent as an image of its own has the same vector, and the same face, but for where it lies.
    let (_, alone) = analyze(app, &imaging::encode_png(&crop).unwrap(), ALONE).await;
    assert_eq!(alone["clip-vit-b-32"]["data"], results["vector"]["data"]);
    let [x, y, ..] = bbox.map(|side| side as f32);
    let (found, here) = (&alone["faces"]["data"][0], &results["faces"]["data"][0]);
    let [x0, y0, x1, y1] = floats(&found["bbox"]);
    let moved = [x0 + x, y0 + y, x1 + x, y1 + y];
    assert_eq!(floats(&here["bbox"]), moved);
    assert_eq!(here["score"], found["score"]);
    for (here, found) in std::iter::zip(points(here), points(found)) {
        assert_eq!(here, [found[0] + x, found[1] + y]);
    }
    // A description shows the crop that it is of, and is of nothing else.
    assert_eq!(alone["words"]["data"], results["words of person"]["data"]);
    assert_ne!(results["words"]["data"], results["words of person"]["data"]);
    assert!(results["words"]["data"].as_str().unwrap().contains(' '));
    assert_eq!(results["words"]["cropped_image_bbox"], json!(null));
    assert_eq!(
        integers(&results["words of person"]["cropped_image_bbox"]),
        bbox
    );
    assert_eq!(
        results["words of face"]["cropped_image_base64"],
        results["vector of face"]["cropped_image_base64"]
    );
    assert_eq!(results["long"]["status"], "skipped");
    assert_eq!(
        results["long"]["error_message"],
        "max_length must be an integer of at least 1, not 0"
    );
    let truncated = moved.map(|side| side as i32);
    assert_eq!(integers(&results["face"]["data"]), truncated);
    let shown = &results["vector of face"]["cropped_image_bbox"];
    assert_eq!(integers(shown), truncated);
}

/// Sides of a crowd, in pixels.
const CROWD: u32 = 1600;

/// One small face after the other, so that there is one wherever a seeded detector sees a person.
fn crowd(photograph: &RgbImage) -> RgbImage {
    let face = imaging::crop(photograph, [160, 40, 290, 200], &Limits::default()).unwrap();
    let (width, height) = (65, 80);
    let face = imaging::resize(&face, width, height, Filter::Bicubic).unwrap();
    let row = |y: u32| {
        let row = face.row(y % height).iter().copied().cycle();
        row.take(CROWD as usize * 3)
    };
    let pixels = (0..CROWD).flat_map(row).collect();
    RgbImage::from_raw(CROWD, CROWD, pixels).unwrap()
}

async fn images_and_faces(app: &Router, photograph: &[u8]) {
    let (untrained, results) = analyze(app, photograph, TASKS).await;
    assert_eq!(untrained.as_deref(), Some("clip-vit-b-32, dinov2-vit-b-14"));
    for (id, dims) in [("clip-vit-b-32", 512), ("face", 512), ("dino", 768)] {
        assert_eq!(results[id]["status"], "success", "{}", results[id]);
        assert_eq!(vector(&results[id]).len(), dims);
    }
    assert_ne!(results["clip-vit-b-32"]["data"], results["face"]["data"]);

    // A wish about the form of a vector changes its form, and nothing else.
    let plain = vector(&results["clip-vit-b-32"]);
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
    for id in ["clip-vit-b-32", "dino", "unit", "packed"] {
        assert_eq!(results[id]["cropped_image_bbox"], json!(null));
        assert_eq!(results[id]["cropped_image_base64"], json!(null));
    }
    let whole = decode(photograph);
    let crop = imaging::crop(&whole, [181, 62, 267, 172], &Limits::default()).unwrap();
    assert_eq!(
        results["face"]["cropped_image_bbox"],
        results["box"]["data"]
    );
    assert_eq!(cropped(&results["face"]), crop);

    // The crop sent as an image of its own gives the vector of the face.
    let (_, of_crop) = analyze(app, &imaging::encode_png(&crop).unwrap(), CLIP).await;
    assert_eq!(of_crop["clip-vit-b-32"]["data"], results["face"]["data"]);

    // Only what a request needed is named.
    let (untrained, _) = analyze(app, photograph, BOX).await;
    assert_eq!(untrained, None);
}

/// All is in memory now, and only a face in the whole image is found by numbers that somebody trained.
async fn states(app: &Router) {
    let (_, body) = ask(app, get("/available_operations/")).await;
    for operation in [
        "detect_bounding_box",
        "embed_clip_vit_b_32",
        "embed_dino_v2",
        "classify",
        "describe_image",
    ] {
        let operation = &body["operations"][operation];
        assert_eq!(operation["state"], "ready");
        assert_eq!(operation["untrained"], true);
        for target in operation["targets"].as_array().unwrap() {
            assert_eq!(target["state"], "ready");
            let trained = target["models"] == json!(["mtcnn"]);
            assert_eq!(target.get("untrained").is_none(), trained, "{target}");
        }
    }
}

const BOX: &str = r#"[{"operation_id":"box","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}]"#;

const PERSON: &str = r#"[
    {"operation_id":"box","type":"detect_bounding_box"},
    {"operation_id":"list","type":"detect_bounding_box","params":{"max_detections":3}},
    {"operation_id":"face","type":"detect_bounding_box","params":{"target":"prominent_face"}},
    {"operation_id":"faces","type":"detect_bounding_box","params":{"target":"prominent_face","max_detections":1}},
    {"operation_id":"vector","type":"embed_clip_vit_b_32","params":{"target":"prominent_person"}},
    {"operation_id":"vector of face","type":"embed_clip_vit_b_32","params":{"target":"prominent_face"}},
    {"operation_id":"words","type":"describe_image"},
    {"operation_id":"words of person","type":"describe_image","params":{"target":"prominent_person"}},
    {"operation_id":"words of face","type":"describe_image","params":{"target":"prominent_face"}},
    {"operation_id":"long","type":"describe_image","params":{"max_length":0}}
]"#;

const ALONE: &str = r#"[
    {"operation_id":"clip-vit-b-32","type":"embed_clip_vit_b_32"},
    {"operation_id":"words","type":"describe_image"},
    {"operation_id":"faces","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image","max_detections":1}}
]"#;

const CLIP: &str = r#"[{"operation_id":"clip-vit-b-32","type":"embed_clip_vit_b_32"}]"#;

const TASKS: &str = r#"[
    {"operation_id":"clip-vit-b-32","type":"embed_clip_vit_b_32"},
    {"operation_id":"dino","type":"embed_dino_v2","params":{"target":"whole_image"}},
    {"operation_id":"unit","type":"embed_clip_vit_b_32","params":{"normalize":true}},
    {"operation_id":"packed","type":"embed_clip_vit_b_32","params":{"encoding":"base64"}},
    {"operation_id":"face","type":"embed_clip_vit_b_32","params":{"target":"prominent_face","face_context":"whole_image"}},
    {"operation_id":"box","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}
]"#;

fn put_weights(dir: &Path) {
    for (model, number) in [
        // Of the first few seeds the one whose boxes are large enough for a face.
        ("fasterrcnn-resnet50-fpn", 1),
        ("clip-vit-b-32", 0),
        ("dinov2-vit-b-14", 0),
    ] {
        for file in catalog::find(model).unwrap().files {
            seed::write(dir, file, number, &Silent).unwrap();
        }
    }
    tiny_blip::write(dir);
    for file in catalog::find("mtcnn").unwrap().files {
        let path = dir.join(file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(asset("weights").join(file.path), path).unwrap();
    }
}

/// The header that names untrained models, and the results.
pub(crate) async fn analyze(app: &Router, image: &[u8], tasks: &str) -> (Option<String>, Value) {
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

fn floats(bbox: &Value) -> [f32; 4] {
    serde_json::from_value(bbox.clone()).unwrap()
}

fn integers(bbox: &Value) -> [i32; 4] {
    serde_json::from_value(bbox.clone()).unwrap()
}

fn points(face: &Value) -> [[f32; 2]; 5] {
    serde_json::from_value(face["landmarks"].clone()).unwrap()
}

/// The crop that a result shows.
fn cropped(result: &Value) -> RgbImage {
    let png = result["cropped_image_base64"].as_str().unwrap();
    decode(&BASE64_STANDARD.decode(png).unwrap())
}

fn decode(file: &[u8]) -> RgbImage {
    imaging::decode(file, &Limits::default(), ExifOrientation::Ignore).unwrap()
}
