//! The chunks of a PNG file in front of its pixels.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use flate2::Crc;
use flate2::bufread::ZlibDecoder;

const SIGNATURE_BYTES: usize = 8;
/// The length, the name and the checksum.
const EMPTY_CHUNK_BYTES: usize = 12;
/// The same with the header's 13 bytes.
const HEADER_CHUNK_BYTES: usize = 25;
/// Where in the header chunk the compression method is.
const COMPRESSION: usize = 18;

/// The file as the codec takes it: what Pillow passes over in front of the pixels, as long as the
/// checksums are right, is left out. That is critical chunks that nobody knows, empty palettes,
/// all but the last header and palette, what comes before the header, and a compression method that is not 0.
pub(super) fn plain(file: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Cow::Borrowed(file);
    let mut palette: Option<Range<usize>> = None;
    let mut at = SIGNATURE_BYTES;
    // Walks from the front, so that what is dropped moves the rest to `at`.
    while let Some((name, size)) = next(&kept, at) {
        let chunk = at..at + size;
        let critical = name[0] & 0x20 == 0;
        at = match &name {
            b"IDAT" | b"IEND" => break,
            _ if !critical || !checked(&kept[chunk.clone()]) => chunk.end,
            b"IHDR" if size >= HEADER_CHUNK_BYTES => {
                let header = plain_header(&kept[chunk.clone()]);
                if chunk.start != SIGNATURE_BYTES || kept[chunk.clone()] != header {
                    kept.to_mut().splice(SIGNATURE_BYTES..chunk.end, header);
                }
                SIGNATURE_BYTES + HEADER_CHUNK_BYTES
            }
            b"IHDR" => chunk.end,
            b"PLTE" if size > EMPTY_CHUNK_BYTES => {
                let earlier = palette.take().unwrap_or_default();
                if !earlier.is_empty() {
                    kept.to_mut().drain(earlier.clone());
                }
                let end = chunk.end - earlier.len();
                palette = Some(end - size..end);
                end
            }
            _ => {
                kept.to_mut().drain(chunk.clone());
                chunk.start
            }
        };
    }
    kept
}

/// The first 13 bytes of a header, with the only compression method that there is.
fn plain_header(chunk: &[u8]) -> Vec<u8> {
    let mut header = chunk[..HEADER_CHUNK_BYTES - 4].to_vec();
    header[..4].copy_from_slice(&13_u32.to_be_bytes());
    header[COMPRESSION] = 0;
    let mut crc = Crc::new();
    crc.update(&header[4..]);
    header.extend_from_slice(&crc.sum().to_be_bytes());
    header
}

/// Whether the pixels' data is whole, though less than `picture` bytes, and ends after a row.
pub(super) fn end_after_a_row(file: &[u8], row_bytes: usize, picture: u64) -> bool {
    let mut deflated = Vec::new();
    let mut at = SIGNATURE_BYTES;
    while let Some((name, size)) = next(file, at) {
        if name == *b"IDAT" {
            deflated.extend_from_slice(&file[at + 8..at + size - 4]);
        }
        at += size;
    }
    let mut inflated = ZlibDecoder::new(&deflated[..]).take(picture);
    let bytes = io::copy(&mut inflated, &mut io::sink());
    bytes.is_ok_and(|bytes| bytes < picture && bytes.is_multiple_of(row_bytes as u64))
}

/// The name and the whole size of the chunk at `at`, if it is there to its end.
fn next(file: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let rest = file.get(at..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let size = (u32::from_be_bytes(*length) as usize).checked_add(12)?;
    (size <= rest.len() + 4).then_some((*rest.first_chunk::<4>()?, size))
}

fn checked(chunk: &[u8]) -> bool {
    let Some((named, sum)) = chunk[4..].split_last_chunk::<4>() else {
        return false;
    };
    let mut crc = Crc::new();
    crc.update(named);
    crc.sum() == u32::from_be_bytes(*sum)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn chunk(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let named = [name, payload].concat();
        let mut crc = Crc::new();
        crc.update(&named);
        let length = (payload.len() as u32).to_be_bytes();
        [&length[..], &named, &crc.sum().to_be_bytes()].concat()
    }

    #[test]
    fn unknown_critical_chunks_go_unless_damaged_or_behind_the_pixels() {
        let (header, unknown) = (chunk(b"IHDR", &[0; 13]), chunk(b"ABCD", b"what"));
        let (text, pixels) = (chunk(b"tEXt", b"words"), chunk(b"IDAT", b"pixels"));
        let mut damaged = unknown.clone();
        damaged[9] ^= 1;
        let file = |chunks: &[&Vec<u8>]| {
            let chunks: Vec<u8> = chunks.iter().copied().flatten().copied().collect();
            [b"\x89PNG\r\n\x1a\n", &chunks[..]].concat()
        };
        let whole = file(&[&header, &unknown, &text, &unknown, &pixels, &unknown]);
        let left = file(&[&header, &text, &pixels, &unknown]);
        assert_eq!(plain(&whole), left);
        let kept = file(&[&header, &damaged, &text, &pixels]);
        assert!(matches!(plain(&kept), Cow::Borrowed(_)));
    }

    fn file(chunks: &[&[u8]]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n", &chunks.concat()[..]].concat()
    }

    #[test]
    fn the_last_header_and_the_last_palette_count() {
        let (first, last) = (chunk(b"PLTE", b"123456"), chunk(b"PLTE", b"789"));
        let (header, text) = (chunk(b"IHDR", &[1; 13]), chunk(b"tEXt", b"words"));
        let mut usual = [1; 13];
        usual[10] = 0;
        let usual = chunk(b"IHDR", &usual);
        let long = chunk(b"IHDR", &[1; 15]);
        let pixels = chunk(b"IDAT", b"pixels");
        let twice = file(&[&text, &long, &header, &first, &text, &last, &pixels, &first]);
        let once = file(&[&usual, &text, &last, &pixels, &first]);
        assert_eq!(plain(&twice), once);
        assert!(matches!(plain(&once), Cow::Borrowed(_)));
    }

    #[test]
    fn data_may_end_after_any_row_but_not_within() {
        let deflated = |bytes: usize| {
            let mut target = ZlibEncoder::new(Vec::new(), Compression::default());
            target.write_all(&vec![7; bytes]).unwrap();
            target.finish().unwrap()
        };
        let ends = |data: &[u8]| {
            let (start, rest) = data.split_at(data.len() / 2);
            let parts = [chunk(b"IDAT", start), chunk(b"IDAT", rest)];
            end_after_a_row(&file(&[&parts[0], &parts[1], &chunk(b"IEND", b"")]), 10, 40)
        };
        assert!(ends(&deflated(30)));
        assert!(!ends(&deflated(35)));
        assert!(!ends(&deflated(40)), "nothing is missing");
        assert!(!ends(&deflated(30)[..10]), "no end");
        let mut damaged = deflated(30);
        *damaged.last_mut().unwrap() ^= 1;
        assert!(!ends(&damaged), "a wrong checksum");
    }
}
