//! Prints every tensor of a checkpoint as `name type shape sha256`, the digest over its values in
//! row-major order, little-endian. `parity/weights_goldens.py --compare` holds it against `torch.load`.

use std::error::Error;
use std::path::Path;

use sha2::{Digest, Sha256};
use weights::{Checkpoint, Dtype};

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let checkpoint = Checkpoint::open(Path::new(&path))?;
        for (name, dtype, shape) in checkpoint.tensors() {
            let mut digest = Sha256::new();
            match dtype {
                Dtype::F16 | Dtype::BF16 | Dtype::F32 => {
                    for value in checkpoint.root().f32(name, shape)? {
                        digest.update(value.to_le_bytes());
                    }
                }
                _ => {
                    for value in checkpoint.root().i64(name, shape)? {
                        digest.update(value.to_le_bytes());
                    }
                }
            }
            let digest: String = digest
                .finalize()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            println!("{name} {dtype} {shape:?} {digest}");
        }
        checkpoint.finish()?;
    }
    Ok(())
}
