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

pub(crate) trait Lanes: Copy {
    /// How many `f32` a vector holds.
    const COUNT: usize;
    type Vector: Copy;

    fn splat(self, value: f32) -> Self::Vector;

    /// # Safety
    /// `COUNT` values starting at `from` must be readable. No alignment is needed.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// # Safety
    /// `COUNT` values starting at `to` must be writable. No alignment is needed.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);

    /// Stores the first `count` lanes, at most `COUNT`.
    ///
    /// # Safety
    /// `count` values starting at `to` must be writable. No alignment is needed.
    unsafe fn store_first(self, to: *mut f32, vector: Self::Vector, count: usize);

    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// The larger of both, NaN if either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Lane by lane: `value` where it is above zero, else `otherwise`.
    fn where_positive(self, value: Self::Vector, otherwise: Self::Vector) -> Self::Vector;
}
