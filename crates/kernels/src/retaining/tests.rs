use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// The system's, with a count of the bytes that it has given out, and of the blocks that it made larger or smaller.
#[derive(Default)]
struct Counting(AtomicUsize, AtomicUsize);

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

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.0.fetch_add(new_size, Ordering::Relaxed);
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        self.1.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(address, layout, new_size) }
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
    let allocator = Retaining::new(Counting::default(), 64 * MIB);
    let first = use_once(&allocator, 10 * MIB - 5);
    assert_eq!(use_once(&allocator, 10 * MIB - 1000), first);
    assert_eq!(out(&allocator), 10 * MIB);
    use_once(&allocator, 20 * MIB);
    assert_eq!(out(&allocator), 30 * MIB);
}

#[test]
fn a_block_that_was_used_is_zero_when_zeros_are_asked_for() {
    let allocator = Retaining::new(Counting::default(), 64 * MIB);
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
    let allocator = Retaining::new(Counting::default(), 8 * MIB);
    use_once(&allocator, MIB / 4 - 1);
    use_once(&allocator, 9 * MIB);
    assert_eq!(out(&allocator), 0);
}

#[test]
fn the_oldest_blocks_go_when_the_limit_is_reached() {
    let allocator = Retaining::new(Counting::default(), 8 * MIB);
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
    let allocator = Retaining::new(Counting::default(), 8 * MIB);
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

/// The allocator below may do so where the block lies.
#[test]
fn small_blocks_grow_as_the_allocator_below_has_it() {
    let allocator = Retaining::new(Counting::default(), 8 * MIB);
    // SAFETY: the sizes are not 0, each layout is that of the block, and it is given back once.
    unsafe {
        let mut block = allocator.alloc(layout(100));
        block.write_bytes(7, 100);
        for (size, next) in [(100, 5000), (5000, 200), (200, MIB), (MIB, 300)] {
            block = allocator.realloc(block, layout(size), next);
            assert!((0..100).all(|i| *block.add(i) == 7));
        }
        allocator.dealloc(block, layout(300));
    }
    assert_eq!(allocator.inner.1.load(Ordering::Relaxed), 2);
    assert_eq!(out(&allocator), MIB);
}

#[test]
fn a_lower_limit_holds_at_once_and_a_trim_keeps_nothing() {
    let allocator = Retaining::new(Counting::default(), 64 * MIB);
    for size in [4, 3, 2] {
        use_once(&allocator, size * MIB);
    }
    assert_eq!(out(&allocator), 9 * MIB);
    allocator.set_limit(5 * MIB);
    assert_eq!(out(&allocator), 5 * MIB);
    allocator.trim();
    assert_eq!(out(&allocator), 0);
    use_once(&allocator, 4 * MIB);
    assert_eq!(out(&allocator), 4 * MIB);
}

#[test]
fn what_nobody_wants_goes_with_the_second_tick() {
    let allocator = Retaining::new(Counting::default(), 64 * MIB);
    use_once(&allocator, 4 * MIB);
    use_once(&allocator, 2 * MIB);
    allocator.give_back_unused();
    use_once(&allocator, 4 * MIB);
    assert_eq!(out(&allocator), 6 * MIB);
    allocator.give_back_unused();
    assert_eq!(out(&allocator), 4 * MIB);
    allocator.give_back_unused();
    assert_eq!(out(&allocator), 0);
}

#[test]
fn what_is_used_and_what_is_kept_are_within_the_limit_together_and_weights_do_not_count() {
    let allocator = Retaining::new(Counting::default(), 8 * MIB);
    // SAFETY: the sizes are not 0, and blocks are given back once.
    unsafe {
        let weights = allocator.alloc(layout(20 * MIB));
        use_once(&allocator, 3 * MIB);
        assert_eq!(out(&allocator), 23 * MIB);
        allocator.trim();
        assert_eq!(out(&allocator), 20 * MIB);
        use_once(&allocator, 3 * MIB);
        use_once(&allocator, 4 * MIB);
        assert_eq!(out(&allocator), 27 * MIB);
        let used = allocator.alloc(layout(2 * MIB));
        assert_eq!(out(&allocator), 26 * MIB);
        allocator.dealloc(used, layout(2 * MIB));
        allocator.dealloc(weights, layout(20 * MIB));
        assert_eq!(out(&allocator), 6 * MIB);
        // Weights that are loaded later are known by not going.
        let weights = allocator.alloc(layout(21 * MIB));
        allocator.give_back_unused();
        allocator.give_back_unused();
        use_once(&allocator, 8 * MIB);
        assert_eq!(out(&allocator), 30 * MIB);
        allocator.dealloc(weights, layout(21 * MIB));
    }
}
