//! A seeded file as a stream of bytes: a checkpoint is never in memory as a whole.

use super::rule::Stream;
use super::tensors::Tensors;
use crate::checkpoint::UNTRAINED;

/// Numbers made at a time.
const CHUNK: usize = 1 << 16;

pub(super) struct Content {
    header: Vec<u8>,
    tensors: Tensors,
    seed: u64,
}

impl Content {
    pub(super) fn new(tensors: Tensors, seed: u64) -> Self {
        Self {
            header: header(&tensors, seed),
            tensors,
            seed,
        }
    }

    /// A file that is nothing but a text.
    pub(super) fn of_text(text: String) -> Self {
        Self {
            header: text.into_bytes(),
            tensors: Tensors::default(),
            seed: 0,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.tensors.0.is_empty()
    }

    /// Bytes of the whole file.
    pub(super) fn length(&self) -> u64 {
        let numbers: usize = self.tensors.0.iter().map(|tensor| tensor.count()).sum();
        (self.header.len() + 4 * numbers) as u64
    }

    /// Hands the file's bytes to `take`, from first to last.
    pub(super) fn chunks<E>(&self, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        take(&self.header)?;
        let mut buffer = vec![[0; 4]; CHUNK];
        for tensor in &self.tensors.0 {
            let stream = Stream::new(self.seed, &tensor.name);
            for start in (0..tensor.count()).step_by(CHUNK) {
                let chunk = &mut buffer[..CHUNK.min(tensor.count() - start)];
                for (bytes, index) in chunk.iter_mut().zip(start as u64..) {
                    *bytes = tensor.at(index, stream.at(index)).to_le_bytes();
                }
                take(chunk.as_flattened())?;
            }
        }
        Ok(())
    }

    /// Whether `file` has this content.
    pub(super) fn is(&self, file: &[u8]) -> bool {
        let mut rest = file;
        let compared = self.chunks(|bytes| match rest.strip_prefix(bytes) {
            Some(after) => {
                rest = after;
                Ok(())
            }
            None => Err(()),
        });
        compared.is_ok() && rest.is_empty()
    }
}

/// The header of a safetensors file, with its length before it; padded, so that what follows is
/// aligned.
fn header(tensors: &Tensors, seed: u64) -> Vec<u8> {
    // Written by hand: the order of the entries is part of the file's bytes.
    let mut json = format!(
        r#"{{"__metadata__":{{"format":"pt","image_embed.seed":"{seed}","{UNTRAINED}":"true"}}"#
    );
    let mut at = 0;
    for tensor in &tensors.0 {
        let end = at + 4 * tensor.count();
        let (name, shape) = (&tensor.name, &tensor.shape);
        json += &format!(
            r#","{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{at},{end}]}}"#
        );
        at = end;
    }
    json.push('}');
    while json.len() % 8 != 0 {
        json.push(' ');
    }
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json.as_bytes());
    header
}
