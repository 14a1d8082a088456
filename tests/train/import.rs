use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use engine::classifiers::{Classifier, ClassifierFolder, EmbeddingModel, Record};
use weights::PickledClassifier;

use crate::{image_embed, stderr, stdout};

fn pickle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("crates/weights/tests/data/classifiers")
        .join(format!("{name}.pkl"))
}

fn import(folder: &Path, arguments: &[&str]) -> Output {
    let folder = folder.to_str().unwrap();
    let fixed = ["classifiers", "import", "--classifiers-dir", folder];
    image_embed(&[&fixed, arguments].concat()).output().unwrap()
}

/// A classifier's file in `folder`, as the Python service names it.
fn lay(folder: &Path, fixture: &str, name: &str) -> String {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::copy(pickle(fixture), &path).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_python_services_folder_becomes_ours() {
    let parent = tempfile::tempdir().unwrap();
    let theirs = parent.path().join("theirs");
    let older = lay(
        &theirs,
        "plain4",
        "collection_8_classifier_2025-10-07_023202.pkl",
    );
    let newer = lay(
        &theirs,
        "lbfgs_joblib",
        "collection_8_classifier_2025-11-01_000000.pkl",
    );
    let copy = lay(&theirs, "plain4", "collection_8_compatible_classifier.pkl");
    let other = lay(
        &theirs,
        "old_joblib",
        "collection_9_compatible_classifier.pkl",
    );
    let json = r#"{"8": {"model_file": "collection_8_classifier_2025-10-07_023202.pkl",
        "derivative_type": "prominent_person", "embedding_type": "embed_dino_v2"}, "9": "gone.pkl"}"#;
    fs::write(theirs.join("best_models.json"), json).unwrap();
    let files = [older.as_str(), &newer, &copy, &other];
    // No embedding has five numbers, so that collection 9 needs to be told.
    let ours = parent.path().join("ours");
    let output = import(&ours, &files);
    assert!(!output.status.success());
    assert!(stdout(&output).contains("nothing says which embedding has 5 numbers"));
    let output = import(
        &ours,
        &[&files[..], &["--embedding-type", "embed_dino_v2"]].concat(),
    );
    assert!(output.status.success(), "{}", stdout(&output));

    let folder = ClassifierFolder::new(&ours);
    let best = folder.best_models().unwrap().0;
    assert_eq!(
        best[&8].model_file,
        "collection_8_classifier_2025-10-07_023202.safetensors"
    );
    assert_eq!(
        best[&8].derivative_type.as_deref(),
        Some("prominent_person")
    );
    assert_eq!(best[&9].derivative_type.as_deref(), Some("whole_image"));
    assert_eq!(folder.versions().unwrap().len(), 3, "{}", stdout(&output));
    let stored = Classifier::open(&ours.join(&best[&8].model_file)).unwrap();
    let pickled = PickledClassifier::open(&pickle("plain4")).unwrap();
    assert_eq!(stored.model.coefficients(), pickled.coefficients);
    assert_eq!(stored.model.intercept(), pickled.intercept);
    let origin = stored.record.origin.unwrap();
    assert!(origin.contains("scikit-learn 1.9.1"), "{origin}");

    // In their own folder, pickles in force are replaced.
    let output = import(
        &theirs,
        &[&files[..], &["--embedding-type", "embed_dino_v2"]].concat(),
    );
    assert!(output.status.success(), "{}", stdout(&output));
    let best = ClassifierFolder::new(&theirs).best_models().unwrap().0;
    assert_eq!(
        best[&8].model_file,
        "collection_8_classifier_2025-10-07_023202.safetensors"
    );
}

#[test]
fn hostile_files_are_refused_and_the_others_imported() {
    let parent = tempfile::tempdir().unwrap();
    let [bad, good] =
        ["refused_system", "joblib_zlib"].map(|name| pickle(name).to_str().unwrap().to_owned());
    let more = ["--collection", "3", "--embedding-type", "embed_dino_v2"];
    let output = import(parent.path(), &[&[bad.as_str(), &good][..], &more].concat());
    assert!(!output.status.success());
    let said = stdout(&output);
    assert!(
        said.contains("FAILED") && said.contains("refused: it refers to \"posix.system\""),
        "{said}"
    );
    assert!(
        said.contains("imported") && said.contains("in force  collection_3_classifier_"),
        "{said}"
    );
    assert!(!Path::new("/tmp/a-pickle-was-executed").exists());
    let output = import(parent.path(), &[&good]);
    assert!(stdout(&output).contains("add --collection ID"));
}

