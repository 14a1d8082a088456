//! One head of one image. Everything is transposed: a panel's columns are queries, so that the softmax runs down the
//! columns, lane by lane, and its results already lie as the next product wants its weights.

#![expect(unsafe_code, reason = "vector loads and stores of tiles")]

use std::cell::Cell;
use std::ops::Range;

use super::AttentionShape;
use crate::activation::{exp_not_above_0, rough_exp2_not_above_0};
use crate::buffer::{Shared, Words};
use crate::input_words::InputWords;
use crate::lanes::{Lanes, MOST_LANES};
use crate::micro_kernel::{MAX_MR, Operands, PrefetchShare, Sums, micro_kernel};
use crate::product::{Product, VECTORS, Vector, WithProduct};
use crate::words::Layout;

/// Some panels of queries of one head.
pub(super) struct Head<'a> {
    pub(super) layout: Layout,
    pub(super) shape: AttentionShape,
    /// `[tokens, 3, heads, head_size]`.
    pub(super) qkv: &'a [f32],
    pub(super) head: usize,
    pub(super) panels: Range<usize>,
    /// `[queries, heads, head_size]`.
    pub(super) to: Shared<f32>,
}

/// Memory of a task, kept from task to task.
#[derive(Default)]
struct Memory {
    keys: Words,
    values: Words,
    queries: Words,
    scores: Words,
    output: Words,
}

thread_local! {
    static MEMORY: Cell<Option<Box<Memory>>> = const { Cell::new(None) };
}

/// Keys are taken some at a time: as many as keep a panel of their scores in the first cache.
struct Chunks {
    tokens: usize,
    length: usize,
    rows: usize,
}

impl Chunks {
    fn new(layout: Layout, tokens: usize) -> Self {
        let chunks = tokens.div_ceil(layout.kc / layout.input_terms);
        // An even length, so that pairs of keys never straddle two chunks.
        let length = tokens.div_ceil(chunks).next_multiple_of(2);
        Self {
            tokens,
            length,
            rows: layout.mr,
        }
    }

    fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = (0..self.tokens).step_by(self.length);
        starts.map(|start| start..self.tokens.min(start + self.length))
    }

    /// The micro-panels of `all` rows: as many rows as a tile has, or one fewer.
    fn micro_panels(&self, all: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let micro_panels = all.div_ceil(self.rows);
        (0..micro_panels)
            .map(move |index| index * all / micro_panels..(index + 1) * all / micro_panels)
    }
}

impl Head<'_> {
    /// Part 0, 1 or 2 (query, key, value) of a token.
    fn part(&self, token: usize, part: usize) -> &[f32] {
        &self.from(token, part)[..self.shape.head_size]
    }

    /// The same and all that lies behind it.
    fn from(&self, token: usize, part: usize) -> &[f32] {
        let AttentionShape {
            heads, head_size, ..
        } = self.shape;
        &self.qkv[((token * 3 + part) * heads + self.head) * head_size..]
    }

    /// Keys as rows of tiles whose depth is the head's size; values as rows of tiles whose depth is the keys.
    #[inline(always)]
    fn pack_keys_and_values<P: Product>(
        &self,
        input_words: InputWords<P>,
        chunks: &Chunks,
        memory: &mut Memory,
    ) {
        let AttentionShape {
            tokens, head_size, ..
        } = self.shape;
        let depth = head_size.div_ceil(self.layout.input_terms);
        let mut keys = memory.keys.at_least(tokens * depth);
        let pairs = tokens.div_ceil(self.layout.input_terms);
        let mut values = memory.values.at_least(pairs * head_size);
        for chunk in chunks.iter() {
            for micro_panel in chunks.micro_panels(chunk.len()) {
                let (to, rest) = keys.split_at_mut(micro_panel.len() * depth);
                keys = rest;
                let mut rows: [&[f32]; MAX_MR] = [&[]; MAX_MR];
                for (row, key) in rows.iter_mut().zip(micro_panel.clone()) {
                    *row = self.part(chunk.start + key, 1);
                }
                input_words.interleave(&rows[..micro_panel.len()], micro_panel.len(), to);
            }
            let depth = chunk.len().div_ceil(self.layout.input_terms);
            for micro_panel in chunks.micro_panels(head_size) {
                let (to, rest) = values.split_at_mut(micro_panel.len() * depth);
                values = rest;
                let rows = chunk
                    .clone()
                    .map(|key| &self.from(key, 2)[micro_panel.start..]);
                input_words.stack(rows, micro_panel.len(), micro_panel.len(), to);
            }
        }
    }
}

