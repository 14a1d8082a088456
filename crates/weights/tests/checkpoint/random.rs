//! Properties: whatever is written is read back; whatever is damaged is refused or read, never fatal.

use proptest::collection::vec;
use proptest::prelude::*;
use weights::{Checkpoint, Dtype};

use crate::torch_file::{Pickle, View, floats, torch_legacy, torch_zip};

/// Reads everything a checkpoint claims to hold.
fn read_all(file: Vec<u8>) {
    let Ok(checkpoint) = Checkpoint::from_bytes("random", file) else {
        return;
    };
    for (name, dtype, shape) in checkpoint.tensors() {
        let count: usize = shape.iter().product();
        match dtype {
            Dtype::F32 | Dtype::F16 | Dtype::BF16 => {
                let read = checkpoint.root().f32(name, shape).expect("a float");
                assert_eq!(read.len(), count);
            }
            Dtype::F64 => {}
            _ => {
                let read = checkpoint.root().i64(name, shape).expect("an integer");
                assert_eq!(read.len(), count);
            }
        }
    }
}

fn fixture(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("committed")
}

/// Dimensions in any order in memory: sizes, and a permutation that says which varies fastest.
fn layout() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, usize)> {
    vec(0..5_usize, 0..5).prop_flat_map(|shape| {
        let order: Vec<usize> = (0..shape.len()).collect();
        (Just(shape), Just(order).prop_shuffle(), 0..7_usize)
    })
}

proptest! {
    #[test]
    fn any_order_in_memory_is_read_in_row_major_order((shape, order, offset) in layout()) {
        let mut strides = vec![0; shape.len()];
        let mut step = 1;
        for &dimension in &order {
            strides[dimension] = step;
            step *= shape[dimension].max(1);
        }
        let count = step + offset;
        let storage: Vec<f32> = (0..count).map(|value| value as f32).collect();
        // The slow way: every index by division.
        let total: usize = shape.iter().product();
        let expected: Vec<f32> = (0..total)
            .map(|position| {
                let mut rest = position;
                let mut at = offset;
                for (size, stride) in shape.iter().zip(&strides).rev() {
                    at += rest % size * stride;
                    rest /= size;
                }
                storage[at]
            })
            .collect();

        let signed = |values: &[usize]| values.iter().map(|&v| v as i64).collect::<Vec<_>>();
        let view = View {
            count: count as i64,
            offset: offset as i64,
            shape: &signed(&shape),
            strides: &signed(&strides),
            ..View::FOUR
        };
        let (pickle, bytes) = (Pickle::state_dict(&view), floats(&storage));
        let legacy = torch_legacy(&pickle, &[("0", count as i64, &bytes)]);
        for file in [torch_zip(&pickle, &bytes), legacy] {
            let checkpoint = Checkpoint::from_bytes("random.pt", file).expect("sound");
            prop_assert_eq!(checkpoint.root().f32("x", &shape).expect("there"), expected.clone());
            checkpoint.finish().expect("read");
        }
    }

    #[test]
    fn views_of_any_numbers_are_refused_or_within_the_file(
        count in 0..9_i64,
        offset in -1..9_i64,
        shape in vec(-1..9_i64, 0..4),
        strides in vec(-1..9_i64, 0..4),
    ) {
        let view = View { count, offset, shape: &shape, strides: &strides, ..View::FOUR };
        let bytes = vec![1; usize::try_from(count).expect("positive") * 4];
        read_all(torch_zip(&Pickle::state_dict(&view), &bytes));
    }

    #[test]
    fn random_instructions_are_never_fatal(code in vec(any::<u8>(), 0..200)) {
        read_all(torch_zip(&Pickle::new().op(&code).0, &[0; 16]));
        read_all(torch_legacy(&Pickle::new().op(&code).0, &[("0", 4, &[0; 16])]));
        read_all(code);
    }

    #[test]
    fn damaged_files_are_never_fatal(
        which in 0..5_usize,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let files = ["zip.pt", "zip_protocol4.pt", "legacy.pt", "legacy_protocol5.pt", "expected.safetensors"];
        let mut file = fixture(files[which]);
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        read_all(file.clone());
        file.truncate(cut.index(file.len()));
        read_all(file);
    }
}
