//! Files with bytes changed, cut out or repeated: never a panic, never more than the limits allow.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use imaging::{ExifOrientation, Limits, decode};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use proptest::sample::Index;

/// Every file of the test data, good and bad.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files = Vec::new();
    for folder in [
        "jpeg",
        "png",
        "webp",
        "gif",
        "bmp",
        "tiff",
        "avif",
        #[cfg(feature = "heic")]
        "heic",
        "jpeg2000",
        "jxl",
        "dib",
        "icons",
        "pnm",
        "tga",
        "pcx",
        "sgi",
        "qoi",
        "psd",
        "orientation",
        "bad",
    ] {
        for entry in fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension != "ppm") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|path| fs::read(path).unwrap()).collect()
});

fn check(bytes: &[u8]) {
    let limits = Limits {
        max_pixels: 100_000,
        max_side: 2_000,
        max_decode_bytes: 4 << 20,
    };
    if let Ok(image) = decode(bytes, &limits, ExifOrientation::Apply) {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        assert!(pixels > 0 && pixels <= limits.max_pixels);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn changed_bytes(file in any::<Index>(), changes in vec((any::<Index>(), any::<u8>()), 1..8)) {
        let mut bytes = file.get(&FILES).clone();
        prop_assert!(FILES.len() > 250);
        for (index, value) in changes {
            if !bytes.is_empty() {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
        }
        check(&bytes);
    }

    /// Headers are where sizes, offsets and counts are.
    #[test]
    fn changed_headers(file in any::<Index>(), changes in vec((0_usize..200, any::<u8>()), 1..5)) {
        let mut bytes = file.get(&FILES).clone();
        for (index, value) in changes {
            if let Some(byte) = bytes.get_mut(index) {
                *byte = value;
            }
        }
        check(&bytes);
    }

    #[test]
    fn parts_cut_out_or_repeated(file in any::<Index>(), at in any::<(Index, Index, Index)>()) {
        let bytes = file.get(&FILES);
        let [a, b, c] = [at.0, at.1, at.2].map(|index| index.index(bytes.len() + 1));
        let (start, end) = (a.min(b), a.max(b));
        check(&[&bytes[..start], &bytes[end..]].concat());
        check(&[&bytes[..c], &bytes[start..end], &bytes[c..]].concat());
    }

    #[test]
    fn noise_behind_a_signature(file in any::<Index>(), noise in vec(any::<u8>(), 0..400)) {
        let bytes = file.get(&FILES);
        check(&[&bytes[..bytes.len().min(12)], &noise[..]].concat());
    }
}
