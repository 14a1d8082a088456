//! Checkpoints of any bytes: PyTorch's two containers and safetensors. Opening must end, without a
//! panic, in an error or in tensors that can all be read.
//!
//! Seeds: the files of `crates/weights/tests/data`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weights::{Checkpoint, Dtype};

fuzz_target!(|data: &[u8]| {
    let Ok(checkpoint) = Checkpoint::from_bytes("fuzz", data.to_vec()) else { return };
    let root = checkpoint.root();
    // Many names may share one storage: reading them all need not be linear in the file.
    for (name, dtype, shape) in checkpoint.tensors().take(64) {
        let count: usize = shape.iter().product();
        match dtype {
            Dtype::F32 | Dtype::F16 | Dtype::BF16 => {
                assert_eq!(root.f32(name, shape).expect("a float").len(), count);
            }
            Dtype::F64 => {
                assert!(root.f32(name, shape).is_err());
                assert_eq!(root.f64(name, shape).expect("a float").len(), count);
            }
            _ => assert_eq!(root.i64(name, shape).expect("an integer").len(), count),
        }
    }
});
