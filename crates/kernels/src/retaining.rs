//! An allocator that keeps large blocks.

#![expect(unsafe_code, reason = "an allocator hands out memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// From this size on blocks are kept.
const LARGE: usize = 1 << 20;
/// Blocks that are kept at most.
const SLOTS: usize = 64;
/// Every block starts at a multiple of this many bytes.
const ALIGNMENT: usize = 64;

/// Keeps large blocks that are given back, up to a limit, and hands them out again.
///
/// An activation of a detector has tens of megabytes. Fresh from the operating system each of its pages is a fault, and
/// together they cost as much as computing what goes into it; an allocator for all purposes gives such blocks back too
/// soon. Here the oldest blocks go when the limit is reached, so that memory does not grow with the number of sizes.
#[derive(Debug)]
pub struct Retaining<A> {
    inner: A,
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Oldest first.
    blocks: [Block; SLOTS],
    count: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    address: usize,
    size: usize,
}

impl<A> Retaining<A> {
    /// Keeps at most `limit` bytes of blocks that nobody uses; the rest is `inner`'s.
    pub const fn new(inner: A, limit: usize) -> Self {
        let none = Block {
            address: 0,
            size: 0,
        };
        let kept = Kept {
            blocks: [none; SLOTS],
            count: 0,
            bytes: 0,
        };
        Self {
            inner,
            limit,
            kept: Mutex::new(kept),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it is locked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layout that blocks for `layout` really have, if they are kept: sizes are rounded up, by an eighth at most, so that
/// about equal sizes share blocks.
fn large(layout: Layout) -> Option<Layout> {
    if layout.size() < LARGE || layout.align() > ALIGNMENT {
        return None;
    }
    let step = 1 << (layout.size().ilog2() - 3);
    let size = layout.size().checked_next_multiple_of(step)?;
    Layout::from_size_align(size, ALIGNMENT).ok()
}

impl Kept {
    /// The youngest block of `size` bytes, if there is one: it may still be in a cache.
    fn take(&mut self, size: usize) -> Option<*mut u8> {
        let found = self.blocks[..self.count]
            .iter()
            .rposition(|block| block.size == size)?;
        Some(self.remove(found).address as *mut u8)
    }

    fn remove(&mut self, index: usize) -> Block {
        let block = self.blocks[index];
        self.blocks.copy_within(index + 1..self.count, index);
        self.count -= 1;
        self.bytes -= block.size;
        block
    }

    /// Whether a block of `size` bytes can be kept beside those that are.
    fn has_room(&self, size: usize, limit: usize) -> bool {
        self.count < SLOTS && self.bytes + size <= limit
    }

    fn push(&mut self, block: Block) {
        self.blocks[self.count] = block;
        self.count += 1;
        self.bytes += block.size;
    }
}

// SAFETY: blocks come from `inner` with a layout that follows from the caller's alone, and that is at least as large and as
// aligned; they are given back to it with the same one. A block is either in `kept` or a caller's, never both.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Retaining<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(large) = large(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.inner.alloc(layout) };
        };
        let kept = self.kept().take(large.size());
        // SAFETY: the size is not 0.
        kept.unwrap_or_else(|| unsafe { self.inner.alloc(large) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(large) = large(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.inner.alloc_zeroed(layout) };
        };
        match self.kept().take(large.size()) {
            Some(block) => {
                // SAFETY: the block has at least that size, and is nobody else's.
                unsafe { block.write_bytes(0, layout.size()) };
                block
            }
            // SAFETY: the size is not 0.
            None => unsafe { self.inner.alloc_zeroed(large) },
        }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        let Some(large) = large(layout) else {
            // SAFETY: as the caller promises; the block came from `inner` with this layout.
            return unsafe { self.inner.dealloc(address, layout) };
        };
        let size = large.size();
        if size > self.limit {
            // SAFETY: the block came from `inner` with this layout.
            return unsafe { self.inner.dealloc(address, large) };
        }
        let mut kept = self.kept();
        while !kept.has_room(size, self.limit) {
            let oldest = kept.remove(0);
            // SAFETY: sizes of kept blocks are those of valid layouts.
            unsafe {
                let layout = Layout::from_size_align_unchecked(oldest.size, ALIGNMENT);
                self.inner.dealloc(oldest.address as *mut u8, layout);
            }
        }
        kept.push(Block {
            address: address.expose_provenance(),
            size,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The system's, with a count of the bytes that it has given out.
    struct Counting(AtomicUsize);

    // SAFETY: all memory is the system's.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.0.fetch_add(layout.size(), Ordering::Relaxed);
            // SAFETY: as the caller promises.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
            self.0.fetch_sub(layout.size(), Ordering::Relaxed);
            // SAFETY: as the caller promises.
            unsafe { System.dealloc(address, layout) }
        }
    }

    const MIB: usize = 1 << 20;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 4).unwrap()
    }

