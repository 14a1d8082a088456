//! Four neighbouring samples of a channel in one word: what a processor multiplies with four weights and sums in one step.

use fearless_simd::{Bytes, Simd, SimdBase, u8x16, u32x4, u64x2};

/// Words that are summed side by side.
pub(super) const LANES: usize = 48;

/// [`LANES`] words. Of a strip of rows they hold four neighbouring pixels: 16 rows' red, then green, then blue. Of four rows
/// they hold 48 neighbouring samples.
pub(super) type Quads = [u8; LANES * 4];

/// Rows that are scaled side by side.
pub(super) const STRIP_ROWS: usize = LANES / 3;

/// Bytes of the pixels that [`from_columns`] takes from a row.
pub(super) const CHUNK: usize = 48;

/// Quads that [`from_columns`] makes.
pub(super) const CHUNK_QUADS: usize = CHUNK / 3 / 4;

/// Quads of neighbouring pixels, out of the same 16 pixels of each row.
#[inline(always)]
pub(super) fn from_columns<S: Simd>(
    simd: S,
    rows: &[&[u8; CHUNK]; STRIP_ROWS],
    out: &mut [Quads; CHUNK_QUADS],
) {
    // Where the samples of four pixels lie, by channel. The last 16 bytes of a chunk have their four pixels at the end.
    let by_channel =
        |first: u8| u8x16::from_fn(simd, |at| first + (at as u8 % 4 * 3 + at as u8 / 4).min(11));
    let (front, back) = (by_channel(0), by_channel(4));
    for (quad, (start, order)) in [(0, front), (12, front), (24, front), (32, back)]
        .into_iter()
        .enumerate()
    {
        for group in 0..STRIP_ROWS / 4 {
            let row = |at: usize| -> u32x4<S> {
                let bytes = &rows[group * 4 + at][start..start + 16];
                let channels = u8x16::from_slice(simd, bytes).swizzle_dyn_within_blocks(order);
                channels.bitcast()
            };
            let [a, b, c, d] = [row(0), row(1), row(2), row(3)];
            let pair = |low: u32x4<S>| -> u64x2<S> { low.bitcast() };
            let (red_green, blue) = (
                (pair(a.zip_low(b)), pair(c.zip_low(d))),
                (pair(a.zip_high(b)), pair(c.zip_high(d))),
            );
            let channels = [
                red_green.0.zip_low(red_green.1),
                red_green.0.zip_high(red_green.1),
                blue.0.zip_low(blue.1),
            ];
            for (channel, words) in channels.into_iter().enumerate() {
                let at = (channel * STRIP_ROWS + group * 4) * 4;
                let words: u8x16<S> = words.bitcast();
                words.store_slice(&mut out[quad][at..at + 16]);
            }
        }
    }
}

/// Quads of neighbouring rows: `out` gets a word for each sample of the rows, which are of the same length.
#[inline(always)]
pub(super) fn from_rows(rows: [&[u8]; 4], out: &mut [Quads]) {
    let words = out.as_flattened_mut().as_chunks_mut::<4>().0;
    let [a, b, c, d] = rows;
    for ((((word, a), b), c), d) in words.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *word = [*a, *b, *c, *d];
    }
}

/// Row `at` of the four that [`from_rows`] was given.
#[inline(always)]
pub(super) fn row(quads: &[Quads], at: usize, out: &mut [u8]) {
    let words = quads.as_flattened().as_chunks::<4>().0;
    for (sample, word) in out.iter_mut().zip(words) {
        *sample = word[at];
    }
}
