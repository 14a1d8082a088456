//! What joblib compresses a file with, told by its first bytes.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{GzDecoder, ZlibDecoder};

use super::MAX_BYTES;

/// First bytes of what is not read here.
const OTHERS: [(&[u8], &str); 5] = [
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"ZF", "a format of joblib before 0.10"),
];

/// The pickle itself, at most [`MAX_BYTES`] of it.
pub(super) fn unpacked(file: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if file.starts_with(b"\x1f\x8b") {
        let mut decoder = GzDecoder::new(file);
        let bytes = unpack(&mut decoder, "gzip")?;
        return whole(bytes, decoder.into_inner());
    }
    // Zlib's first two bytes are a multiple of 31, and no pickle begins so.
    if let [0x78, second, ..] = *file
        && u16::from_be_bytes([0x78, second]).is_multiple_of(31)
    {
        let mut decoder = ZlibDecoder::new(file);
        let bytes = unpack(&mut decoder, "zlib")?;
        return whole(bytes, decoder.into_inner());
    }
    match OTHERS.iter().find(|(magic, _)| file.starts_with(magic)) {
        Some((_, name)) => Err(format!(
            "compressed with {name}; only zlib and gzip are read (joblib.dump with another `compress` writes it anew)"
        )),
        None => Ok(Cow::Borrowed(file)),
    }
}

fn whole<'a>(bytes: Vec<u8>, left: &[u8]) -> Result<Cow<'a, [u8]>, String> {
    match left.len() {
        0 => Ok(Cow::Owned(bytes)),
        left => Err(format!("{left} bytes after its compressed data")),
    }
}

fn unpack(decoder: impl Read, format: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    decoder
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("damaged {format} data: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes of {format} data"));
    }
    Ok(bytes)
}
