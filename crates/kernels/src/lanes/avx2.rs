use std::arch::x86_64::{
    __m256, _CMP_GT_OQ, _CMP_UNORD_Q, _MM_HINT_T0, _mm_castps_pd, _mm_cvtsd_f64, _mm_cvtss_f32,
    _mm_movehl_ps, _mm_prefetch, _mm_storeu_ps, _mm256_add_epi32, _mm256_add_ps, _mm256_and_si256,
    _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castps_si256,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_div_ps,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_or_ps, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
    _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
};

use super::{Lanes, MOST_LANES};

/// Eight lanes of AVX2 with FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor must have AVX2 and FMA.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

impl Lanes for Avx2 {
    const COUNT: usize = 8;
    const MR: usize = 6;
    const INDIRECT_MR: [usize; 2] = [8, 6];
    type Vector = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX2; the caller promises 8 readable values.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m256) {
        // SAFETY: `self` proves AVX2; the caller promises 8 writable values.
        unsafe { _mm256_storeu_ps(to, vector) }
    }

    // Halves, quarters and single lanes: AMD runs the masked store as some forty micro-operations.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m256, count: usize) {
        // SAFETY: `self` proves AVX2; each store ends at or before `to + count`, which the caller promises writable.
        unsafe {
            if count >= Self::COUNT {
                return _mm256_storeu_ps(to, vector);
            }
            let mut to = to;
            let mut rest = _mm256_castps256_ps128(vector);
            if count & 4 != 0 {
                _mm_storeu_ps(to, rest);
                to = to.add(4);
                rest = _mm256_extractf128_ps::<1>(vector);
            }
            if count & 2 != 0 {
                let pair = _mm_cvtsd_f64(_mm_castps_pd(rest));
                to.cast::<f64>().write_unaligned(pair);
                to = to.add(2);
                rest = _mm_movehl_ps(rest, rest);
            }
            if count & 1 != 0 {
                to.write_unaligned(_mm_cvtss_f32(rest));
            }
        }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // MAXPS answers its second operand when either is NaN, so only a NaN in `a` has to be put back.
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_or_ps(_mm256_max_ps(a, b), _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) }
    }

    #[inline(always)]
    fn at_least(self, x: __m256, low: __m256) -> __m256 {
        // The instruction answers its second operand when either is NaN.
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_max_ps(low, x) }
    }

    #[inline(always)]
    fn at_most(self, x: __m256, high: __m256) -> __m256 {
        // As for `at_least`.
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_min_ps(high, x) }
    }

    #[inline(always)]
    fn low_halves(self, pairs: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(pairs))) }
    }

    #[inline(always)]
    fn high_halves(self, pairs: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let upper = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
            _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), upper))
        }
    }

    #[inline(always)]
    fn rounded_to_bf16(self, x: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let bits = _mm256_castps_si256(x);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
            let upper = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
            let rounded = _mm256_castsi256_ps(_mm256_and_si256(_mm256_add_epi32(bits, up), upper));
            let is_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x);
            _mm256_blendv_ps(rounded, _mm256_set1_ps(f32::NAN), is_nan)
        }
    }

    #[inline(always)]
    fn exp2_of_low_bits(self, bits: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(bits));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
        }
    }

    #[inline(always)]
    fn transpose(self, rows: [__m256; MOST_LANES]) -> [__m256; MOST_LANES] {
        // First inside the halves of four rows each, then half by half.
        let mut halves = rows;
        let mut turned = rows;
        // SAFETY: `self` proves AVX2.
        unsafe {
            for first in [0, 4] {
                let from = &rows[first..first + 4];
                let pair = |low, high| {
                    let (low, high) = (_mm256_castps_pd(low), _mm256_castps_pd(high));
                    [
                        _mm256_castpd_ps(_mm256_unpacklo_pd(low, high)),
                        _mm256_castpd_ps(_mm256_unpackhi_pd(low, high)),
                    ]
                };
                let low = pair(
                    _mm256_unpacklo_ps(from[0], from[1]),
                    _mm256_unpacklo_ps(from[2], from[3]),
                );
                let high = pair(
                    _mm256_unpackhi_ps(from[0], from[1]),
                    _mm256_unpackhi_ps(from[2], from[3]),
                );
                halves[first..first + 4].copy_from_slice(&[low[0], low[1], high[0], high[1]]);
            }
            for i in 0..4 {
                turned[i] = _mm256_permute2f128_ps::<0x20>(halves[i], halves[4 + i]);
                turned[4 + i] = _mm256_permute2f128_ps::<0x31>(halves[i], halves[4 + i]);
            }
        }
        turned
    }

    #[inline(always)]
    fn prefetch(self, at: *const u32) {
        // SAFETY: every x86-64 has the instruction, and it never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    fn where_positive(self, value: __m256, otherwise: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(value, _mm256_setzero_ps());
            _mm256_blendv_ps(otherwise, value, positive)
        }
    }
}
