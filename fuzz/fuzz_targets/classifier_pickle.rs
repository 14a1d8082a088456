//! Pickled classifiers of any bytes: reading must end, without a panic, in an error or in numbers that are finite.
//!
//! Seeds: the files of `crates/weights/tests/data/classifiers`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weights::PickledClassifier;

fuzz_target!(|data: &[u8]| {
    let Ok(found) = PickledClassifier::from_bytes("fuzz", data) else { return };
    assert!(!found.coefficients.is_empty());
    assert!(found.coefficients.iter().chain([&found.intercept]).all(|number| number.is_finite()));
});
