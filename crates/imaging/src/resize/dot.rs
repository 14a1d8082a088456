//! Samples times weights, summed: the same sums on every processor.
//!
//! A weight has more bits than the instructions that multiply and add take. So it is cut into digits, which are summed apart
//! and put together at the end. Each of these sums is right modulo 2³², so the whole is; and that fits into 32 bits.

use fearless_simd::{Bytes, Level, Simd, SimdBase, SimdIntWiden};

use super::coefficients::{HALF, to_sample};
use super::quads::{LANES, Quads};

/// The weights of a quad, in digits.
pub(super) type Weights = [u32; 4];

/// Bits of the lower one of two digits.
const LOW_BITS: u32 = 11;

/// The weights as [`dot`] takes them at `level`.
pub(super) fn digits(level: Level, weights: [i32; 4]) -> Weights {
    #[cfg(target_arch = "x86_64")]
    if level.as_avx512().is_some() {
        return bytes::digits(weights);
    }
    let _ = level;
    pairs(weights)
}

/// Two digits of 16 bits, in pairs: the upper ones of the first and third weight, of the second and fourth, and the lower ones
/// likewise.
fn pairs([a, b, c, d]: [i32; 4]) -> Weights {
    let pair = |a: i32, b: i32| (a & 0xffff | b << 16) as u32;
    let high = |weight: i32| weight >> LOW_BITS;
    let low = |weight: i32| weight & ((1 << LOW_BITS) - 1);
    [
        pair(high(a), high(c)),
        pair(high(b), high(d)),
        pair(low(a), low(c)),
        pair(low(b), low(d)),
    ]
}

/// Each lane's samples in every `stride`th of `quads`, times their weights, summed and rounded.
#[inline(always)]
pub(super) fn dot<S: Simd>(
    simd: S,
    quads: &[Quads],
    stride: usize,
    weights: &[Weights],
) -> [u8; LANES] {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = simd.level().as_avx512() {
        return bytes::dot(avx512, quads, stride, weights);
    }
    dot_pairs(simd, quads, stride, weights)
}

/// For processors that multiply pairs of 16-bit numbers and add.
#[inline(always)]
fn dot_pairs<S: Simd>(simd: S, quads: &[Quads], stride: usize, weights: &[Weights]) -> [u8; LANES] {
    /// Vectors whose sums there are registers for.
    const VECTORS: usize = 3;
    let lanes = S::i32s::LEN;
    let mut totals = [0; LANES];
    for (at, totals) in totals.chunks_exact_mut(VECTORS * lanes).enumerate() {
        let mut sums = [[S::i32s::splat(simd, 0); 2]; VECTORS];
        for (quads, weights) in quads.iter().step_by(stride).zip(weights) {
            let [high_even, high_odd, low_even, low_odd] =
                weights.map(|pair| S::u32s::splat(simd, pair).bitcast::<S::i16s>());
            for (vector, [high, low]) in sums.iter_mut().enumerate() {
                let start = (at * VECTORS + vector) * lanes * 4;
                let samples: S::u16s =
                    S::u8s::from_slice(simd, &quads[start..start + lanes * 4]).bitcast();
                let even: S::i16s = (samples & 0xff).bitcast();
                let odd: S::i16s = (samples >> 8).bitcast();
                *high += even.pairwise_dot_product(high_even) + odd.pairwise_dot_product(high_odd);
                *low += even.pairwise_dot_product(low_even) + odd.pairwise_dot_product(low_odd);
            }
        }
        for ([high, low], totals) in sums.into_iter().zip(totals.chunks_exact_mut(lanes)) {
            ((high << LOW_BITS) + low + HALF).store_slice(totals);
        }
    }
    totals.map(to_sample)
}

/// For processors that multiply four bytes and add.
#[cfg(target_arch = "x86_64")]
mod bytes {
    use std::arch::x86_64::{
        __m128i, __m512i, _mm512_add_epi32, _mm512_cvtusepi32_epi8, _mm512_dpbusd_epi32,
        _mm512_max_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi32,
        _mm512_srai_epi32,
    };

    use fearless_simd::{SimdBase, SimdInto, u8x16, u8x64};

    use super::{HALF, LANES, Quads, Weights};
    use crate::resize::coefficients::PRECISION_BITS;

    /// Three digits of 8 bits with signs, the lowest first.
    pub(super) fn digits(weights: [i32; 4]) -> Weights {
        let digit = |bits: u32| {
            let digits = weights.map(|weight| {
                // What the lower digits' signs take away, the upper ones have more.
                let carried = 0x8080 & ((1 << bits) - 1);
                ((weight + carried) >> bits) as u8
            });
            u32::from_le_bytes(digits)
        };
        [digit(0), digit(8), digit(16), 0]
    }

    fearless_simd::kernel!(
        #[inline(always)]
        pub(super) fn dot(
            avx512: Avx512,
            quads: &[Quads],
            stride: usize,
            weights: &[Weights],
        ) -> [u8; LANES] {
            const VECTORS: usize = LANES / 16;
            let mut sums = [[_mm512_setzero_si512(); 3]; VECTORS];
            for (quads, weights) in quads.iter().step_by(stride).zip(weights) {
                for (vector, sums) in sums.iter_mut().enumerate() {
                    let samples = u8x64::from_slice(avx512, &quads[vector * 64..][..64]);
                    for (sum, digits) in sums.iter_mut().zip(weights) {
                        let digits = _mm512_set1_epi32(*digits as i32);
                        *sum = _mm512_dpbusd_epi32(*sum, samples.into(), digits);
                    }
                }
            }
            let mut out = [0; LANES];
            for ([low, middle, high], out) in sums.into_iter().zip(out.chunks_exact_mut(16)) {
                let upper = _mm512_add_epi32(middle, _mm512_slli_epi32::<8>(high));
                let sum = _mm512_add_epi32(low, _mm512_slli_epi32::<8>(upper));
                let rounded = _mm512_add_epi32(sum, _mm512_set1_epi32(HALF));
                let level = _mm512_srai_epi32::<PRECISION_BITS>(rounded);
                let level: __m512i = _mm512_max_epi32(level, _mm512_setzero_si512());
                let bytes: __m128i = _mm512_cvtusepi32_epi8(level);
                let bytes: u8x16<_> = bytes.simd_into(avx512);
                bytes.store_slice(out);
            }
            out
        }
    );
}
