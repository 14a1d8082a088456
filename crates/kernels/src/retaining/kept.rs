//! Blocks that nobody uses, and how long they have lain there.

/// Blocks that are kept at most.
const SLOTS: usize = 128;

#[derive(Debug)]
pub(super) struct Kept {
    /// Oldest first.
    blocks: [Block; SLOTS],
    count: usize,
    bytes: usize,
    /// Bytes that somebody uses.
    used: usize,
    /// The least of that since the last tick.
    least_used: usize,
    /// Of that, bytes that are not given back from layer to layer: weights.
    standing: usize,
    /// Counts the ticks of whoever wants old blocks back.
    now: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) address: usize,
    pub(super) size: usize,
    /// When it was given back.
    since: u64,
}

impl Kept {
    pub(super) const fn nothing() -> Self {
        let none = Block {
            address: 0,
            size: 0,
            since: 0,
        };
        Self {
            blocks: [none; SLOTS],
            count: 0,
            bytes: 0,
            used: 0,
            least_used: 0,
            // Unknown: nothing that is used counts.
            standing: usize::MAX,
            now: 0,
        }
    }

    /// Somebody wants `size` bytes: the youngest block of that size, if there is one. It may still be in a cache.
    pub(super) fn take(&mut self, size: usize) -> Option<usize> {
        self.used += size;
        let found = self.blocks[..self.count]
            .iter()
            .rposition(|block| block.size == size)?;
        Some(self.remove(found).address)
    }

    /// Somebody has no use any more for `size` bytes, or did not get them.
    pub(super) fn used_no_more(&mut self, size: usize) {
        self.used -= size;
        self.least_used = self.least_used.min(self.used);
    }

    /// Keeps a block that has room.
    pub(super) fn push(&mut self, address: usize, size: usize) {
        self.blocks[self.count] = Block {
            address,
            size,
            since: self.now,
        };
        self.count += 1;
        self.bytes += size;
    }

    /// The oldest block, if it has to go so that one of `size` bytes can be kept, or because of the limit alone.
    pub(super) fn make_room(&mut self, size: usize, limit: usize) -> Option<Block> {
        let room = self.room(limit);
        let in_the_way = size <= room && (self.count == SLOTS || self.bytes + size > room);
        let goes = self.count > 0 && (in_the_way || self.bytes > room);
        goes.then(|| self.remove(0))
    }

    /// Whether a block of `size` bytes can be kept.
    pub(super) fn has_room(&self, size: usize, limit: usize) -> bool {
        self.count < SLOTS && self.bytes + size <= self.room(limit)
    }

    /// Bytes that may be kept: with what is used, weights apart, they are `limit`.
    fn room(&self, limit: usize) -> usize {
        limit.saturating_sub(self.used.saturating_sub(self.standing))
    }

    /// The oldest block, if it has lain here since before the last tick but one.
    pub(super) fn unused(&mut self) -> Option<Block> {
        let old = self.count > 0 && self.blocks[0].since + 1 < self.now;
        old.then(|| self.remove(0))
    }

    /// What has been used all the time since the last tick is weights.
    pub(super) fn tick(&mut self) {
        self.now += 1;
        self.standing = self.least_used;
        self.least_used = self.used;
    }

    /// What is used now is weights.
    pub(super) fn stand(&mut self) {
        self.standing = self.used;
        self.least_used = self.used;
    }

    fn remove(&mut self, index: usize) -> Block {
        let block = self.blocks[index];
        self.blocks.copy_within(index + 1..self.count, index);
        self.count -= 1;
        self.bytes -= block.size;
        block
    }
}
