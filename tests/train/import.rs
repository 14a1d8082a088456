use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use engine::classifiers::{Classifier, ClassifierFolder};
use weights::PickledClassifier;

use crate::{image_embed, stdout};

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
