/// How the memory beyond the models' own is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Bytes of images being decoded and worked on, and of what is cut out of them.
    pub pixels: u64,
    /// Bytes of keys and values of the texts that are being written.
    pub captions: u64,
    /// Bytes of activations, in use or kept for the next layer or request: beyond that nothing is kept.
    pub retained: u64,
}

impl MemoryBudget {
    /// Shares `bytes` out: half for pixels, a quarter for each of the others. Captions take no more than the largest text and
    /// seven usual ones with their images need, and activations no more than a detector has in memory at a time.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let captions = (bytes / 4).min(320 << 20);
        let retained = (bytes / 4).min(256 << 20);
        Self {
            pixels: bytes - captions - retained,
            captions,
            retained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_whole() {
        for bytes in [0, 1, 64 << 20, 1 << 30, 1 << 36] {
            let MemoryBudget {
                pixels,
                captions,
                retained,
            } = MemoryBudget::of(bytes);
            assert_eq!(pixels + captions + retained, bytes);
            assert!(pixels >= captions);
        }
    }
}
