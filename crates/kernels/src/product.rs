//! The multiply-add at the heart of every matrix product: of `f32`, or of bf16 by the processor's own instruction. Sums
//! are `f32` in both.
//!
//! A matrix product reads *words* of 32 bits. Of `f32` a word is one number. Of bf16 it is the numbers of two
//! neighbouring terms of a sum, the earlier one in the lower half. A processor without the instruction multiplies bf16
//! as `f32`, which is exact: there only the weights are kept as pairs, and widened a panel at a time.

#![expect(
    unsafe_code,
    reason = "raw loads, vector intrinsics and instruction sets"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256bh, __m512, __m512bh, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtne2ps_pbh,
    _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_loadu_epi16, _mm512_permutexvar_epi16,
};

use crate::Isa;
use crate::give_way::task_begins;
use crate::isa::Kind;
use crate::lanes::Lanes;
#[cfg(target_arch = "x86_64")]
use crate::lanes::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::lanes::avx512::Avx512;
use crate::lanes::portable::Portable;

/// The numbers that a matrix product multiplies. Sums are `f32` always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// The upper 16 of them, rounded to nearest even.
    Bf16,
}

/// Vectors of a panel: how many a row of a tile has.
pub(crate) const VECTORS: usize = 2;

/// One make of the multiply-add.
pub(crate) trait Product: Copy {
    type Lanes: Lanes;
    /// Most rows of a tile, BLIS's MR: as many as leave their sums, two vectors of weights, and an input in registers.
    const MR: usize;
    /// Terms of a sum in one word, of inputs and weights alike.
    const TERMS: usize;

    fn lanes(self) -> Self::Lanes;

    /// The word of `terms` in each lane, of which only the first `TERMS` count.
    fn word(self, terms: [Vector<Self>; 2]) -> Vector<Self>;

    /// The words of `terms` that follow one another, of which only the first `TERMS` vectors count.
    fn words(self, terms: [Vector<Self>; 2]) -> Vector<Self>;

    /// Stores a vector of terms as the `COUNT / TERMS` words that they are.
    ///
    /// # Safety
    /// So many words must be writable at `to`. No alignment is needed.
    unsafe fn store_words(self, to: *mut u32, terms: Vector<Self>);

    /// `sum` and the products of `input`, a word in every lane, with `weights`.
    fn multiply_add(
        self,
        input: Vector<Self>,
        weights: Vector<Self>,
        sum: Vector<Self>,
    ) -> Vector<Self>;
}

pub(crate) type Vector<P> = <<P as Product>::Lanes as Lanes>::Vector;

/// A loop that is generic over the make of its multiply-add.
pub(crate) trait WithProduct {
    type Output;

    /// To be `#[inline(always)]`, or the loop is compiled for the wrong instruction set.
    fn run<P: Product>(self, product: P) -> Self::Output;
}

/// A loop that is generic over its vectors.
pub(crate) trait WithLanes {
    type Output;

    /// To be `#[inline(always)]`, or the loop is compiled for the wrong instruction set.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

#[derive(Clone, Copy)]
struct F32<L>(L);

impl<L: Lanes> Product for F32<L> {
    type Lanes = L;
    const MR: usize = L::MR;
    const TERMS: usize = 1;

    #[inline(always)]
    fn lanes(self) -> L {
        self.0
    }

    #[inline(always)]
    fn word(self, [term, _]: [L::Vector; 2]) -> L::Vector {
        term
    }

    #[inline(always)]
    fn words(self, [terms, _]: [L::Vector; 2]) -> L::Vector {
        terms
    }

    #[inline(always)]
    unsafe fn store_words(self, to: *mut u32, terms: L::Vector) {
        // SAFETY: as the caller promises.
        unsafe { self.0.store(to.cast(), terms) }
    }

    #[inline(always)]
    fn multiply_add(self, input: L::Vector, weights: L::Vector, sum: L::Vector) -> L::Vector {
        self.0.mul_add(input, weights, sum)
    }
}

/// AVX512-BF16.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct PairedBf16(Avx512);

#[cfg(target_arch = "x86_64")]
impl Product for PairedBf16 {
    type Lanes = Avx512;
    const MR: usize = Avx512::MR;
    const TERMS: usize = 2;