impl WithProduct for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Product>(self, product: P) {
        let chunks = Chunks::new(self.layout, self.shape.tokens);
        let mut memory = MEMORY.take().unwrap_or_default();
        let input_words = InputWords::new(product, self.layout.precision);
        self.pack_keys_and_values(input_words, &chunks, &mut memory);
        for panel in self.panels.clone() {
            // SAFETY: the panel is this task's alone.
            unsafe { attend(product, &self, &chunks, &mut memory, panel) };
        }
        MEMORY.set(Some(memory));
    }
}

/// Computes the output of a panel of queries.
///
/// # Safety
/// `head.to` must be the output, in which no one else writes this head's part of the panel's tokens.
#[inline(always)]
unsafe fn attend<P: Product>(
    product: P,
    head: &Head<'_>,
    chunks: &Chunks,
    memory: &mut Memory,
    panel: usize,
) {
    let lanes = product.lanes();
    let columns = VECTORS * P::Lanes::COUNT;
    assert!(head.layout.nr == columns && head.layout.mr == P::MR);
    let AttentionShape {
        queries,
        heads,
        head_size,
        ..
    } = head.shape;
    let terms = P::TERMS;
    let queries = panel * columns..queries.min((panel + 1) * columns);
    let depth = head_size.div_ceil(terms);
    let packed = memory.queries.at_least(depth * columns);
    // A power of two for the usual sizes, so that nothing is rounded by it where numbers are `f32`.
    let scale = (head_size as f32).sqrt().recip() * score_unit::<P>();
    let input_words = InputWords::new(product, head.layout.precision).scaled(scale);
    for v in 0..VECTORS {
        // Where there are no more queries the last one is taken again, and nobody looks at what comes of it.
        let mut rows: [&[f32]; MOST_LANES] = [&[]; MOST_LANES];
        let first = queries.start + v * P::Lanes::COUNT;
        for (i, row) in rows.iter_mut().enumerate().take(P::Lanes::COUNT) {
            *row = head.part((first + i).min(queries.end - 1), 0);
        }
        let rows = &rows[..P::Lanes::COUNT];
        input_words.interleave(rows, columns, &mut packed[v * P::Lanes::COUNT..]);
    }
    let scores = memory.scores.at_least(chunks.length * columns);
    let output = memory.output.at_least(head_size * columns);
    output.fill(0);
    let (scores, output) = (
        scores.as_mut_ptr().cast::<f32>(),
        output.as_mut_ptr().cast::<f32>(),
    );
    let mut largest = [lanes.splat(f32::NEG_INFINITY); VECTORS];
    let mut total = [lanes.splat(0.0); VECTORS];
    let mut keys = memory.keys.as_slice();
    let mut values = memory.values.as_slice();
    let mut sums = Sums::new();

    for chunk in chunks.iter() {
        for micro_panel in chunks.micro_panels(chunk.len()) {
            let (inputs, rest) = keys.split_at(micro_panel.len() * depth);
            keys = rest;
            let operands = Operands {
                a: inputs.as_ptr(),
                a_stride: micro_panel.len(),
                b: packed.as_ptr(),
                k: depth,
                prefetch: PrefetchShare::NONE,
            };
            // SAFETY: the packed keys and queries have `depth` words each; a chunk's scores have room for its micro-panels.
            unsafe {
                micro_kernel(
                    product,
                    micro_panel.len(),
                    operands,
                    scores.add(micro_panel.start * columns),
                )
            };
        }
        // SAFETY: the scores of the chunk's keys have just been written.
        let rescale =
            unsafe { softmax_step(product, scores, chunk.len(), &mut largest, &mut total) };
        let steps = chunk.len().div_ceil(terms);
        for micro_panel in chunks.micro_panels(head_size) {
            let (inputs, rest) = values.split_at(micro_panel.len() * steps);
            values = rest;
            let operands = Operands {
                a: inputs.as_ptr(),
                a_stride: micro_panel.len(),
                b: scores.cast(),
                k: steps,
                prefetch: PrefetchShare::NONE,
            };
            // SAFETY: as above, with the keys as depth; `output` has a row for each of the head's numbers.
            unsafe {
                micro_kernel(product, micro_panel.len(), operands, sums.0.as_mut_ptr());
                for (r, row) in micro_panel.enumerate() {
                    for (v, rescale) in rescale.iter().enumerate() {
                        let at = output.add(row * columns + v * P::Lanes::COUNT);
                        let sum =
                            lanes.load(sums.0.as_ptr().add(r * columns + v * P::Lanes::COUNT));
                        lanes.store(at, lanes.mul_add(lanes.load(at), *rescale, sum));
                    }
                }
            }
        }
    }

    for (v, total) in total.iter().enumerate() {
        let share = lanes.div(lanes.splat(1.0), *total);
        let first = v * P::Lanes::COUNT;
        let columns_used = P::Lanes::COUNT.min(queries.len().saturating_sub(first));
        for i in (0..head_size).step_by(P::Lanes::COUNT) {
            let numbers = P::Lanes::COUNT.min(head_size - i);
            let mut square = [lanes.splat(0.0); MOST_LANES];
            for (number, vector) in square.iter_mut().enumerate().take(P::Lanes::COUNT) {
                let row = (i + number).min(head_size - 1);
                // SAFETY: the output has a row of columns for each of the head's numbers.
                let sum = unsafe { lanes.load(output.add(row * columns + first)) };
                *vector = lanes.mul(sum, share);
            }
            let turned = lanes.transpose(square);
            for (column, vector) in turned.iter().enumerate().take(columns_used) {
                let query = queries.start + first + column;
                let to = head.to.at((query * heads + head.head) * head_size + i);
                // SAFETY: the place is inside this head's part of the query, which is this task's alone.
                unsafe { lanes.store_first(to, *vector, numbers) };
            }
        }
    }
}