/// The record of the one classifier in force.
fn record(folder: &Path, collection: u64) -> Record {
    let folder = ClassifierFolder::new(folder);
    let best = folder.best_models().unwrap().0.remove(&collection).unwrap();
    let stored = Classifier::open(&folder.path().join(&best.model_file)).unwrap();
    let copy = format!("collection_{collection}_compatible_classifier.safetensors");
    assert_eq!(Classifier::open(&folder.path().join(copy)).unwrap(), stored);
    assert_eq!(
        best.embedding_type,
        Some(stored.record.embedding_type.clone())
    );
    stored.record
}

#[test]
fn what_nobody_says_of_a_pickle_is_assumed_loudly_and_may_be_said_later() {
    let parent = tempfile::tempdir().unwrap();
    let theirs = parent.path().join("theirs");
    let pickle = lay(
        &theirs,
        "plain4",
        "collection_8_classifier_2025-10-07_023202.pkl",
    );
    let json = r#"{"8": {"model_file": "collection_8_classifier_2025-10-07_023202.pkl",
        "derivative_type": "whole_image", "embedding_type": "embed_clip_vit_b_32"}}"#;
    fs::write(theirs.join("best_models.json"), json).unwrap();
    let ours = parent.path().join("ours");
    let output = import(&ours, &[&pickle]);
    assert!(output.status.success());
    let said = stderr(&output);
    for word in [
        "WARNING",
        "collection_8_classifier_2025-10-07_023202",
        "clip-vit-b-32",
        "--embedding",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let models = record(&ours, 8).embedding_models;
    assert_eq!(models.len(), 1);
    assert!(models[0].assumed && models[0].model == "clip-vit-b-32");
    let list = |folder: &Path| {
        let arguments = [
            "classifiers",
            "list",
            "--classifiers-dir",
            folder.to_str().unwrap(),
        ];
        stdout(&image_embed(&arguments).output().unwrap())
    };
    assert!(list(&ours).contains("  embed_clip_vit_b_32  clip-vit-b-32?  "));

    let output = import(&ours, &[&pickle, "--embedding", "clip-vit-b-16"]);
    assert!(
        stdout(&output).starts_with("mended    "),
        "{}",
        stdout(&output)
    );
    assert_eq!(stderr(&output), "");
    let mended = record(&ours, 8);
    assert_eq!(mended.embedding_type, "embed_clip_vit_b_32");
    assert_eq!(
        mended.embedding_models,
        [EmbeddingModel::new("clip-vit-b-16")]
    );
    assert!(list(&ours).contains("  embed_clip_vit_b_32  clip-vit-b-16  "));
    let shown = [
        "classifiers",
        "show",
        "8",
        "--classifiers-dir",
        ours.to_str().unwrap(),
    ];
    let shown = stdout(&image_embed(&shown).output().unwrap());
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["embedding_models"][0]["model"], "clip-vit-b-16");

    // Said once, it stays said; what is said at first needs no warning.
    let output = import(&ours, &[&pickle]);
    assert!(stdout(&output).starts_with("present   "));
    assert_eq!((stderr(&output), record(&ours, 8)), (String::new(), mended));
    let fresh = parent.path().join("fresh");
    let output = import(&fresh, &[&pickle, "--embedding", "embed_clip_vit_b_32"]);
    assert_eq!(stderr(&output), "");
    assert_eq!(
        record(&fresh, 8).embedding_models,
        [EmbeddingModel::new("clip-vit-b-32")]
    );
    let output = import(&fresh, &[&pickle, "--embedding", "mtcnn"]);
    assert!(stderr(&output).contains("'mtcnn' is none of embed_clip_vit_b_32, "));
}
