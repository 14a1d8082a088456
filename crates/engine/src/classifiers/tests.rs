mod disks;
mod hanging;
mod identity;
mod moments;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use models::logistic::{LogisticRegression, Samples};
use proptest::prelude::*;

use super::best_models::FILE_NAME;
use super::replace::INCOMPLETE;
use super::*;

fn classifier(collection: u64, coefficients: &[f64]) -> Classifier {
    Classifier {
        collection,
        model: LogisticRegression::new(coefficients.to_vec(), -0.5).unwrap(),
        record: Record {
            embedding_models: vec![
                EmbeddingModel {
                    sha256: Some("ab".repeat(32)),
                    ..EmbeddingModel::new("clip-vit-b-16")
                },
                EmbeddingModel::new("dinov2-vit-b-14"),
            ],
            exif_orientation_applied: Some(false),
            trained_at: Some("2025-11-25T22:52:09Z".into()),
            origin: Some("a test".into()),
            samples: Some(SampleCounts {
                train: 8,
                test: 2,
                positives: 5,
            }),
            metrics: Some(metrics(0.75)),
            ..Record::new(
                "prominent_face",
                "embed_clip_vit_b_32+embed_dino_v2",
                coefficients.len(),
            )
        },
    }
}

fn metrics(macro_precision: f64) -> MetricsRecord {
    MetricsRecord {
        macro_precision,
        macro_recall: 0.5,
        macro_f1: 0.6,
        accuracy: 0.7,
        roc_auc: None,
    }
}

fn name(stem: &str) -> VersionName {
    VersionName::parse(stem).unwrap()
}

/// Stores a version and puts it in force.
fn publish(folder: &Path, stem: &str, classifier: &Classifier) {
    let writable = ClassifierFolder::new(folder).lock().unwrap();
    let name = name(stem);
    writable.save(name, classifier).unwrap();
    let best = BestModel::new(
        name.file_name(),
        &classifier.record,
        classifier.record.metrics,
    );
    writable.put_in_force(name, classifier, best).unwrap();
}

/// What a request finds of one collection.
async fn find(served: &ServedClassifiers, collection: u64) -> Result<Arc<Classifier>, Unserved> {
    let mut found = served.find([collection].into()).await.unwrap();
    found.remove(&collection).unwrap()
}

#[test]
fn a_file_has_everything_of_its_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let written = classifier(42, &[0.1, -f64::MIN_POSITIVE, 1e300]);
    fs::write(&path, written.to_bytes()).unwrap();
    assert_eq!(Classifier::open(&path).unwrap(), written);
}

#[test]
fn damaged_files_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let sound = classifier(42, &[0.1, 0.2]).to_bytes();
    let refused = |bytes: &[u8], reason: &str| {
        fs::write(&path, bytes).unwrap();
        let found = Classifier::open(&path).unwrap_err().to_string();
        let expected = format!("{}: ", path.display());
        assert!(
            found.starts_with(&expected) && found.contains(reason),
            "{reason} in {found}"
        );
        assert_eq!(found.matches(&expected).count(), 1, "{found}");
    };
    let altered = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut bytes = sound.clone();
        let at = bytes
            .windows(from.len())
            .position(|it| it == from.as_bytes())
            .unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    refused(b"", "too short");
    for length in 1..sound.len() {
        refused(&sound[..length], "");
    }
    refused(
        &altered("image_embed.classifier", "image_embed.classifies"),
        "no 'image_embed.classifier'",
    );
    refused(&altered("\"42\"", "\"4x\""), "its collection_id is \"4x\"");
    refused(
        &altered("[false,true]", "[true,false]"),
        "its classes are \"[true,false]\"",
    );
    refused(
        &altered("mensionality\\\":2", "mensionality\\\":3"),
        "has shape [2], expected [3]",
    );
    refused(
        &altered("dimensionality", "dimensionalitY"),
        "missing field `dimensionality`",
    );
    let mut infinite = sound.clone();
    let last = infinite.len() - 8;
    infinite[last..].copy_from_slice(&f64::INFINITY.to_le_bytes());
    refused(&infinite, "the intercept is inf");
    let path = folder.path().join("x.pkl");
    let error = Classifier::open(&path).unwrap_err().to_string();
    assert!(error.contains("image-embed classifiers import"), "{error}");
}

