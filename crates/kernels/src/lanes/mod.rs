//! One vector of `f32` lanes, in three makes.
//!
//! Loops are written once as `#[inline(always)]` functions generic over [`Lanes`] and get their instruction set from a
//! thin `#[target_feature]` function around them. The value of a `Lanes` type is a token: it is only made where the
//! instruction set is known to be there, so its methods on plain values are safe.

#![expect(unsafe_code, reason = "raw loads and stores, and vector intrinsics")]

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

/// The most lanes that a vector of any make has.
pub(crate) const MOST_LANES: usize = 16;

pub(crate) trait Lanes: Copy {
    /// How many `f32` a vector holds.
    const COUNT: usize;
    /// Rows of a tile whose sums, two vectors a row, stay in registers with two vectors of weights and an input.
    const MR: usize;
    /// The same where each row has a pointer of its own, which takes a general register: for one vector a row, and for
    /// two.
    const INDIRECT_MR: [usize; 2];
    type Vector: Copy;

    fn splat(self, value: f32) -> Self::Vector;

    /// # Safety
    /// `COUNT` values starting at `from` must be readable. No alignment is needed.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// # Safety
    /// `COUNT` values starting at `to` must be writable. No alignment is needed.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);

    /// Stores past the caches where the instruction set can. Others may read it only after [`Lanes::settle`].
    ///
    /// # Safety
    /// `COUNT` values starting at `to` must be writable, and `to` a multiple of their size.
    #[inline(always)]
    unsafe fn stream(self, to: *mut f32, vector: Self::Vector) {
        // SAFETY: as the caller promises.
        unsafe { self.store(to, vector) }
    }

    /// Orders what this thread has streamed before all that it stores from now on.
    #[inline(always)]
    fn settle(self) {}

    /// Loads `count` values, at most `COUNT`, into the first lanes; the others are zero.
    ///
    /// # Safety
    /// `count` values starting at `from` must be readable. No alignment is needed.
    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> Self::Vector {
        let mut values = [0.0; MOST_LANES];
        for (i, value) in values.iter_mut().enumerate().take(count.min(Self::COUNT)) {
            // SAFETY: `i < count`, and the caller promises `count` readable values.
            *value = unsafe { from.add(i).read_unaligned() };
        }
        // SAFETY: no vector is longer than 16 lanes.
        unsafe { self.load(values.as_ptr()) }
    }

    /// The same; for loops whose last vector may be a part of one.
    ///
    /// # Safety
    /// As for [`Lanes::load_first`].
    #[inline(always)]
    unsafe fn load_up_to(self, from: *const f32, count: usize) -> Self::Vector {
        // SAFETY: as the caller promises.
        unsafe {
            if count >= Self::COUNT {
                self.load(from)
            } else {
                self.load_first(from, count)
            }
        }
    }

    /// Stores the first `count` lanes, at most `COUNT`.
    ///
    /// # Safety
    /// `count` values starting at `to` must be writable. No alignment is needed.
    unsafe fn store_first(self, to: *mut f32, vector: Self::Vector, count: usize);

    /// The same; for loops whose last vector may be a part of one.
    ///
    /// # Safety
    /// As for [`Lanes::store_first`].
    #[inline(always)]
    unsafe fn store_up_to(self, to: *mut f32, vector: Self::Vector, count: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            if count >= Self::COUNT {
                self.store(to, vector);
            } else {
                self.store_first(to, vector, count);
            }
        }
    }

    /// The lanes, and zeros where there are no more.
    #[inline(always)]
    fn parts(self, vector: Self::Vector) -> [f32; MOST_LANES] {
        let mut parts = [0.0; MOST_LANES];
        // SAFETY: no vector is longer.
        unsafe { self.store(parts.as_mut_ptr(), vector) };
        parts
    }

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// The larger of both, NaN if either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The larger of `x` and `low`, which is no NaN; NaN stays NaN. Cheaper than [`Lanes::max`].
    fn at_least(self, x: Self::Vector, low: Self::Vector) -> Self::Vector;

    /// The smaller of `x` and `high`, which is no NaN; NaN stays NaN.
    fn at_most(self, x: Self::Vector, high: Self::Vector) -> Self::Vector;

    /// Of a vector of bf16 pairs, the lanes' lower halves as `f32`.
    fn low_halves(self, pairs: Self::Vector) -> Self::Vector;

    /// Of a vector of bf16 pairs, the lanes' upper halves as `f32`.
    fn high_halves(self, pairs: Self::Vector) -> Self::Vector;

    /// Rounded to the nearest bf16, ties to even. NaN stays NaN.
    fn rounded_to_bf16(self, x: Self::Vector) -> Self::Vector;

    /// 2 to the power of the integer in the lowest bits of each lane, -126 to 127.
    fn exp2_of_low_bits(self, bits: Self::Vector) -> Self::Vector;

    /// Lane `i` of vector `j` for lane `j` of vector `i`, of the first `COUNT` vectors.
    fn transpose(self, square: [Self::Vector; MOST_LANES]) -> [Self::Vector; MOST_LANES];

    /// Starts to bring the cache line at `at` closer. Any address will do.
    fn prefetch(self, at: *const u32);

    /// Lane by lane: `value` where it is above zero, else `otherwise`.
    fn where_positive(self, value: Self::Vector, otherwise: Self::Vector) -> Self::Vector;
}

#[cfg(test)]
mod tests {
    use super::Lanes;
    use crate::Isa;
    use crate::product::WithLanes;
    use crate::words::bf16;

    struct Rounded(f32);

    impl WithLanes for Rounded {
        type Output = f32;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> f32 {
            lanes.parts(lanes.rounded_to_bf16(lanes.splat(self.0)))[L::COUNT - 1]
        }
    }

    /// Payloads of 1 and of all ones would be carried into the exponent, or beyond the sign.
    #[test]
    fn nan_survives_rounding_to_bf16() {
        let nans = [0x7f80_0001, 0xffff_ffff].map(f32::from_bits);
        for isa in Isa::available() {
            for number in nans.into_iter().chain([-0.0, 1.003_906_2, 3.4e38]) {
                let expected = f32::from_bits(u32::from(bf16(number)) << 16);
                let got = isa.with_lanes(Rounded(number));
                assert_eq!(got.is_nan(), number.is_nan(), "{isa:?}: {got} of {number}");
                assert!(
                    got == expected || got.is_nan(),
                    "{isa:?}: {got} of {number}"
                );
                assert_eq!(got.to_bits() & 0xffff, 0, "{isa:?}: {got} of {number}");
            }
        }
    }
}
