//! An allocator that keeps large blocks.

#![expect(unsafe_code, reason = "an allocator hands out memory")]

mod kept;
#[cfg(test)]
mod tests;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kept::{Block, Kept};

/// From this size on blocks are kept.
const LARGE: usize = 256 << 10;
/// Every block starts at a multiple of this many bytes.
const ALIGNMENT: usize = 64;

/// Keeps large blocks that are given back, up to a limit, and hands them out again.
///
/// An activation of a detector has tens of megabytes. Fresh from the operating system each of its pages is a fault, and
/// together they cost as much as computing what goes into it; an allocator for all purposes gives such blocks back too
/// soon. Here the oldest blocks go when the limit is reached, so that memory does not grow with the number of sizes, and
/// those that nobody has wanted for some time go with the ticks of a clock ([`Retaining::give_back_unused`]).
#[derive(Debug)]
pub struct Retaining<A> {
    inner: A,
    limit: AtomicUsize,
    kept: Mutex<Kept>,
}

impl<A> Retaining<A> {
    /// Keeps so much that, together with the large blocks that are used, it is at most `limit` bytes; the rest is `inner`'s.
    /// Weights, which are never given back, do not count; what they are is known from [`Retaining::trim`] or
    /// [`Retaining::give_back_unused`] on, and before that nothing that is used counts.
    pub const fn new(inner: A, limit: usize) -> Self {
        Self {
            inner,
            limit: AtomicUsize::new(limit),
            kept: Mutex::new(Kept::nothing()),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it is locked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: GlobalAlloc> Retaining<A> {
    /// Sets the limit.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.give_back_while(|kept| kept.make_room(0, limit));
    }

    /// Gives back all that is kept. To be called when weights have been loaded: what is used now does not count from now on.
    pub fn trim(&self) {
        self.kept().stand();
        self.give_back_while(|kept| kept.make_room(0, 0));
    }

    /// Gives back what has been kept since before the last call but one, and nobody has wanted meanwhile. What has been used all
    /// the time since the last call is taken for weights.
    pub fn give_back_unused(&self) {
        self.kept().tick();
        self.give_back_while(Kept::unused);
    }

    fn give_back_while(&self, mut next: impl FnMut(&mut Kept) -> Option<Block>) {
        loop {
            // Locked for the choice alone: others may allocate while the system takes pages.
            let block = next(&mut self.kept());
            let Some(Block { address, size, .. }) = block else {
                return;
            };
            // SAFETY: sizes of kept blocks are those of valid layouts; it came from `inner` with this one.
            unsafe {
                let layout = Layout::from_size_align_unchecked(size, ALIGNMENT);
                self.inner.dealloc(address as *mut u8, layout);
            }
        }
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

impl<A: GlobalAlloc> Retaining<A> {
    /// A kept block of `size` bytes; or null, and then there is room for a new one.
    fn take(&self, size: usize) -> *mut u8 {
        let kept = self.kept().take(size);
        if let Some(address) = kept {
            return address as *mut u8;
        }
        let limit = self.limit.load(Ordering::Relaxed);
        self.give_back_while(|kept| kept.make_room(0, limit));
        std::ptr::null_mut()
    }

    /// `block`, a new one of `size` bytes, or null if the system has none.
    fn new_block(&self, block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            self.kept().used_no_more(size);
        }
        block
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
        let size = large.size();
        let kept = self.take(size);
        if kept.is_null() {
            // SAFETY: the size is not 0.
            return self.new_block(unsafe { self.inner.alloc(large) }, size);
        }
        kept
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(large) = large(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { self.inner.alloc_zeroed(layout) };
        };
        let size = large.size();
        let kept = self.take(size);
        if kept.is_null() {
            // SAFETY: the size is not 0.
            return self.new_block(unsafe { self.inner.alloc_zeroed(large) }, size);
        }
        // SAFETY: the block has at least that size, and is nobody else's.
        unsafe { kept.write_bytes(0, layout.size()) };
        kept
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size, rounded up to the alignment, is one of a layout.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if large(layout).is_none() && large(new).is_none() {
            // SAFETY: as the caller promises; the block came from `inner` with this layout.
            return unsafe { self.inner.realloc(address, layout, new_size) };
        }
        // SAFETY: the new size is not 0, as the caller promises.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks have so many bytes, and are not the same; the old one is given back once.
            unsafe {
                moved.copy_from_nonoverlapping(address, layout.size().min(new_size));
                self.dealloc(address, layout);
            }
        }
        moved
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        let Some(large) = large(layout) else {
            // SAFETY: as the caller promises; the block came from `inner` with this layout.
            return unsafe { self.inner.dealloc(address, layout) };
        };
        let size = large.size();
        let limit = self.limit.load(Ordering::Relaxed);
        self.kept().used_no_more(size);
        let mut block = Some(address.expose_provenance());
        self.give_back_while(|kept| {
            if let Some(address) = block.take_if(|_| kept.has_room(size, limit)) {
                kept.push(address, size);
            }
            block.and_then(|_| kept.make_room(size, limit))
        });
        if block.is_some() {
            // SAFETY: the block came from `inner` with this layout.
            unsafe { self.inner.dealloc(address, large) };
        }
    }
}
