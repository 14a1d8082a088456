//! An allocator that asks the operating system itself for large blocks.

#![expect(unsafe_code, reason = "an allocator hands out memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;

/// From this size on blocks are mapped.
const LARGE: usize = 256 << 10;
/// A multiple of any system's pages.
const PAGE: usize = 64 << 10;
/// A large page of the processor's.
const HUGE_PAGE: usize = 2 << 20;

/// Large blocks are mapped one by one, and unmapped when they are given back; the rest is `inner`'s.
///
/// An allocator for all purposes cuts large blocks out of still larger regions. What is left between them, where others have been
/// given back, stays in memory as long as a large page reaches into a neighbour: with weights of some megabytes, which are
/// converted one by one, that is a tenth of all memory. Here a block takes the pages that it needs: large ones as far as they are
/// whole, so that walking through weights costs few translations, and small ones for the rest.
#[derive(Debug)]
pub struct Mapped<A>(pub A);

impl<A> Mapped<A> {
    /// The bytes to be mapped for `layout`, if it is large.
    fn mapped(layout: Layout) -> Option<usize> {
        let is_large = layout.size() >= LARGE && layout.align() <= 4096;
        if is_large && cfg!(target_os = "linux") {
            layout.size().checked_next_multiple_of(PAGE)
        } else {
            None
        }
    }
}

// SAFETY: a block is either `inner`'s or a mapping of its own, and its layout alone says which.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Mapped<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Self::mapped(layout) {
            Some(size) => map(size),
            // SAFETY: as the caller promises.
            None => unsafe { self.0.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match Self::mapped(layout) {
            // New pages are zero.
            Some(size) => map(size),
            // SAFETY: as the caller promises.
            None => unsafe { self.0.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        match Self::mapped(layout) {
            // SAFETY: the mapping was made for a layout of this size, and nobody uses it any more.
            Some(size) => unsafe { unmap(address, size) },
            // SAFETY: as the caller promises.
            None => unsafe { self.0.dealloc(address, layout) },
        }
    }
}

/// `size` bytes of zeros, from a boundary of large pages on if they fill one; null if there are none.
#[cfg(target_os = "linux")]
fn map(size: usize) -> *mut u8 {
    let slack = if size >= HUGE_PAGE { HUGE_PAGE } else { 0 };
    let Some(all) = size.checked_add(slack) else {
        return null_mut();
    };
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping at no address in particular is nobody else's.
    let start = unsafe { libc::mmap(null_mut(), all, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return null_mut();
    }
    let start = start.cast::<u8>();
    if slack == 0 {
        return start;
    }
    let before = start.addr().next_multiple_of(HUGE_PAGE) - start.addr();
    // SAFETY: what lies before and after the block within the mapping is nobody's. Advice changes nothing but speed.
    unsafe {
        let block = start.add(before);
        unmap(start, before);
        unmap(block.add(size), slack - before);
        let whole = size / HUGE_PAGE * HUGE_PAGE;
        libc::madvise(block.cast(), whole, libc::MADV_HUGEPAGE);
        block
    }
}

/// # Safety
/// `size` bytes from `address` on must be whole pages of a mapping that nobody uses.
#[cfg(target_os = "linux")]
unsafe fn unmap(address: *mut u8, size: usize) {
    if size > 0 {
        // SAFETY: as the caller promises.
        unsafe { libc::munmap(address.cast(), size) };
    }
}

#[cfg(not(target_os = "linux"))]
fn map(_: usize) -> *mut u8 {
    null_mut()
}

#[cfg(not(target_os = "linux"))]
unsafe fn unmap(_: *mut u8, _: usize) {}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn blocks_of_all_sizes_are_zero_writable_and_aligned() {
        let allocator = Mapped(System);
        for (size, align) in [
            (100, 8),
            (LARGE - 1, 64),
            (LARGE, 64),
            (LARGE + 1, 4096),
            (12 * LARGE + 5, 64),
            (80 * LARGE, 1 << 14),
        ] {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the size is not 0; the block is used within it, and given back once.
            unsafe {
                let block = allocator.alloc_zeroed(layout);
                assert!(block.addr().is_multiple_of(align));
                assert!((0..size).all(|i| *block.add(i) == 0));
                block.write_bytes(0xab, size);
                allocator.dealloc(block, layout);
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_fills_a_large_page_begins_at_one() {
        let layout = Layout::from_size_align(5 << 20, 64).unwrap();
        // SAFETY: the size is not 0, and the block is given back once.
        unsafe {
            let block = Mapped(System).alloc(layout);
            assert!(block.addr().is_multiple_of(HUGE_PAGE));
            Mapped(System).dealloc(block, layout);
        }
    }

    #[test]
    fn more_than_there_is_cannot_be_had() {
        let layout = Layout::from_size_align(isize::MAX as usize - PAGE, 64).unwrap();
        // SAFETY: the size is not 0.
        assert!(unsafe { Mapped(System).alloc(layout) }.is_null());
    }
}
