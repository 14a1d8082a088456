//! Files written by `torch.save` against what `torch.load` reads in them, bit for bit.
//! `parity/weights_goldens.py` writes both.

use std::path::PathBuf;

use weights::{Checkpoint, CheckpointError, Dtype};

fn data(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", file]
        .iter()
        .collect()
}

fn open(file: &str) -> Checkpoint {
    Checkpoint::open(&data(file)).expect("written by torch.save")
}

fn assert_same(found: &Checkpoint, expected: &Checkpoint) {
    let found_tensors: Vec<_> = found.tensors().collect();
    assert_eq!(found_tensors, expected.tensors().collect::<Vec<_>>());
    for (name, dtype, shape) in found_tensors {
        let (found, expected) = (found.root(), expected.root());
        match dtype {
            Dtype::F16 | Dtype::BF16 | Dtype::F32 => {
                let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits);
                let found = bits(found.f32(name, shape).expect("a float"));
                assert!(
                    found.eq(bits(expected.f32(name, shape).expect("a float"))),
                    "{name}"
                );
            }
            _ => assert_eq!(
                found.i64(name, shape).expect("an integer"),
                expected.i64(name, shape).expect("an integer"),
                "{name}"
            ),
        }
    }
    found.finish().expect("everything was read");
}

#[test]
fn every_container_and_protocol_reads_as_torch_reads_it() {
    let expected = open("expected.safetensors");
    assert_eq!(expected.tensors().count(), 25);
    for file in [
        "zip.pt",
        "zip_protocol4.pt",
        "legacy.pt",
        "legacy_protocol5.pt",
    ] {
        assert_same(&open(file), &expected);
    }
}

#[test]
fn values_are_those_the_generator_chose() {
    // Both sides of the comparison above go through this crate; these numbers do not.
    for file in ["zip.pt", "legacy.pt", "expected.safetensors"] {
        let checkpoint = open(file);
        let root = checkpoint.root();
        let column: Vec<f32> = (0..4).map(|row| (row * 6) as f32).collect();
        let transposed = root.f32("transposed", &[6, 4]).expect("a view");
        assert_eq!(transposed[..4], column);
        assert_eq!(
            root.f32("row", &[6]).expect("a view"),
            [12., 13., 14., 15., 16., 17.]
        );
        let window = root.f32("window", &[2, 3]).expect("a view");
        assert_eq!(window, [7., 9., 11., 19., 21., 23.]);
        assert_eq!(root.f32("scalar", &[]).expect("one value"), [2.5]);
        assert!(root.f32("empty", &[0, 4]).expect("no value").is_empty());
        let special = root.f32("special", &[5]).expect("floats").map_bits();
        let expected = [f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, 3.4e38]
            .to_vec()
            .map_bits();
        assert_eq!(special, expected);
        assert_eq!(root.i64("i32", &[2]).expect("widened"), [-(1 << 31), 7]);
        assert_eq!(root.i64("i16", &[2]).expect("widened"), [-(1 << 15), 7]);
        assert_eq!(root.i64("i8", &[2]).expect("widened"), [-128, 7]);
        assert_eq!(root.i64("u8", &[2]).expect("widened"), [255, 7]);
        assert_eq!(root.i64("flags", &[2, 1]).expect("widened"), [1, 0]);
        let norm = root.pp(1);
        assert_eq!(
            norm.i64("num_batches_tracked", &[]).expect("widened"),
            [-(1 << 40)]
        );
        let (tied, first) = (
            root.f32("tied", &[3, 2, 3, 3]),
            root.pp("0").f32("weight", &[3, 2, 3, 3]),
        );
        assert_eq!(tied.expect("shared"), first.expect("shared"));
    }
}

trait MapBits {
    fn map_bits(self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(self) -> Vec<u32> {
        self.into_iter().map(f32::to_bits).collect()
    }
}

#[test]
fn a_double_is_not_silently_narrowed() {
    let checkpoint = open("double.pt");
    let error = checkpoint.root().f32("double", &[1]).expect_err("64 bits");
    assert!(
        matches!(
            error,
            CheckpointError::Type {
                found: Dtype::F64,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn what_is_no_flat_state_dict_is_refused_by_name() {
    for (file, expected) in [
        ("training.pt", "not a flat state dict: 'state' is a dict"),
        (
            "module.pt",
            "it refers to \"torch.nn.modules.linear.Linear\"",
        ),
        ("script.pt", "is compressed"),
    ] {
        let error = Checkpoint::open(&data(file))
            .expect_err("no state dict")
            .to_string();
        assert!(error.contains(file) && error.contains(expected), "{error}");
    }
}
