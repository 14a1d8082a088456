/// How the memory beyond the models' own is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Bytes of images being decoded and worked on, and of what is cut out of them.
    pub pixels: u64,
    /// Bytes of keys and values of the texts that are being written.
    pub captions: u64,
    /// Bytes of activations, in use or kept for the next layer or request: beyond that nothing is kept.
    pub retained: u64,
    /// Bytes of encoded images, from their first byte until their request is answered.
    pub encoded: u64,
    /// Bytes of the crops that answers show, until their clients have taken them.
    pub shown: u64,
}

impl MemoryBudget {
    /// Shares `bytes` out: about a third or more for pixels. Captions take no more than the largest text and seven usual ones with
    /// their images need, and activations no more than a detector has in memory at a time.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let captions = (bytes / 5).min(320 << 20);
        let retained = (bytes / 5).min(256 << 20);
        let (encoded, shown) = (bytes / 8, bytes / 8);
        Self {
            pixels: bytes - captions - retained - encoded - shown,
            captions,
            retained,
            encoded,
            shown,
        }
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pixels + self.captions + self.retained + self.encoded + self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_whole() {
        for bytes in [0, 1, 64 << 20, 1 << 30, 1 << 36] {
            let budget = MemoryBudget::of(bytes);
            assert_eq!(budget.bytes(), bytes);
            assert!(budget.pixels >= budget.captions);
        }
    }
}
