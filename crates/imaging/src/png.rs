//! Photographs as PNG, written by several threads.
//!
//! Rows are filtered and compressed in segments that need nothing of each other. Each is a deflate block with a code of its own,
//! ends on a whole byte, and is an `IDAT` chunk.

mod deflate;
mod filter;
mod huffman;

use fearless_simd::Level;
use flate2::Crc;
use simd_adler32::Adler32;
use thiserror::Error;

use self::filter::Filters;
use crate::RgbImage;
use crate::workers::for_each;

/// About so many bytes are a segment: enough that its code costs next to nothing, few enough to stay in a core's cache.
const SEGMENT_BYTES: usize = 1 << 18;
/// Segments of an image that is worth the helpers' while.
const SHARED_SEGMENTS: usize = 8;

/// Why an image could not be written as PNG.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot encode a {width}x{height} image as PNG")]
pub struct EncodeError {
    width: u32,
    height: u32,
}

/// The image as a lossless 8-bit RGB PNG, compressed for speed rather than for size.
///
/// # Errors
/// When PNG cannot hold the image: one without pixels, or with a side of more than 31 bits.
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (image.width(), image.height());
    if [width, height].contains(&0) || width.max(height) > i32::MAX as u32 {
        return Err(EncodeError { width, height });
    }
    let stride = width as usize * 3;
    let rows = (SEGMENT_BYTES / stride).max(1);
    let mut segments = vec![Segment::default(); (height as usize).div_ceil(rows)];
    let piece = if segments.len() < SHARED_SEGMENTS {
        segments.len()
    } else {
        1
    };
    for_each(
        segments.chunks_mut(piece).enumerate(),
        |(first, segments)| {
            for (at, segment) in (first * piece..).zip(segments) {
                *segment = Segment::new(image, at * rows, rows);
            }
        },
    );

    let mut header = [0; 13];
    header[..4].copy_from_slice(&width.to_be_bytes());
    header[4..8].copy_from_slice(&height.to_be_bytes());
    // 8 bits, RGB, the usual compression and filters, not interlaced.
    header[8..].copy_from_slice(&[8, 2, 0, 0, 0]);
    let mut checksum = 1;
    let bytes: usize = segments.iter().map(|segment| segment.chunk.len()).sum();
    let mut png = Vec::with_capacity(bytes + 100);
    png.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    write_chunk(&mut png, b"IHDR", &header);
    write_chunk(&mut png, b"IDAT", &[0x78, 0x01]);
    for segment in &segments {
        png.extend_from_slice(&segment.chunk);
        checksum = checksum_of_both(checksum, segment.checksum, segment.bytes);
    }
    // An empty last block, and the checksum of everything.
    let [a, b, c, d] = checksum.to_be_bytes();
    write_chunk(&mut png, b"IDAT", &[0x03, 0x00, a, b, c, d]);
    write_chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

/// Some rows, compressed.
#[derive(Clone, Default)]
struct Segment {
    chunk: Vec<u8>,
    /// Of its bytes before they were compressed, and how many they are.
    checksum: u32,
    bytes: usize,
}

impl Segment {
    /// `count` rows of `image` from `first` on, or as many as there are.
    fn new(image: &RgbImage, first: usize, count: usize) -> Self {
        let stride = image.width() as usize * 3;
        let above = first.checked_sub(1).map(|above| image.row(above as u32));
        let mut filters = Filters::new(Level::new(), stride, above);
        let rows = image.pixels()[first * stride..]
            .chunks_exact(stride)
            .take(count);
        let mut filtered = Vec::with_capacity(rows.len() * (1 + stride));
        for row in rows {
            filters.write(row, &mut filtered);
        }
        let mut checksum = Adler32::new();
        checksum.write(&filtered);
        let compressed = deflate::block(&filtered);
        let mut chunk = Vec::with_capacity(compressed.len() + 12);
        write_chunk(&mut chunk, b"IDAT", &compressed);
        Self {
            chunk,
            checksum: checksum.finish(),
            bytes: filtered.len(),
        }
    }
}

/// Writes `data` as one chunk.
fn write_chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    png.extend_from_slice(&(data.len() as u32).to_be_bytes());
    png.extend_from_slice(name);
    png.extend_from_slice(data);
    png.extend_from_slice(&crc.sum().to_be_bytes());
}

/// The Adler-32 checksum of what has the checksum `first`, followed by `bytes` bytes with the checksum `second` (RFC 1950).
fn checksum_of_both(first: u32, second: u32, bytes: usize) -> u32 {
    const MODULUS: u64 = 65_521;
    let split = |checksum: u32| (u64::from(checksum & 0xffff), u64::from(checksum >> 16));
    let ((sum, sums), (sum_of_rest, sums_of_rest)) = (split(first), split(second));
    // Each sum begins with a one, which the second has, too, and the first's sum is in each of the second's.
    let sum_before = (sum + MODULUS - 1) % MODULUS;
    let sums = (sums + sums_of_rest + bytes as u64 % MODULUS * sum_before) % MODULUS;
    let sum = (sum_before + sum_of_rest) % MODULUS;
    (sums << 16 | sum) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_parts_is_that_of_the_whole() {
        let bytes: Vec<u8> = (0..200_000_u32)
            .map(|at| (at.wrapping_mul(at) >> 7) as u8 | 0xf0)
            .collect();
        let checksum = |bytes: &[u8]| {
            let mut checksum = Adler32::new();
            checksum.write(bytes);
            checksum.finish()
        };
        for at in [0, 1, 5_552, 65_521, 100_000, 200_000] {
            let (first, second) = bytes.split_at(at);
            let both = checksum_of_both(checksum(first), checksum(second), second.len());
            assert_eq!(both, checksum(&bytes), "{at}");
        }
    }
}
