//! Pickled classifiers: files of scikit-learn and joblib against what Python has in them, and hostile files.

mod hostile;
mod random;
mod reference;

use weights::PickledClassifier;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/classifiers");
    std::fs::read(format!("{folder}/{name}.pkl")).expect("committed")
}

/// The reason for which a file is refused.
fn refusal(file: &[u8]) -> String {
    PickledClassifier::from_bytes("hostile.pkl", file)
        .expect_err("hostile")
        .to_string()
}

fn refused(file: &[u8], reason: &str) {
    let found = refusal(file);
    assert!(found.contains(reason), "expected '{reason}' in: {found}");
}
