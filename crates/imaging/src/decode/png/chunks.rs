//! The chunks of a PNG file in front of its pixels.

use std::borrow::Cow;

use flate2::Crc;

const SIGNATURE_BYTES: usize = 8;

/// The file without the critical chunks in front of its pixels that nobody knows: Pillow passes
/// over them, as long as their checksums are right, and the codec does not.
pub(super) fn without_unknown(file: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Cow::Borrowed(file);
    let mut at = SIGNATURE_BYTES;
    // Walks from the front, so that what is dropped moves the rest to `at`.
    while let Some((chunk, size)) = next(&kept, at) {
        if chunk == *b"IDAT" || chunk == *b"IEND" {
            break;
        }
        let critical = chunk[0] & 0x20 == 0;
        if critical && chunk != *b"IHDR" && chunk != *b"PLTE" && checked(&kept[at..at + size]) {
            kept.to_mut().drain(at..at + size);
        } else {
            at += size;
        }
    }
    kept
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
        let (header, unknown) = (chunk(b"IHDR", b"size"), chunk(b"ABCD", b"what"));
        let (text, pixels) = (chunk(b"tEXt", b"words"), chunk(b"IDAT", b"pixels"));
        let mut damaged = unknown.clone();
        damaged[9] ^= 1;
        let file = |chunks: &[&Vec<u8>]| {
            let chunks: Vec<u8> = chunks.iter().copied().flatten().copied().collect();
            [b"\x89PNG\r\n\x1a\n", &chunks[..]].concat()
        };
        let whole = file(&[&header, &unknown, &text, &unknown, &pixels, &unknown]);
        let left = file(&[&header, &text, &pixels, &unknown]);
        assert_eq!(without_unknown(&whole), left);
        let kept = file(&[&header, &damaged, &text, &pixels]);
        assert!(matches!(without_unknown(&kept), Cow::Borrowed(_)));
    }
}
