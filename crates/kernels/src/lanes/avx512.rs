use std::arch::x86_64::{
    __m512, _CMP_GT_OQ, _CMP_UNORD_Q, _MM_HINT_T0, _mm_prefetch, _mm_sfence, _mm512_add_epi32,
    _mm512_add_ps, _mm512_and_si512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_mask_blend_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_shuffle_f32x4, _mm512_slli_epi32, _mm512_srli_epi32, _mm512_storeu_ps, _mm512_stream_ps,
    _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::{Lanes, MOST_LANES};

/// Sixteen lanes of AVX-512 F.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor must have AVX-512 F.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

/// The mask of the first `count` lanes.
#[inline(always)]
fn first(count: usize) -> u16 {
    if count >= Avx512::COUNT {
        u16::MAX
    } else {
        (1_u16 << count) - 1
    }
}

impl Lanes for Avx512 {
    const COUNT: usize = 16;
    const MR: usize = 14;
    const INDIRECT_MR: [usize; 2] = [8, 8];
    type Vector = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: `self` proves AVX-512 F; the caller promises 16 readable values.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m512) {
        // SAFETY: `self` proves AVX-512 F; the caller promises 16 writable values.
        unsafe { _mm512_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32, vector: __m512) {
        // SAFETY: `self` proves AVX-512 F; the caller promises 16 writable values at a multiple of their size.
        unsafe { _mm512_stream_ps(to, vector) }
    }

    #[inline(always)]
    fn settle(self) {
        // SAFETY: every x86-64 has the instruction.
        unsafe { _mm_sfence() }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> __m512 {
        // SAFETY: `self` proves AVX-512 F; masked lanes are not touched and the others are the caller's `count` values.
        unsafe { _mm512_maskz_loadu_ps(first(count), from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m512, count: usize) {
        // SAFETY: `self` proves AVX-512 F; masked lanes are not touched and the others are the caller's `count` values.
        unsafe { _mm512_mask_storeu_ps(to, first(count), vector) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // VMAXPS answers its second operand when either is NaN, so only a NaN in `a` has to be put back.
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            _mm512_mask_blend_ps(nan, _mm512_max_ps(a, b), a)
        }
    }

    #[inline(always)]
    fn at_least(self, x: __m512, low: __m512) -> __m512 {
        // The instruction answers its second operand when either is NaN.
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_max_ps(low, x) }
    }

    #[inline(always)]
    fn at_most(self, x: __m512, high: __m512) -> __m512 {
        // As for `at_least`.
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_min_ps(high, x) }
    }

    #[inline(always)]
    fn low_halves(self, pairs: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(pairs))) }
    }

    #[inline(always)]
    fn high_halves(self, pairs: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
            _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), upper))
        }
    }

    #[inline(always)]
    fn rounded_to_bf16(self, x: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let bits = _mm512_castps_si512(x);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
            let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
            let rounded = _mm512_castsi512_ps(_mm512_and_si512(_mm512_add_epi32(bits, up), upper));
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
            _mm512_mask_blend_ps(is_nan, rounded, _mm512_set1_ps(f32::NAN))
        }
    }

    #[inline(always)]
    fn exp2_of_low_bits(self, bits: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(bits));
            let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
            _mm512_castsi512_ps(_mm512_add_epi32(exponent, one))
        }
    }

    #[inline(always)]
    fn transpose(self, rows: [__m512; MOST_LANES]) -> [__m512; MOST_LANES] {
        // First inside the quarters of four rows each, then quarter by quarter.
        let mut quarters = rows;
        let mut turned = rows;
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            for (to, from) in quarters.chunks_exact_mut(4).zip(rows.chunks_exact(4)) {
                let pair = |low, high| {
                    let (low, high) = (_mm512_castps_pd(low), _mm512_castps_pd(high));
                    [
                        _mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
                        _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)),
                    ]
                };
                let low = pair(
                    _mm512_unpacklo_ps(from[0], from[1]),
                    _mm512_unpacklo_ps(from[2], from[3]),
                );
                let high = pair(
                    _mm512_unpackhi_ps(from[0], from[1]),
                    _mm512_unpackhi_ps(from[2], from[3]),
                );
                to.copy_from_slice(&[low[0], low[1], high[0], high[1]]);
            }
            for i in 0..4 {
                let [a, b, c, d] = [0, 4, 8, 12].map(|first| quarters[first + i]);
                let even = _mm512_shuffle_f32x4::<0x88>(a, b);
                let odd = _mm512_shuffle_f32x4::<0xdd>(a, b);
                let later_even = _mm512_shuffle_f32x4::<0x88>(c, d);
                let later_odd = _mm512_shuffle_f32x4::<0xdd>(c, d);
                turned[i] = _mm512_shuffle_f32x4::<0x88>(even, later_even);
                turned[4 + i] = _mm512_shuffle_f32x4::<0x88>(odd, later_odd);
                turned[8 + i] = _mm512_shuffle_f32x4::<0xdd>(even, later_even);
                turned[12 + i] = _mm512_shuffle_f32x4::<0xdd>(odd, later_odd);
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
    fn where_positive(self, value: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(value, _mm512_setzero_ps());
            _mm512_mask_blend_ps(positive, otherwise, value)
        }
    }
}
