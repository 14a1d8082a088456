use super::{Lanes, MOST_LANES};

/// Eight lanes as an array, which the compiler turns into the baseline's vectors.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    const COUNT: usize = 8;
    const MR: usize = 4;
    const INDIRECT_MR: [usize; 2] = [4, 4];
    type Vector = [f32; 8];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 8] {
        // SAFETY: the caller promises 8 readable values.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: [f32; 8]) {
        // SAFETY: the caller promises 8 writable values.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: [f32; 8], count: usize) {
        for (i, value) in vector.iter().enumerate().take(count) {
            // SAFETY: `i < count`, and the caller promises `count` writable values.
            unsafe { to.add(i).write_unaligned(*value) }
        }
    }

    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        let mut result = c;
        for i in 0..8 {
            // Without the instruction, `f32::mul_add` is a slow library call.
            result[i] = if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                a[i].mul_add(b[i], c[i])
            } else {
                a[i] * b[i] + c[i]
            };
        }
        result
    }

    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        let mut result = b;
        for (r, a) in result.iter_mut().zip(a) {
            *r = if a > *r || a.is_nan() { a } else { *r };
        }
        result
    }

    #[inline(always)]
    fn at_least(self, x: [f32; 8], low: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if low[i] > x[i] { low[i] } else { x[i] })
    }

    #[inline(always)]
    fn at_most(self, x: [f32; 8], high: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if high[i] < x[i] { high[i] } else { x[i] })
    }

    #[inline(always)]
    fn low_halves(self, pairs: [f32; 8]) -> [f32; 8] {
        pairs.map(|pair| f32::from_bits(pair.to_bits() << 16))
    }

    #[inline(always)]
    fn high_halves(self, pairs: [f32; 8]) -> [f32; 8] {
        pairs.map(|pair| f32::from_bits(pair.to_bits() & 0xffff_0000))
    }

    #[inline(always)]
    fn rounded_to_bf16(self, x: [f32; 8]) -> [f32; 8] {
        x.map(|x| {
            let bits = x.to_bits();
            let up = 0x7fff + (bits >> 16 & 1);
            let rounded = f32::from_bits(bits.wrapping_add(up) & 0xffff_0000);
            if x.is_nan() { f32::NAN } else { rounded }
        })
    }

    #[inline(always)]
    fn exp2_of_low_bits(self, bits: [f32; 8]) -> [f32; 8] {
        bits.map(|bits| f32::from_bits((bits.to_bits() << 23).wrapping_add(1.0_f32.to_bits())))
    }

    #[inline(always)]
    fn transpose(self, square: [[f32; 8]; MOST_LANES]) -> [[f32; 8]; MOST_LANES] {
        let mut turned = square;
        for (i, vector) in turned.iter_mut().enumerate().take(Self::COUNT) {
            *vector = std::array::from_fn(|j| square[j][i]);
        }
        turned
    }

    #[inline(always)]
    fn prefetch(self, _at: *const u32) {}

    #[inline(always)]
    fn where_positive(self, value: [f32; 8], otherwise: [f32; 8]) -> [f32; 8] {
        let mut result = otherwise;
        for (r, v) in result.iter_mut().zip(value) {
            *r = if v > 0.0 { v } else { *r };
        }
        result
    }
}
