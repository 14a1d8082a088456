use std::collections::BTreeSet;
use std::path::Path;

use weights::{Checkpoint, ClassifierFileError, PickledClassifier};

use crate::{fixture, refused};

#[test]
fn every_file_has_what_python_has_in_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/classifiers");
    let mut read = BTreeSet::new();
    for (expected, version) in [("expected", "1.9.1"), ("expected_old", "1.2.2")] {
        let expected = Checkpoint::open(&folder.join(format!("{expected}.safetensors"))).unwrap();
        for (tensor, _, shape) in expected.tensors() {
            let Some(name) = tensor.strip_suffix(".coefficients") else {
                continue;
            };
            let found = PickledClassifier::open(&folder.join(format!("{name}.pkl"))).unwrap();
            let coefficients = expected.root().f64(tensor, shape).unwrap();
            assert_eq!(found.coefficients, coefficients, "{name}");
            let intercept = expected.root().f64(&format!("{name}.intercept"), &[1]);
            assert_eq!(vec![found.intercept], intercept.unwrap(), "{name}");
            assert_eq!(found.scikit_learn.as_deref(), Some(version), "{name}");
            read.insert(format!("{name}.pkl"));
        }
    }
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let is_other = name.starts_with("refused") || name.starts_with("expected");
        assert!(is_other || read.contains(&name), "{name} was not read");
    }
}

#[test]
fn other_pickles_are_refused_by_name() {
    for (name, reason) in [
        ("pipeline", "\"sklearn.pipeline.Pipeline\""),
        ("linear", "\"sklearn.linear_model._base.LinearRegression\""),
        ("unfitted", "not fitted: it has no attribute 'classes_'"),
        ("three_classes", "its classes are not two, but of shape [3]"),
        ("text_labels", "an array of dtype \"U3\""),
        (
            "other_labels",
            "its classes are not false and true, but 1 and 2",
        ),
        (
            "random_state",
            "\"numpy.random._pickle.__randomstate_ctor\"",
        ),
        ("list", "not a classifier: it holds a list"),
        ("bz2", "compressed with bz2"),
        ("xz", "compressed with xz"),
        ("lzma", "compressed with lzma"),
    ] {
        refused(&fixture(&format!("refused_{name}")), reason);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = PickledClassifier::open(Path::new("no/such.pkl")).unwrap_err();
    assert!(matches!(error, ClassifierFileError::Io { .. }));
    assert!(error.to_string().starts_with("cannot read no/such.pkl: "));
}
