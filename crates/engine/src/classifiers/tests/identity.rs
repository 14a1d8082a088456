//! Which models a classifier was trained with.

use std::fs;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{classifier, name, publish};
use crate::classifiers::{Classifier, EmbeddingModel, Record, ServedClassifiers};

const STEM: &str = "collection_1_classifier_2025-01-01_000000";

/// As a version before records named models wrote it.
fn of_older_version(embedding_type: &str) -> Classifier {
    let record = format!(
        r#"{{"derivative_type":"whole_image","embedding_type":"{embedding_type}","dimensionality":1,"trained_at":"2025-01-01_000000"}}"#
    );
    let record: Record = serde_json::from_str(&record).unwrap();
    Classifier {
        record,
        ..classifier(1, &[1.0])
    }
}

#[test]
fn a_record_of_an_older_version_is_taken_for_the_python_services_models() {
    for (embedding_type, models) in [
        ("", &["clip-vit-b-32"][..]),
        ("embed_clip_vit_b_32", &["clip-vit-b-32"]),
        (
            "embed_dino_v2+embed_clip_vit_b_32",
            &["dinov2-vit-b-14", "clip-vit-b-32"],
        ),
        ("embed_clip_vit_b_32+embed_sift", &[]),
    ] {
        let old = of_older_version(embedding_type);
        let bytes = old.to_bytes();
        assert!(!String::from_utf8_lossy(&bytes).contains("embedding_models"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, bytes).unwrap();
        let read = Classifier::open(&path).unwrap();
        assert_eq!(read, old);
        let taken_for = read.record.models();
        let names: Vec<&str> = taken_for.iter().map(|it| it.model.as_str()).collect();
        assert_eq!(names, models);
        assert!(taken_for.iter().all(|it| it.assumed && it.sha256.is_none()));
        assert_eq!(read.record.models_in_words(), models.join("+"));
    }
}

#[test]
fn what_a_record_says_is_what_counts() {
    let record = classifier(1, &[1.0]).record;
    assert_eq!(record.models(), record.embedding_models);
    let mut other = record.clone();
    assert!(record.is_comparable_with(&other));
    other.embedding_models[0].sha256 = None;
    assert!(record.is_comparable_with(&other), "an unknown hash");
    other.embedding_models[0].sha256 = Some("cd".repeat(32));
    assert!(!record.is_comparable_with(&other), "another hash");
    other.embedding_models.swap(0, 1);
    assert!(!record.is_comparable_with(&other), "another order");
    let [none, named] =
        ["", "embed_clip_vit_b_32"].map(|embedding| Record::new("whole_image", embedding, 512));
    assert!(none.is_comparable_with(&named), "the same without a word");
}

#[test]
fn a_classifier_fits_the_models_that_it_was_trained_with() {
    let sound = classifier(1, &[1.0]);
    let here = sound.record.embedding_models.clone();
    assert_eq!(sound.fits(&here), Ok(()));
    let mut unknown = here.clone();
    unknown[0].sha256 = None;
    assert_eq!(sound.fits(&unknown), Ok(()));

    let said = |classifier: &Classifier, here: &[EmbeddingModel], said: &str| {
        let error = classifier.fits(here).unwrap_err().to_string();
        assert!(error.ends_with(said), "{error}");
    };
    let mut other = here.clone();
    other[1].model = "dinov2-vit-l-14".into();
    said(
        &sound,
        &other,
        "it was trained on vectors of dinov2-vit-b-14, and this server's embed_dino_v2 is dinov2-vit-l-14",
    );
    let mut other = here.clone();
    other[0].sha256 = Some("cd".repeat(32));
    said(
        &sound,
        &other,
        "it was trained on vectors of clip-vit-b-16 with weights of sha256 abababababab…, and this server's have cdcdcdcdcdcd…",
    );
    said(
        &of_older_version(""),
        &here[..1],
        "it was trained on vectors of clip-vit-b-32 (which its record only assumes), and this server's embed_clip_vit_b_32 is clip-vit-b-16",
    );
    let mut short = sound.clone();
    short.record.embedding_models.pop();
    said(
        &short,
        &here,
        "its record names 1 models, and its embedding_type 2 embeddings",
    );
}

/// Warnings, as they are written.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

#[test]
fn that_a_record_names_no_models_is_said_once_when_it_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    publish(
        folder.path(),
        STEM,
        &of_older_version("embed_clip_vit_b_32"),
    );
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        let served = ServedClassifiers::new(folder.path());
        for _ in 0..3 {
            assert_eq!(served.get(1).unwrap().problem, None);
        }
    });
    let said = warnings.0.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("taken_for=\"clip-vit-b-32\""), "{said:?}");
    assert!(said[0].contains(&name(STEM).file_name()), "{said:?}");

    publish(folder.path(), STEM, &classifier(1, &[1.0]));
    let silence = Warnings::default();
    tracing::subscriber::with_default(silence.clone(), || {
        ServedClassifiers::new(folder.path()).get(1).unwrap();
    });
    assert!(silence.0.lock().unwrap().is_empty());
}
