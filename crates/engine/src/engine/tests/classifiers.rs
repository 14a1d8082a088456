use std::path::Path;

use models::logistic::LogisticRegression;

use super::*;
use crate::classifiers::{
    BestModel, Classifier, ClassifierFolder, EmbeddingModel, Record, VersionName,
};
use crate::result::Classification;

/// Trains, so to speak: stores a classifier of `coefficients`, and puts it in force.
fn publish(folder: &Path, version: &str, embeddings: &str, coefficients: &[f64]) -> String {
    publish_trained_with(&[], folder, version, embeddings, coefficients)
}

/// The same of one whose record names these models.
fn publish_trained_with(
    models: &[EmbeddingModel],
    folder: &Path,
    version: &str,
    embeddings: &str,
    coefficients: &[f64],
) -> String {
    let name = VersionName::parse(&format!("collection_7_classifier_{version}")).unwrap();
    let classifier = Classifier {
        collection: 7,
        model: LogisticRegression::new(coefficients.to_vec(), 0.0).unwrap(),
        record: Record {
            embedding_models: models.to_vec(),
            ..Record::new("whole_image", embeddings, coefficients.len())
        },
    };
    let folder = ClassifierFolder::new(folder).lock().unwrap();
    folder.save(name, &classifier).unwrap();
    let best = BestModel::new(name.file_name(), &classifier.record, None);
    folder.put_in_force(name, &classifier, best).unwrap();
    name.file_name()
}

async fn classify(engine: &Arc<Engine>) -> OperationResult {
    let task = Task {
        operation_id: "c".to_owned(),
        operation: "classify".to_owned(),
        params: json!({ "collection_id": 7 }).as_object().unwrap().clone(),
        refused: None,
    };
    answer(engine, vec![task]).await.results["c"].clone()
}

fn in_collection(result: &OperationResult) -> bool {
    let Some(Data::Classification(Classification {
        is_in_collection,
        probability,
    })) = result.data
    else {
        panic!("{result:?}");
    };
    assert_eq!(is_in_collection, probability > 0.5);
    is_in_collection
}

const CLIP: &str = "embed_clip_vit_b_32";

#[tokio::test]
async fn a_version_put_in_force_counts_from_the_next_request_and_a_broken_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_with(Some(folder.path().join("classifiers")));
    let folder = folder.path().join("classifiers");
    let stand_in = encoder(1, false);
    put(&engine, Role::Clip, stand_in);
    let none = OperationResult::skipped("no classifier for collection 7");
    assert_eq!(classify(&engine).await, none);

    publish(&folder, "2025-01-01_000000", CLIP, &[1.0, 1.0]);
    assert!(in_collection(&classify(&engine).await));
    let second = publish(&folder, "2025-01-02_000000", CLIP, &[-1.0, -1.0]);
    assert!(!in_collection(&classify(&engine).await));

    let third = publish(&folder, "2025-01-03_000000", CLIP, &[1.0, 1.0]);
    std::fs::write(folder.join(&third), b"torn").unwrap();
    assert!(!in_collection(&classify(&engine).await));
    let (all, problem) = engine.classifiers().await.unwrap();
    assert_eq!(problem, None);
    assert_eq!(all[0].best.model_file, third);
    assert_eq!(all[0].file.as_deref(), Some(second.as_str()));
    assert!(all[0].problem.as_deref().unwrap().contains(&third));

    // A server that starts without a sound file has nothing to fall back to but the copy.
    let copy = "collection_7_compatible_classifier.safetensors";
    std::fs::write(folder.join(copy), b"torn").unwrap();
    let fresh = engine_with(Some(folder));
    let result = classify(&fresh).await;
    assert_eq!(result.status, Status::Error);
    let message = result.error_message.unwrap();
    let said = "the classifier of collection 7 cannot be used: ";
    assert!(
        message.starts_with(said) && message.contains(&third),
        "{message}"
    );
}

