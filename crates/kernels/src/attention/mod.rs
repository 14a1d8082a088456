//! Self-attention over the tokens of an image, head by head, without ever holding the matrix of all scores; and attention
//! of single tokens over what a decoder has kept, or over keys and values that never change.

mod cached;
mod head;
mod packed;
mod softmax;

use rayon::prelude::*;

use crate::buffer::{Shared, written};
use crate::words::Layout;
use crate::{Isa, Precision};
pub use cached::{Attending, CachedRows, cached_attention};
use head::Head;
pub use packed::PackedKeyValues;

/// Sizes of a self-attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// How many images; each attends to its own tokens only.
    pub batch: usize,
    /// Tokens of each image.
    pub tokens: usize,
    /// How many of them ask, the first ones; every token is attended to.
    pub queries: usize,
    /// Heads.
    pub heads: usize,
    /// Numbers of each head.
    pub head_size: usize,
}

/// Tasks for each thread, at least, so that none waits long for the last.
const TASKS_A_THREAD: usize = 8;

/// `softmax(q · kᵀ / sqrt(head_size)) · v` for each head, `[batch, queries, heads * head_size]`, from
/// `qkv`, `[batch, tokens, 3, heads, head_size]`.
///
/// bf16 products are taken where the processor has them; elsewhere products are `f32` whatever the precision, which
/// is as fast. Splits the work over the threads of the rayon pool that it is called in.
///
/// # Panics
/// When `qkv` does not have that length, a size other than the batch is 0, or more tokens ask than there are.
#[must_use]
pub fn attention(isa: Isa, precision: Precision, qkv: &[f32], shape: AttentionShape) -> Vec<f32> {
    let AttentionShape {
        batch,
        tokens,
        queries,
        heads,
        head_size,
    } = shape;
    let width = heads * head_size;
    assert!(tokens > 0 && width > 0, "an attention of nothing");
    assert!(
        (1..=tokens).contains(&queries),
        "{queries} queries of {tokens} tokens"
    );
    assert_eq!(qkv.len(), batch * tokens * 3 * width, "qkv length");
    let layout = layout(isa, precision);
    let panels = queries.div_ceil(layout.nr);
    let wanted = TASKS_A_THREAD * rayon::current_num_threads();
    let parts = wanted.div_ceil((batch * heads).max(1)).clamp(1, panels);
    let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
        let to = Shared::new(to.as_mut_ptr().cast::<f32>());
        (0..batch * heads * parts)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (part, head) = (task % parts, task / parts % heads);
                let image = task / parts / heads;
                let qkv = &qkv[image * tokens * 3 * width..][..tokens * 3 * width];
                let panels = part * panels / parts..(part + 1) * panels / parts;
                isa.with_product(
                    layout.precision,
                    Head {
                        layout,
                        shape,
                        qkv,
                        head,
                        panels,
                        to: Shared::new(to.at(image * queries * width)),
                    },
                );
            });
    };
    // SAFETY: the tasks cover every head of every query of every image, so every element is written.
    #[expect(unsafe_code, reason = "memory that is written in parallel")]
    unsafe {
        written(batch * queries * width, write)
    }
}

/// bf16 products where the processor has them, else `f32`.
fn layout(isa: Isa, precision: Precision) -> Layout {
    let precision = if isa.multiplies_bf16() {
        precision
    } else {
        Precision::F32
    };
    Layout::new(isa, precision)
}