    #[inline(always)]
    fn lanes(self) -> Avx512 {
        self.0
    }

    #[inline(always)]
    fn word(self, terms: [__m512; 2]) -> __m512 {
        // Of the numbers of both vectors, lane by lane one of each.
        const ALTERNATE: [i16; 32] = {
            let mut order = [0; 32];
            let mut lane = 0;
            while lane < 16 {
                order[2 * lane] = lane as i16;
                order[2 * lane + 1] = 16 + lane as i16;
                lane += 1;
            }
            order
        };
        // SAFETY: values of this type exist only in `run_avx512_bf16`, which proves AVX-512 BW.
        unsafe {
            let order = _mm512_loadu_epi16(ALTERNATE.as_ptr());
            let numbers = _mm512_castps_si512(self.words(terms));
            _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, numbers))
        }
    }

    #[inline(always)]
    fn words(self, [earlier, later]: [__m512; 2]) -> __m512 {
        // SAFETY: both types are 64 bytes of which every pattern is valid; values of this type exist only in
        // `run_avx512_bf16`, which proves the instruction.
        unsafe { std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(later, earlier)) }
    }

    #[inline(always)]
    unsafe fn store_words(self, to: *mut u32, terms: __m512) {
        // SAFETY: values of this type exist only in `run_avx512_bf16`, which proves the instruction; the caller promises 8
        // writable words.
        unsafe {
            to.cast::<__m256bh>()
                .write_unaligned(_mm512_cvtneps_pbh(terms))
        }
    }

    #[inline(always)]
    fn multiply_add(self, input: __m512, weights: __m512, sum: __m512) -> __m512 {
        // SAFETY: both types are 64 bytes of which every pattern is valid; values of this type exist only in
        // `run_avx512_bf16`, which proves the instruction.
        unsafe {
            let input = std::mem::transmute::<__m512, __m512bh>(input);
            let weights = std::mem::transmute::<__m512, __m512bh>(weights);
            _mm512_dpbf16_ps(sum, input, weights)
        }
    }
}

impl Isa {
    /// Runs a loop compiled for this instruction set, with the multiply-add that it has for `precision`.
    pub(crate) fn with_product<W: WithProduct>(self, precision: Precision, work: W) -> W::Output {
        struct WithF32<W>(W);
        impl<W: WithProduct> WithLanes for WithF32<W> {
            type Output = W::Output;
            #[inline(always)]
            fn run<L: Lanes>(self, lanes: L) -> W::Output {
                self.0.run(F32(lanes))
            }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
        unsafe fn run_avx512_bf16<W: WithProduct>(work: W) -> W::Output {
            // SAFETY: this function is only called where AVX-512 F, BW and BF16 are there.
            work.run(PairedBf16(unsafe { Avx512::new() }))
        }
        match (self.kind(), precision) {
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512Bf16, Precision::Bf16) => {
                task_begins();
                // SAFETY: a value of this kind exists only where the processor has the instructions.
                unsafe { run_avx512_bf16(work) }
            }
            _ => self.with_lanes(WithF32(work)),
        }
    }

    /// Runs a loop compiled for this instruction set.
    pub(crate) fn with_lanes<W: WithLanes>(self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn run_avx2<W: WithLanes>(work: W) -> W::Output {
            // SAFETY: this function is only called where AVX2 and FMA are there.
            work.run(unsafe { Avx2::new() })
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        unsafe fn run_avx512<W: WithLanes>(work: W) -> W::Output {
            // SAFETY: this function is only called where AVX-512 F is there.
            work.run(unsafe { Avx512::new() })
        }
        task_begins();
        match self.kind() {
            Kind::Portable => work.run(Portable),
            // SAFETY: a value of this kind exists only where the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { run_avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Avx512Bf16 => unsafe { run_avx512(work) },
        }
    }
}