#[test]
fn names_are_those_of_the_python_service() {
    for stem in [
        "collection_10_classifier_2025-11-25_225209",
        "collection_0_compatible_classifier",
    ] {
        assert_eq!(name(stem).to_string(), stem);
    }
    let early = name("collection_5_classifier_2025-06-29");
    assert_eq!(
        early.to_string(),
        "collection_5_classifier_2025-06-29_000000"
    );
    for stem in [
        "collection_x_classifier_2025-11-25_225209",
        "collection__classifier_2025-11-25_225209",
        "collection_+1_classifier_2025-11-25_225209",
        "collection_1_classifier_2025-13-25_225209",
        "collection_1_classifier_2025-11-25_245209",
        "collection_1_classifier_2025-11-25_2252091",
        "collection_1_classifier_2025-11-25-1_225209",
        "collection_1_classifier_2025-11-25_é2209",
        "collection_1_classifier_",
        "collection_99999999999999999999_compatible_classifier",
    ] {
        assert_eq!(VersionName::parse(stem), None, "{stem}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_empty() {
    let parent = tempfile::tempdir().unwrap();
    let folder = ClassifierFolder::new(&parent.path().join("none"));
    assert_eq!(folder.versions().unwrap(), []);
    assert_eq!(folder.best_models().unwrap(), BestModels::default());
    let served = ServedClassifiers::new(folder.path());
    assert!(served.get(1).is_none());
    assert!(served.all().await.unwrap().0.is_empty());
}

#[test]
fn new_versions_have_names_of_their_own_and_the_one_in_force_stays() {
    let parent = tempfile::tempdir().unwrap();
    let folder = ClassifierFolder::new(&parent.path().join("trained_classifiers"));
    let writable = folder.lock().unwrap();
    let trained = classifier(7, &[1.0]);
    let mut names = Vec::new();
    for _ in 0..3 {
        let name = writable.new_version(7).unwrap();
        writable.save(name, &trained).unwrap();
        names.push(name);
    }
    assert_eq!(folder.versions().unwrap(), names);
    let best = BestModel::new(names[1].file_name(), &trained.record, None);
    writable.put_in_force(names[1], &trained, best).unwrap();
    let removed: Vec<bool> = names
        .iter()
        .map(|&name| writable.remove(name).unwrap())
        .collect();
    assert_eq!(removed, [true, false, true]);
    assert_eq!(folder.versions().unwrap(), [names[1]]);
    let copy = folder
        .path()
        .join("collection_7_compatible_classifier.safetensors");
    assert_eq!(Classifier::open(&copy).unwrap(), trained);
}

#[test]
fn what_a_killed_process_left_is_neither_seen_nor_kept() {
    let folder = tempfile::tempdir().unwrap();
    publish(
        folder.path(),
        "collection_1_classifier_2025-01-01_000000",
        &classifier(1, &[1.0]),
    );
    let half = format!("{INCOMPLETE}collection_1_classifier_2025-01-02_000000.safetensors");
    fs::write(folder.path().join(&half), b"half").unwrap();
    let opened = ClassifierFolder::new(folder.path());
    assert_eq!(opened.versions().unwrap().len(), 1);
    drop(opened.lock().unwrap());
    assert!(!folder.path().join(half).exists());
}

#[test]
fn both_forms_of_best_models_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let text = r#"{"8": "collection_8_classifier_2025-10-07_023202.pkl",
        "42": {"model_file": "a.pkl", "derivative_type": "whole_image", "embedding_type": "embed_dino_v2", "dimensionality": 768}}"#;
    fs::write(&path, text).unwrap();
    let best = BestModels::read(folder.path()).unwrap().0;
    assert_eq!(
        best[&8].model_file,
        "collection_8_classifier_2025-10-07_023202.pkl"
    );
    assert_eq!(best[&8].embedding_type, None);
    assert_eq!(best[&42].dimensionality, Some(768));
    for (text, reason) in [
        (r#"{"x": "a.pkl"}"#, "\"x\" is no collection's number"),
        (r#"{"1": "../a.pkl"}"#, "\"../a.pkl\" is no file's name"),
        (r#"{"1": "/a.pkl"}"#, "\"/a.pkl\" is no file's name"),
        (r#"{"1": ""}"#, "\"\" is no file's name"),
        (r#"{"1": 1}"#, "did not match"),
        ("[]", "expected a map"),
        ("{", "EOF"),
    ] {
        fs::write(&path, text).unwrap();
        let found = BestModels::read(folder.path()).unwrap_err().to_string();
        assert!(found.contains(reason), "{reason} in {found}");
    }
}

#[tokio::test]
async fn a_server_follows_and_what_is_broken_leaves_the_last_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let served = ServedClassifiers::new(folder.path());
    assert!(served.get(3).is_none());
    let [first, second, third] = [1.0, 2.0, 3.0].map(|it| classifier(3, &[it]));
    publish(
        folder.path(),
        "collection_3_classifier_2025-01-01_000000",
        &first,
    );
    let now = || served.get(3).unwrap();
    assert_eq!(*now().classifier.unwrap(), first);
    publish(
        folder.path(),
        "collection_3_classifier_2025-01-02_000000",
        &second,
    );
    assert_eq!(*now().classifier.unwrap(), second);
    assert_eq!(now().best.metrics, second.record.metrics);
    let file = |stem: &str| Some(name(stem).file_name());
    assert_eq!(
        now().file,
        file("collection_3_classifier_2025-01-02_000000")
    );

    // The best's own file is broken.
    let broken = "collection_3_classifier_2025-01-03_000000";
    publish(folder.path(), broken, &third);
    let path = folder.path().join(name(broken).file_name());
    fs::write(&path, b"broken").unwrap();
    assert_eq!(*now().classifier.unwrap(), second);
    assert!(now().problem.unwrap().contains("neither a safetensors"));
    assert_eq!(
        now().file,
        file("collection_3_classifier_2025-01-02_000000")
    );
    // A server that starts now has the copy.
    let fresh = ServedClassifiers::new(folder.path()).get(3).unwrap();
    assert_eq!(*fresh.classifier.unwrap(), third);
    assert!(fresh.problem.is_some());
    assert_eq!(fresh.file, file("collection_3_compatible_classifier"));
    // It is mended.
    fs::write(&path, third.to_bytes()).unwrap();
    assert_eq!(
        (now().classifier.as_deref(), now().problem),
        (Some(&third), None)
    );

    // best_models.json is broken, and mended.
    let json = folder.path().join(FILE_NAME);
    let sound = fs::read(&json).unwrap();
    fs::write(&json, b"{").unwrap();
    assert_eq!(*now().classifier.unwrap(), third);
    assert!(served.all().await.unwrap().1.unwrap().contains(FILE_NAME));
    fs::write(&json, sound).unwrap();
    assert_eq!(served.all().await.unwrap().1, None);
    // It is gone.
    fs::remove_file(&json).unwrap();
    assert!(served.get(3).is_none());
}

#[tokio::test]
async fn what_a_request_finds_tells_none_from_broken() {
    let folder = tempfile::tempdir().unwrap();
    let served = ServedClassifiers::new(folder.path());
    assert_eq!(find(&served, 1).await, Err(Unserved::Unknown(1)));
    let sound = classifier(1, &[1.0]);
    let stem = "collection_1_classifier_2025-01-01_000000";
    publish(folder.path(), stem, &sound);
    assert_eq!(*find(&served, 1).await.unwrap(), sound);

    let broken = |found, said: &str| match found {
        Err(Unserved::Broken { reason, .. }) => assert!(reason.contains(said), "{reason}"),
        other => panic!("{other:?}"),
    };
    let json = folder.path().join(FILE_NAME);
    fs::write(&json, b"{").unwrap();
    assert_eq!(*find(&served, 1).await.unwrap(), sound, "as it was");
    broken(find(&served, 2).await, FILE_NAME);
    // Nothing is left to stand in.
    fs::write(&json, br#"{"5": "collection_5_classifier.pkl"}"#).unwrap();
    broken(find(&served, 5).await, "image-embed classifiers import");
    assert_eq!(find(&served, 1).await, Err(Unserved::Unknown(1)));
}

#[test]
fn a_file_of_another_collection_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    publish(
        folder.path(),
        "collection_1_classifier_2025-01-01_000000",
        &classifier(2, &[1.0]),
    );
    let served = ServedClassifiers::new(folder.path()).get(1).unwrap();
    assert!(served.classifier.is_none());
    assert!(
        served
            .problem
            .unwrap()
            .contains("it is of collection 2, expected 1")
    );
}

#[test]
fn the_best_is_the_most_precise_then_the_latest() {
    let samples = Samples::new(&[1.0, -1.0, 2.0, -2.0], &[true, false, true, false]).unwrap();
    let mut other = classifier(1, &[1.0]);
    other.record.derivative_type = "whole_image".into();
    let mut wide = classifier(1, &[1.0, 1.0]);
    wide.record.embedding_type = "embed_clip_vit_b_32".into();
    let mut of_another_model = classifier(1, &[1.0]);
    of_another_model.record.embedding_models[0].model = "clip-vit-b-32".into();
    let versions: Vec<(VersionName, Classifier)> = [
        (1, classifier(1, &[1.0])),
        (2, classifier(1, &[-1.0])),
        (3, classifier(1, &[2.0])),
        (4, other),
        (5, wide),
        (6, of_another_model),
    ]
    .into_iter()
    .map(|(day, it)| (name(&format!("collection_1_classifier_2025-01-0{day}")), it))
    .collect();
    let ranking = bake_off(&versions, &versions[0].1.record, &samples);
    let days: Vec<String> = ranking
        .iter()
        .map(|it| it.name.to_string()[32..34].to_owned())
        .collect();
    assert_eq!(days, ["03", "01", "02", "06", "05", "04"]);
    assert_eq!(ranking[0].metrics.unwrap().macro_precision, 1.0);
    assert_eq!(ranking[2].metrics.unwrap().macro_precision, 0.0);
    assert!(ranking[3..].iter().all(|it| it.metrics.is_none()));
}

proptest! {
    #[test]
    fn damaged_files_are_never_fatal(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = classifier(42, &[0.1, 0.2]).to_bytes();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, bytes).unwrap();
        if let Ok(found) = Classifier::open(&path) {
            prop_assert_eq!(found.model.coefficients().len(), found.record.dimensionality);
        }
    }
}
