//! Properties: whatever is damaged is refused or read, never fatal.

use proptest::collection::vec;
use proptest::prelude::*;
use weights::PickledClassifier;

use crate::fixture;

fn read(file: &[u8]) {
    if let Ok(found) = PickledClassifier::from_bytes("random", file) {
        assert!(!found.coefficients.is_empty());
        assert!(
            found
                .coefficients
                .iter()
                .chain([&found.intercept])
                .all(|x| x.is_finite())
        );
    }
}

const FILES: [&str; 6] = [
    "plain2",
    "plain4",
    "plain5",
    "joblib4",
    "named_joblib",
    "joblib_zlib",
];

proptest! {
    #[test]
    fn random_instructions_are_never_fatal(code in vec(any::<u8>(), 0..200)) {
        read(&[b"\x80\x04".as_slice(), &code].concat());
        read(&code);
    }

    #[test]
    fn damaged_files_are_never_fatal(
        which in 0..FILES.len(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = fixture(FILES[which]);
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        read(&file);
        file.truncate(cut.index(file.len()));
        read(&file);
    }

    #[test]
    fn parts_of_files_in_any_order_are_never_fatal(
        parts in vec((0..FILES.len(), any::<prop::sample::Index>(), 1..80_usize), 1..12),
    ) {
        let mut code = b"\x80\x04".to_vec();
        for (which, at, length) in parts {
            let file = fixture(FILES[which]);
            let at = at.index(file.len());
            code.extend(&file[at..file.len().min(at + length)]);
        }
        read(&code);
    }
}
