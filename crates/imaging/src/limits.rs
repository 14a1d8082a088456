use thiserror::Error;

/// What one image may cost. Checked against an image's header, before its pixels get memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels, width times height.
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
    /// Most bytes that decoding may hold at once: the result and the working buffers, estimated
    /// from the header. The encoded bytes themselves do not count.
    pub max_decode_bytes: u64,
}

impl Default for Limits {
    /// 120 megapixels, which the largest usual camera of a phone and any panorama have; sides up to 65,535; and 640 MiB: what
    /// a progressive JPEG of 50 megapixels without subsampling needs (its coefficients take twice the pixels' bytes).
    fn default() -> Self {
        Self {
            max_pixels: 120_000_000,
            max_side: 65_535,
            max_decode_bytes: 640 << 20,
        }
    }
}

/// An image costs more than its [`Limits`] allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitExceeded {
    /// A side is too long.
    #[error("{width}x{height} pixels, and a side may have at most {max_side}")]
    Side {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The limit in pixels.
        max_side: u32,
    },
    /// Too many pixels.
    #[error("{width}x{height} pixels, and at most {max_pixels} pixels are allowed")]
    Pixels {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The limit in pixels.
        max_pixels: u64,
    },
    /// Decoding would take too much memory.
    #[error("decoding it takes {needed} bytes, and at most {max_decode_bytes} are allowed")]
    Bytes {
        /// Bytes that decoding would hold at once.
        needed: u64,
        /// The limit in bytes.
        max_decode_bytes: u64,
    },
    /// The file asks for far more work than its size in pixels explains.
    #[error("it has {passes} passes over its pixels, and at most {max_passes} are allowed")]
    Passes {
        /// Scans of a progressive JPEG.
        passes: u64,
        /// The limit.
        max_passes: u64,
    },
}

impl Limits {
    /// Checks an image's size in pixels.
    ///
    /// # Errors
    /// Says the size and the limit when a side or the number of pixels is over it.
    pub fn check_size(&self, width: u64, height: u64) -> Result<(), LimitExceeded> {
        let max_side = self.max_side;
        if width.max(height) > u64::from(max_side) {
            return Err(LimitExceeded::Side {
                width,
                height,
                max_side,
            });
        }
        let max_pixels = self.max_pixels;
        if width.saturating_mul(height) > max_pixels {
            return Err(LimitExceeded::Pixels {
                width,
                height,
                max_pixels,
            });
        }
        Ok(())
    }

    /// Checks the bytes that decoding would hold at once.
    ///
    /// # Errors
    /// Says the need and the limit when it is over it.
    pub fn check_bytes(&self, needed: u64) -> Result<(), LimitExceeded> {
        let max_decode_bytes = self.max_decode_bytes;
        if needed > max_decode_bytes {
            return Err(LimitExceeded::Bytes {
                needed,
                max_decode_bytes,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_pixels_and_bytes_are_limited_apart() {
        let limits = Limits {
            max_pixels: 100,
            max_side: 20,
            max_decode_bytes: 300,
        };
        assert_eq!(limits.check_size(10, 10), Ok(()));
        assert_eq!(
            limits.check_size(21, 1),
            Err(LimitExceeded::Side {
                width: 21,
                height: 1,
                max_side: 20
            })
        );
        assert_eq!(
            limits.check_size(20, 6),
            Err(LimitExceeded::Pixels {
                width: 20,
                height: 6,
                max_pixels: 100
            })
        );
        assert!(limits.check_size(u64::MAX, u64::MAX).is_err());
        assert_eq!(limits.check_bytes(300), Ok(()));
        assert!(limits.check_bytes(301).is_err());
    }

    #[test]
    fn the_message_says_the_size_and_the_limit() {
        let error = Limits::default().check_size(40_000, 40_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "40000x40000 pixels, and at most 120000000 pixels are allowed"
        );
    }
}