#[tokio::test]
async fn what_fits_no_image_here_is_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_with(Some(folder.path().to_owned()));
    let both = format!("{CLIP}+embed_dino_v2");
    for (version, embeddings, width, said) in [
        ("2025-01-01_000000", CLIP, 512, None),
        ("2025-01-02_000000", &both, 1280, None),
        (
            "2025-01-03_000000",
            &both,
            512,
            Some(
                "it was trained on vectors of 512 numbers, and those of its embedding_type have 1280 here",
            ),
        ),
        (
            "2025-01-04_000000",
            "embed_sift",
            512,
            Some("its embedding_type has 'embed_sift'"),
        ),
    ] {
        publish(folder.path(), version, embeddings, &vec![1.0; width]);
        let (all, _) = engine.classifiers().await.unwrap();
        let problem = all[0].problem.as_deref();
        assert_eq!(problem.is_some(), said.is_some(), "{problem:?}");
        let problem = problem.unwrap_or_default();
        assert!(problem.contains(said.unwrap_or_default()), "{problem}");
        assert!(all[0].classifier.is_some());
    }
}

#[tokio::test]
async fn without_a_folder_there_are_no_classifiers() {
    let engine = engine();
    let (all, problem) = engine.classifiers().await.unwrap();
    assert!(all.is_empty() && problem.is_none());
    let none = OperationResult::skipped("no classifier for collection 7");
    assert_eq!(classify(&engine).await, none);
}

#[tokio::test]
async fn without_weights_a_judgement_is_the_error_that_the_embedding_is() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_with(Some(folder.path().to_owned()));
    publish(folder.path(), "2025-01-01_000000", CLIP, &[1.0; 512]);
    let embedding = analyze(&engine, &[CLIP]).await.results[CLIP].clone();
    assert_eq!(embedding.status, Status::Error);
    assert_eq!(classify(&engine).await, embedding);
}

#[tokio::test]
async fn a_classifier_of_other_models_than_the_servers_is_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_with(Some(folder.path().to_owned()));
    let with_hash = |model: &str, digit: &str| EmbeddingModel {
        sha256: Some(digit.repeat(64)),
        ..EmbeddingModel::new(model)
    };
    let mut stand_in = encoder(1, false);
    stand_in.sha256 = Some("a".repeat(64));
    put(&engine, Role::Clip, stand_in);
    assert_eq!(
        engine.embedding_model(CLIP),
        Some(with_hash("clip-vit-b-32", "a"))
    );
    assert_eq!(engine.embedding_model("classify"), None);
    for (day, model, said) in [
        (1, EmbeddingModel::new("clip-vit-b-32"), None),
        (2, with_hash("clip-vit-b-32", "a"), None),
        (
            3,
            EmbeddingModel::new("clip-vit-b-16"),
            Some(
                "it was trained on vectors of clip-vit-b-16, and this server's embed_clip_vit_b_32 is clip-vit-b-32",
            ),
        ),
        (
            4,
            with_hash("clip-vit-b-32", "b"),
            Some(
                "it was trained on vectors of clip-vit-b-32 with weights of sha256 bbbbbbbbbbbb…, and this server's have aaaaaaaaaaaa…",
            ),
        ),
    ] {
        let version = format!("2025-01-0{day}_000000");
        publish_trained_with(&[model], folder.path(), &version, CLIP, &[1.0; 2]);
        let result = classify(&engine).await;
        let Some(said) = said else {
            assert!(in_collection(&result));
            continue;
        };
        let said = format!("the classifier of collection 7 cannot be used: {said}");
        assert_eq!(result, OperationResult::error(&said));
        let (all, _) = engine.classifiers().await.unwrap();
        assert_eq!(all[0].problem, Some(said));
    }
}

/// Files of older versions do not say, and 512 numbers are what ViT-B/16 gives, too.
#[tokio::test]
async fn a_classifier_that_names_no_models_is_none_of_another_clip() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "2025-01-01_000000", CLIP, &[1.0; 512]);
    let engine = engine_of(
        models::clip::Variant::VitB16,
        Some(folder.path().to_owned()),
    );
    let said = "it was trained on vectors of clip-vit-b-32 (which its record only assumes), and this server's embed_clip_vit_b_32 is \
                clip-vit-b-16";
    let result = classify(&engine).await;
    assert_eq!(result.status, Status::Error);
    assert!(result.error_message.unwrap().ends_with(said));
    let (all, _) = engine.classifiers().await.unwrap();
    assert!(all[0].problem.as_ref().unwrap().ends_with(said));
}
