//! Classifiers that answer, on the models of `seeded`.

use std::path::Path;

use axum::Router;
use engine::classifiers::{
    BestModel, Classifier, ClassifierFolder, MetricsRecord, Record, VersionName,
};
use models::logistic::LogisticRegression;
use serde_json::{Value, json};

use crate::seeded::analyze;
use crate::support::{ask, get};

pub(crate) const CLIP: &str = "embed_clip_vit_b_32";
pub(crate) const BOTH: &str = "embed_clip_vit_b_32+embed_dino_v2";

/// Coefficients for vectors of `width` numbers.
pub(crate) fn coefficients(width: usize) -> Vec<f64> {
    (0..width).map(|i| 0.05 * (i as f64).sin()).collect()
}

/// What a training of `day` would leave: a version, in force.
pub(crate) fn publish(
    folder: &Path,
    (collection, day): (u64, u8),
    region: &str,
    embeddings: &str,
    coefficients: Vec<f64>,
) -> (String, Classifier) {
    let stem = format!("collection_{collection}_classifier_2025-11-{day:02}_000000");
    let name = VersionName::parse(&stem).unwrap();
    let metrics = MetricsRecord {
        macro_precision: 0.75,
        macro_recall: 0.5,
        macro_f1: 0.6,
        accuracy: 0.7,
        roc_auc: None,
    };
    let classifier = Classifier {
        collection,
        record: Record {
            metrics: Some(metrics),
            ..Record::new(region, embeddings, coefficients.len())
        },
        model: LogisticRegression::new(coefficients, 0.1).unwrap(),
    };
    let folder = ClassifierFolder::new(folder).lock().unwrap();
    folder.save(name, &classifier).unwrap();
    let best = BestModel::new(name.file_name(), &classifier.record, Some(metrics));
    folder.put_in_force(name, &classifier, best).unwrap();
    (name.file_name(), classifier)
}

/// What a person and a face are judged by is what the tasks beside it show.
pub(crate) async fn images_persons_and_faces(app: &Router, folder: &Path, image: &[u8]) {
    let (_, one) = publish(folder, (1, 1), "whole_image", CLIP, coefficients(512));
    let (_, two) = publish(folder, (2, 1), "prominent_face", BOTH, coefficients(1280));
    let (_, three) = publish(folder, (3, 1), "prominent_person", CLIP, coefficients(512));
    let (untrained, results) = analyze(app, image, TASKS).await;
    assert_eq!(
        untrained.as_deref(),
        Some("fasterrcnn-resnet50-fpn, clip-vit-b-32, dinov2-vit-b-14")
    );
    for (id, classifier, vectors) in [
        ("image?", &one, &["image"][..]),
        ("person?", &one, &["person"]),
        ("face?", &one, &["face"]),
        ("trained on face?", &two, &["face", "dino of face"]),
        ("trained on person?", &three, &["person"]),
    ] {
        let embedding: Vec<f32> = vectors.iter().flat_map(|id| vector(&results[id])).collect();
        judged(&results[id], classifier, &embedding);
        for field in ["cropped_image_bbox", "cropped_image_base64"] {
            assert_eq!(results[id][field], results[vectors[0]][field], "{id}");
        }
    }
    assert!(results["image?"]["cropped_image_bbox"].is_null());
    assert!(results["trained on face?"]["cropped_image_bbox"].is_array());

    let embedding = vector(&results["image"]);
    follows(app, folder, image, &embedding).await;
}

/// A version put in force answers the next request; one that cannot be read does not, and the one before it stays.
async fn follows(app: &Router, folder: &Path, image: &[u8], embedding: &[f32]) {
    let other: Vec<f64> = coefficients(512).iter().map(|x| 0.3 - x).collect();
    let (second, classifier) = publish(folder, (1, 2), "whole_image", CLIP, other);
    let (_, results) = analyze(app, image, ONE).await;
    judged(&results["image?"], &classifier, embedding);

    let (third, _) = publish(folder, (1, 3), "whole_image", CLIP, coefficients(512));
    std::fs::write(folder.join(&third), b"torn").unwrap();
    let (_, results) = analyze(app, image, ONE).await;
    judged(&results["image?"], &classifier, embedding);
    let (_, body) = ask(app, get("/classifiers/")).await;
    let listed = &body["classifiers"]["1"];
    assert_eq!(listed["model_file"], third);
    assert_eq!(listed["served_file"], second);
    assert!(listed["problem"].as_str().unwrap().contains(&third));

    let (_, classifier) = publish(folder, (1, 4), "prominent_person", CLIP, vec![0.5; 512]);
    let (_, results) = analyze(app, image, ONE).await;
    judged(&results["image?"], &classifier, embedding);

    publish(folder, (1, 5), "whole_image", CLIP, coefficients(768));
    let (_, results) = analyze(app, image, ONE).await;
    assert_eq!(results["image?"]["status"], "error");
    let said = "the classifier of collection 1 cannot be used: it was trained on vectors of 768 numbers, \
                and those of its embedding_type have 512 here";
    assert_eq!(results["image?"]["error_message"], said);
    let (_, body) = ask(app, get("/classifiers/")).await;
    assert_eq!(body["classifiers"]["1"]["problem"], said);
}

fn judged(result: &Value, classifier: &Classifier, embedding: &[f32]) {
    assert_eq!(result["status"], "success", "{result}");
    let data = result["data"].as_object().unwrap();
    assert_eq!(data.len(), 2, "{data:?}");
    let decision = classifier.model.decision(embedding);
    assert_eq!(data["is_in_collection"], json!(decision > 0.0));
    let probability = data["probability"].as_f64().unwrap();
    let expected = 1.0 / (1.0 + (-decision).exp());
    assert!(
        (probability - expected).abs() < 1e-12,
        "{probability} {expected}"
    );
}

fn vector(result: &Value) -> Vec<f32> {
    serde_json::from_value(result["data"].clone()).unwrap()
}

const ONE: &str = r#"[{"operation_id":"image?","type":"classify","params":{"collection_id":1,"target":"whole_image"}}]"#;

const TASKS: &str = r#"[
    {"operation_id":"image?","type":"classify","params":{"collection_id":1}},
    {"operation_id":"person?","type":"classify","params":{"collection_id":1,"target":"prominent_person"}},
    {"operation_id":"face?","type":"classify","params":{"collection_id":1,"target":"prominent_face"}},
    {"operation_id":"trained on face?","type":"classify","params":{"collection_id":2}},
    {"operation_id":"trained on person?","type":"classify","params":{"collection_id":3}},
    {"operation_id":"image","type":"embed_clip_vit_b_32"},
    {"operation_id":"person","type":"embed_clip_vit_b_32","params":{"target":"prominent_person"}},
    {"operation_id":"face","type":"embed_clip_vit_b_32","params":{"target":"prominent_face"}},
    {"operation_id":"dino of face","type":"embed_dino_v2","params":{"target":"prominent_face"}}
]"#;
