//! The cascade's area resampling, as the model asks it of the kernels, against upstream's `imresample`
//! (`parity/cases/README.md` says what the file holds). The other goldens are read by the model's unit tests.

use std::path::Path;

use kernels::{AreaResample, Isa, Normalise, Region};
use weights::Checkpoint;

/// `parity/formula.py`: numbers of [-1, 1) that follow from a name.
fn uniform(name: &str, count: usize) -> Vec<f64> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let draw = |i: u64| {
        let z = seed ^ i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 40
    };
    let fractions = (0..count as u64).map(|i| draw(i) as f64 / f64::from(1 << 24));
    fractions.map(|fraction| (fraction - 0.5) * 2.0).collect()
}

fn size(text: &str) -> (usize, usize) {
    let (height, width) = text.split_once('x').unwrap();
    (height.parse().unwrap(), width.parse().unwrap())
}

/// The same pixels as a region of a larger image whose other pixels are white.
fn framed(pixels: &[u8], (height, width): (usize, usize)) -> (Vec<u8>, usize, Region) {
    let (left, top, framed_width) = (3, 2, width + 5);
    let mut image = vec![255; (height + 3) * framed_width * 3];
    for (y, row) in pixels.chunks_exact(width * 3).enumerate() {
        let start = ((top + y) * framed_width + left) * 3;
        image[start..start + row.len()].copy_from_slice(row);
    }
    let region = Region {
        x: left..left + width,
        y: top..top + height,
    };
    (image, framed_width, region)
}

fn resample(
    isa: Isa,
    image: &[u8],
    width: usize,
    region: Region,
    output: (usize, usize),
) -> Vec<f32> {
    let plain = Normalise {
        offset: 0.0,
        scale: 1.0,
    };
    let mut means = Vec::new();
    AreaResample::new(isa, image, width, region, output, plain).rows(0..output.0, &mut means);
    means
}

#[test]
fn area_resampling_is_upstreams() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mtcnn_area.safetensors");
    let file = Checkpoint::open(&path).unwrap();
    let mut cases = 0;
    for (case, _, shape) in file.tensors() {
        let (input, output) = case.split_once("_to_").unwrap();
        let (input, output) = (size(input), size(output));
        assert_eq!(shape, [output.0, output.1, 3], "{case}");
        let pixels: Vec<u8> = uniform(&format!("area.{case}"), input.0 * input.1 * 3)
            .iter()
            .map(|u| (128.0 + 128.0 * u) as u8)
            .collect();
        let expected = file.root().f32(case, shape).unwrap();
        let (image, width, region) = framed(&pixels, input);
        // Sums of bytes are exact and the divisions are upstream's: not a bit may differ.
        for isa in Isa::available() {
            let got = resample(isa, &image, width, region.clone(), output);
            assert_eq!(got, expected, "{case} {isa:?}");
        }
        cases += 1;
    }
    assert_eq!(cases, 10);
}
