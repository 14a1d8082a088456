//! Where a layer's output goes: through the caches, or past them.

#![expect(unsafe_code, reason = "vector stores")]

use std::mem::MaybeUninit;

use crate::buffer::Shared;
use crate::lanes::Lanes;

/// An output from this size on is written past the caches: little of it would be left there for whoever reads it, and a line
/// that is stored into is read from memory first, which takes as long as writing it. Half of a usual last cache.
const STREAMED_BYTES: usize = 16 << 20;
const LINE_BYTES: usize = 64;

/// An output, to be written by tasks that run at the same time, each to places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Destination {
    start: Shared<f32>,
    streams: bool,
}

impl Destination {
    /// Of rows of `row` numbers.
    pub(crate) fn of(output: &mut [MaybeUninit<f32>], row: usize) -> Self {
        let start = output.as_mut_ptr().cast::<f32>();
        let whole_lines = start.addr().is_multiple_of(LINE_BYTES)
            && (row * size_of::<f32>()).is_multiple_of(LINE_BYTES);
        Self {
            start: Shared::new(start),
            streams: size_of_val(output) >= STREAMED_BYTES && whole_lines,
        }
    }

    /// Of what is read again soon, however large.
    pub(crate) fn cached(start: *mut f32) -> Self {
        Self {
            start: Shared::new(start),
            streams: false,
        }
    }

    /// The same from element `index` on, the first of a row.
    pub(crate) fn from(self, index: usize) -> Self {
        Self {
            start: Shared::new(self.start.at(index)),
            ..self
        }
    }

    /// The address of element `index`, which must lie within the output before it is used.
    #[inline(always)]
    pub(crate) fn at(self, index: usize) -> *mut f32 {
        self.start.at(index)
    }

    /// Stores the first `count` lanes, or all, where it does not matter that it takes long until they can be read.
    ///
    /// # Safety
    /// So many numbers must be writable at element `index`, which is a multiple of a vector's length from the first of a row.
    /// After the last of them comes [`Destination::settle`], before anyone else may read.
    #[inline(always)]
    pub(crate) unsafe fn store_up_to<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        vector: L::Vector,
        count: usize,
    ) {
        // SAFETY: as the caller promises. Where it streams, output and rows begin at cache lines, which are whole vectors.
        unsafe {
            if self.streams && count >= L::COUNT {
                lanes.stream(self.at(index), vector);
            } else {
                lanes.store_up_to(self.at(index), vector, count);
            }
        }
    }

    /// To be called by each task after its last store.
    #[inline(always)]
    pub(crate) fn settle<L: Lanes>(self, lanes: L) {
        if self.streams {
            lanes.settle();
        }
    }
}
