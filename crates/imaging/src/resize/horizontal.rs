use fearless_simd::Simd;

use super::axis::Axis;
use super::dot::dot;
use super::quads::{CHUNK, CHUNK_QUADS, LANES, Quads, STRIP_ROWS, from_columns};

/// Scales `rows`, which begin and end with the pixels that `columns` uses. `out` gets them as four rows of quads of neighbouring
/// rows; the last row stands in for those after it.
#[inline(always)]
pub(super) fn scale_strip<S: Simd>(simd: S, rows: &[&[u8]], columns: &Axis, out: &mut [Quads]) {
    let row = |at: usize| rows[at.min(rows.len() - 1)];
    let rows: [_; STRIP_ROWS] = std::array::from_fn(|at| row(at).as_chunks::<CHUNK>());
    let ends = rows.map(|(_, rest)| {
        let mut end = [0; CHUNK];
        end[..rest.len()].copy_from_slice(rest);
        end
    });
    let chunk = |at: usize| -> [&[u8; CHUNK]; STRIP_ROWS] {
        std::array::from_fn(|row| rows[row].0.get(at).unwrap_or(&ends[row]))
    };

    // Only the quads at hand are kept, so that they stay in the first cache.
    let mut at_hand = vec![[0; LANES * 4]; columns.longest().max(32) * 2 + CHUNK_QUADS];
    let (mut start, mut end) = (0, 0);
    let width = out.len() / 4 * LANES * 4;
    let mut groups = out.as_flattened_mut().chunks_exact_mut(width);
    let mut groups: [_; 4] = std::array::from_fn(|_| groups.next().unwrap_or_default());
    for column in 0..columns.len() {
        let (first, weights) = columns.span(column);
        while end < first + weights.len() {
            if at_hand.len() < end - start + CHUNK_QUADS {
                at_hand.copy_within(first - start..end - start, 0);
                start = first;
            }
            if let Some(free) = at_hand[end - start..].first_chunk_mut() {
                from_columns(simd, &chunk(end / CHUNK_QUADS), free);
            }
            end += CHUNK_QUADS;
        }
        let samples = dot(simd, &at_hand[first - start..], 1, weights);
        let channels = samples.as_chunks::<STRIP_ROWS>().0;
        for (group, out) in groups.iter_mut().enumerate() {
            let words = out[column * 12..][..12].as_chunks_mut::<4>().0;
            for (word, samples) in words.iter_mut().zip(channels) {
                word.copy_from_slice(&samples[group * 4..][..4]);
            }
        }
    }
}