    /// Allocates, fills and frees a block; answers where it was.
    fn use_once(allocator: &Retaining<Counting>, size: usize) -> usize {
        // SAFETY: the size is not 0, and the block is used within it and given back once.
        unsafe {
            let block = allocator.alloc(layout(size));
            assert!(block.addr().is_multiple_of(4));
            block.write_bytes(0xab, size);
            allocator.dealloc(block, layout(size));
            block.addr()
        }
    }

    fn out(allocator: &Retaining<Counting>) -> usize {
        allocator.inner.0.load(Ordering::Relaxed)
    }

    #[test]
    fn a_large_block_is_handed_out_again_for_about_the_same_size() {
        let allocator = Retaining::new(Counting(AtomicUsize::new(0)), 64 * MIB);
        let first = use_once(&allocator, 10 * MIB - 5);
        assert_eq!(use_once(&allocator, 10 * MIB - 1000), first);
        assert_eq!(out(&allocator), 10 * MIB);
        use_once(&allocator, 20 * MIB);
        assert_eq!(out(&allocator), 30 * MIB);
    }

    #[test]
    fn a_block_that_was_used_is_zero_when_zeros_are_asked_for() {
        let allocator = Retaining::new(Counting(AtomicUsize::new(0)), 64 * MIB);
        let first = use_once(&allocator, 3 * MIB);
        // SAFETY: the size is not 0, and the block is read within it and given back once.
        unsafe {
            let block = allocator.alloc_zeroed(layout(3 * MIB));
            assert_eq!(block.addr(), first);
            assert!((0..3 * MIB).all(|i| *block.add(i) == 0));
            allocator.dealloc(block, layout(3 * MIB));
        }
    }

    #[test]
    fn small_blocks_and_those_beyond_the_limit_are_not_kept() {
        let allocator = Retaining::new(Counting(AtomicUsize::new(0)), 8 * MIB);
        use_once(&allocator, MIB - 1);
        use_once(&allocator, 9 * MIB);
        assert_eq!(out(&allocator), 0);
    }

    #[test]
    fn the_oldest_blocks_go_when_the_limit_is_reached() {
        let allocator = Retaining::new(Counting(AtomicUsize::new(0)), 8 * MIB);
        for size in [4, 3, 2] {
            use_once(&allocator, size * MIB);
        }
        assert_eq!(out(&allocator), 5 * MIB);
        for size in 1..=1000 {
            use_once(&allocator, MIB + size * 1000);
            assert!(out(&allocator) <= 8 * MIB);
        }
    }

    #[test]
    fn a_vector_keeps_its_numbers_while_it_grows() {
        let allocator = Retaining::new(Counting(AtomicUsize::new(0)), 8 * MIB);
        // SAFETY: the sizes are not 0, each layout is that of the block, and it is given back once.
        unsafe {
            let block = allocator.alloc(layout(1000));
            block.write_bytes(7, 1000);
            let block = allocator.realloc(block, layout(1000), 2 * MIB);
            assert!((0..1000).all(|i| *block.add(i) == 7));
            let block = allocator.realloc(block, layout(2 * MIB), 500);
            assert!((0..500).all(|i| *block.add(i) == 7));
            allocator.dealloc(block, layout(500));
        }
        assert_eq!(out(&allocator), 2 * MIB);
    }
}
