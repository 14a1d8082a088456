//! Memory for numbers: aligned to cache lines, and not written before it is needed.

#![expect(
    unsafe_code,
    reason = "memory that is written in parallel before it is read"
)]

use std::mem::MaybeUninit;

/// Bytes that a thread keeps of each kind of memory that its tasks need, at most. What a task needs fits into caches, so this is
/// far more than what is kept; it is for layers that nobody has thought of.
const THREAD_BYTES: usize = 8 << 20;

/// A cache line of words.
#[repr(align(64))]
#[derive(Clone, Copy, Debug)]
struct Line(#[expect(dead_code, reason = "read through the slice it is part of")] [u32; 16]);

/// Words of 32 bits that start at a cache line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    lines: Vec<Line>,
    len: usize,
}

impl Words {
    pub(crate) fn zeroed(len: usize) -> Self {
        let lines = vec![Line([0; 16]); len.div_ceil(16)];
        Self { lines, len }
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        // SAFETY: the lines are `16 * lines.len()`, so at least `len`, words in a row.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    /// Bytes of memory that they take, used or not.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }

    /// The words, if a thread may keep them for its next task.
    pub(crate) fn kept_by_thread(self) -> Option<Self> {
        (self.bytes() <= THREAD_BYTES).then_some(self)
    }

    /// Makes room for `len` words, whatever they hold. Only grows, so that it can be used again and again.
    pub(crate) fn at_least(&mut self, len: usize) -> &mut [u32] {
        if let Some(more) = len.div_ceil(16).checked_sub(self.lines.len()) {
            self.lines.reserve_exact(more);
            self.lines.extend(std::iter::repeat_n(Line([0; 16]), more));
        }
        self.len = len;
        self.as_mut_slice()
    }
}

/// A vector of `len` numbers that `write` has written, all of them.
///
/// # Safety
/// `write` must write every element before it returns.
pub(crate) unsafe fn written(len: usize, write: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(len);
    write(&mut numbers.spare_capacity_mut()[..len]);
    // SAFETY: the capacity is at least `len`, and the caller promises that all of it was written.
    unsafe { numbers.set_len(len) };
    numbers
}

/// Where tasks that run at the same time write, each to places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: it is only an address; whoever writes through it promises that no one else uses the same place.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(start: *mut T) -> Self {
        Self(start)
    }

    /// The address of element `index`, which must lie within the memory this was made of before it is used.
    pub(crate) fn at(self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_no_more_than_is_said() {
        let mut words = Words::default();
        words.at_least(THREAD_BYTES / 4);
        assert_eq!(words.bytes(), THREAD_BYTES);
        let mut words = words.kept_by_thread().unwrap();
        words.at_least(THREAD_BYTES / 4 + 1);
        assert!(words.kept_by_thread().is_none());
    }
}
