//! `/classifiers/`, and `classify` where it cannot answer, without any weights.

use axum::Router;
use serde_json::{Value, json};

use crate::classify::{BOTH, CLIP, coefficients, publish};
use crate::support::{app, app_with_classifiers, ask, empty, get, tiny_png, upload};

async fn listed(app: &Router) -> Value {
    let (status, body) = ask(app, get("/classifiers/")).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_folder_that_is_not_there_yet_is_followed() {
    let folder = empty();
    let classifiers = folder.path().join("classifiers");
    let app = app_with_classifiers(folder.path(), &classifiers);
    let nothing = json!({ "classifiers": {}, "problem": null });
    assert_eq!(listed(&app).await, nothing);

    let (file, _) = publish(
        &classifiers,
        (15, 1),
        "prominent_face",
        BOTH,
        coefficients(1280),
    );
    let expected = json!({
        "model_file": file,
        "served_file": file,
        "version": "2025-11-01_000000",
        "derivative_type": "prominent_face",
        "embedding_type": BOTH,
        "embedding_models": [
            {"model": "clip-vit-b-32", "sha256": null, "assumed": true},
            {"model": "dinov2-vit-b-14", "sha256": null, "assumed": true}
        ],
        "exif_orientation_applied": null,
        "dimensionality": 1280,
        "metrics": {
            "macro_precision": 0.75, "macro_recall": 0.5, "macro_f1": 0.6, "accuracy": 0.7, "roc_auc": null
        },
        "problem": null
    });
    let body = listed(&app).await;
    assert_eq!(body["classifiers"], json!({ "15": expected }));
    let (status, same) = ask(&app, get("/classifiers")).await;
    assert_eq!((status, &same), (200, &body));
}

#[tokio::test]
async fn what_is_broken_is_told_and_the_rest_stays() {
    let folder = empty();
    let app = app_with_classifiers(folder.path(), folder.path());
    let (first, _) = publish(
        folder.path(),
        (3, 1),
        "whole_image",
        CLIP,
        coefficients(512),
    );
    publish(folder.path(), (4, 1), "hand", CLIP, coefficients(512));
    let body = listed(&app).await;
    assert_eq!(body["classifiers"]["3"]["problem"], Value::Null);
    let hand = body["classifiers"]["4"]["problem"].as_str().unwrap();
    assert!(hand.contains("derivative_type 'hand'"), "{hand}");

    let (second, _) = publish(
        folder.path(),
        (3, 2),
        "whole_image",
        CLIP,
        coefficients(512),
    );
    std::fs::write(folder.path().join(&second), b"torn").unwrap();
    let three = &listed(&app).await["classifiers"]["3"];
    assert_eq!(
        (&three["model_file"], &three["served_file"]),
        (&json!(second), &json!(first))
    );
    assert_eq!(three["version"], "2025-11-01_000000");
    assert!(
        three["problem"].as_str().unwrap().contains(&second),
        "{three}"
    );

    // Without anything that can be read, the file is listed all the same.
    let fresh = app_with_classifiers(folder.path(), folder.path());
    let copy = "collection_3_compatible_classifier.safetensors";
    assert_eq!(
        listed(&fresh).await["classifiers"]["3"]["served_file"],
        copy
    );
    std::fs::write(folder.path().join(copy), b"torn").unwrap();
    let fresh = app_with_classifiers(folder.path(), folder.path());
    let three = &listed(&fresh).await["classifiers"]["3"];
    for unknown in [
        "served_file",
        "version",
        "derivative_type",
        "embedding_type",
        "embedding_models",
        "dimensionality",
    ] {
        assert_eq!(three[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(three["model_file"], second);

    std::fs::write(folder.path().join("best_models.json"), b"{").unwrap();
    let body = listed(&app).await;
    assert!(
        body["problem"]
            .as_str()
            .unwrap()
            .contains("best_models.json"),
        "{body}"
    );
    assert_eq!(body["classifiers"]["3"]["served_file"], first);
}

/// The result of one `classify` with these params.
async fn classify(app: &Router, params: &str) -> Value {
    let tasks = format!(r#"[{{"operation_id":"c","type":"classify","params":{params}}}]"#);
    let (status, body) = ask(app, upload("i.png", &tiny_png(), &tasks)).await;
    assert_eq!(status, 200, "{params}: {body}");
    body["results"]["c"].clone()
}

#[tokio::test]
async fn whatever_stands_for_a_collection_is_answered() {
    let folder = empty();
    publish(
        folder.path(),
        (3, 1),
        "whole_image",
        CLIP,
        coefficients(512),
    );
    let app = app_with_classifiers(folder.path(), folder.path());
    for (params, said) in [
        ("{}", "collection_id is required"),
        ("null", "collection_id is required"),
        (r#"{"collection_id":null}"#, "collection_id is required"),
        (
            r#"{"collection_id":3.5}"#,
            "collection_id must be an integer of at least 0, not 3.5",
        ),
        (
            r#"{"collection_id":"three"}"#,
            "collection_id must be an integer of at least 0, not \"three\"",
        ),
        (
            r#"{"collection_id":-3}"#,
            "collection_id must be an integer of at least 0, not -3",
        ),
        (
            r#"{"collection_id":true}"#,
            "collection_id must be an integer of at least 0, not true",
        ),
        (
            r#"{"collection_id":[3]}"#,
            "collection_id must be an integer of at least 0, not a list",
        ),
        (
            r#"{"collection_id":18446744073709551616}"#,
            "collection_id must be an integer of at least 0, not 1.8446744073709552e+19",
        ),
        (
            r#"{"collection_id":18446744073709551615}"#,
            "no classifier for collection 18446744073709551615",
        ),
        (r#"{"collection_id":0}"#, "no classifier for collection 0"),
        (
            r#"{"collection_id":3,"target":"sky"}"#,
            "target 'sky' is not one of classify's targets (whole_image, prominent_person, prominent_face)",
        ),
    ] {
        let result = classify(&app, params).await;
        assert_eq!(
            result,
            json!({
                "status": "skipped", "data": null, "cropped_image_bbox": null, "cropped_image_base64": null,
                "error_message": said
            }),
            "{params}"
        );
    }
    // A known collection fails as an embedding does on a server without weights.
    let result = classify(&app, r#"{"collection_id":3}"#).await;
    assert_eq!(result["status"], "error");
    let message = result["error_message"].as_str().unwrap();
    assert!(
        message.starts_with("model clip-vit-b-32 is not available"),
        "{message}"
    );
}

#[tokio::test]
async fn it_is_listed_as_what_clip_makes_of_it() {
    let (_, body) = ask(&app(empty().path()), get("/available_operations/")).await;
    let [classify, clip] = ["classify", CLIP].map(|name| &body["operations"][name]);
    assert_eq!(
        classify["description"],
        "Determines if an image region belongs to a specific collection using a binary classifier."
    );
    for field in [
        "allowed_targets",
        "default_target",
        "model",
        "state",
        "reason",
        "targets",
    ] {
        assert_eq!(classify[field], clip[field], "{field}");
    }
    assert_eq!(classify.get("dims"), None, "its answer is no vector");
    let params = classify["params"].as_array().unwrap().iter();
    let names: Vec<_> = params.map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["collection_id", "face_context"]);
}