/// What scores are multiplied with for [`exp_of_score`]: exponentials that are rounded to bf16 are powers of 2 first.
const fn score_unit<P: Product>() -> f32 {
    if P::TERMS == 2 {
        std::f32::consts::LOG2_E
    } else {
        1.0
    }
}

/// The exponential of a score that is not above 0.
#[inline(always)]
fn exp_of_score<P: Product>(product: P, score: Vector<P>) -> Vector<P> {
    if P::TERMS == 2 {
        rough_exp2_not_above_0(product.lanes(), score)
    } else {
        exp_not_above_0(product.lanes(), score)
    }
}

/// Makes `exp(score - largest)` of the scores of `keys` keys, in the form of words of weights, and brings `largest` and the
/// `total` of each column up to date. Answers what earlier sums have to be multiplied with.
///
/// # Safety
/// `scores` must have `keys` rows of columns, and one more if they are odd.
#[inline(always)]
unsafe fn softmax_step<P: Product>(
    product: P,
    scores: *mut f32,
    keys: usize,
    largest: &mut [<P::Lanes as Lanes>::Vector; VECTORS],
    total: &mut [<P::Lanes as Lanes>::Vector; VECTORS],
) -> [<P::Lanes as Lanes>::Vector; VECTORS] {
    let lanes = product.lanes();
    let columns = VECTORS * P::Lanes::COUNT;
    let mut rescale = [lanes.splat(0.0); VECTORS];
    // SAFETY: rows of columns, as the caller promises.
    unsafe {
        let mut highest = *largest;
        for key in 0..keys {
            for (v, highest) in highest.iter_mut().enumerate() {
                let score = lanes.load(scores.add(key * columns + v * P::Lanes::COUNT));
                *highest = lanes.max(score, *highest);
            }
        }
        for v in 0..VECTORS {
            rescale[v] = exp_of_score(product, lanes.sub(largest[v], highest[v]));
            total[v] = lanes.mul(total[v], rescale[v]);
            largest[v] = highest[v];
        }
        for step in 0..keys.div_ceil(P::TERMS) {
            for v in 0..VECTORS {
                let mut terms = [lanes.splat(0.0); 2];
                for (i, term) in terms.iter_mut().enumerate().take(P::TERMS) {
                    let key = step * P::TERMS + i;
                    if key < keys {
                        let score = lanes.load(scores.add(key * columns + v * P::Lanes::COUNT));
                        *term = exp_of_score(product, lanes.sub(score, highest[v]));
                        total[v] = lanes.add(total[v], *term);
                    }
                }
                // A word never lies behind the scores it is made of.
                lanes.store(
                    scores.add(step * columns + v * P::Lanes::COUNT),
                    product.word(terms),
                );
            }
        }
    }
    rescale
}
