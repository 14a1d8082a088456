//! What data that is not decoded seems to be, for an error that helps.

use crate::DecodeError;
use crate::decode::avif::container::coding_of;

const HEIC: &str = "set the phone's camera to 'Most Compatible' (iPhone: Settings > Camera > Formats), \
    or convert it to JPEG, PNG or AVIF first; a server that is built with the feature `heic` decodes it";
const RAW: &str = "export it from a raw developer as JPEG, PNG or TIFF first";
const VECTOR: &str = "it has no pixels of its own; draw it to PNG first";
const CONVERT: &str = "convert it to PNG or TIFF first";

/// Images of a format that is not decoded: where the signature is, the signature, the format, and what to
/// do about it.
const IMAGES: [(usize, &[u8], &str, &str); 32] = [
    (4, b"ftypheic", "HEIC", HEIC),
    (4, b"ftypheix", "HEIC", HEIC),
    (4, b"ftypheim", "HEIC", HEIC),
    (4, b"ftypheis", "HEIC", HEIC),
    (4, b"ftyphevc", "HEIC", HEIC),
    (4, b"ftyphevx", "HEIC", HEIC),
    (4, b"ftypmif1", "HEIF", HEIC),
    (4, b"ftypmsf1", "HEIF", HEIC),
    (4, b"ftypcrx ", "Canon raw (CR3)", RAW),
    (0, b"FUJIFILMCCD-RAW", "Fujifilm raw (RAF)", RAW),
    (0, b"IIRO", "Olympus raw (ORF)", RAW),
    (0, b"IIRS", "Olympus raw (ORF)", RAW),
    (0, b"MMOR", "Olympus raw (ORF)", RAW),
    (0, b"IIU\0", "Panasonic raw (RW2)", RAW),
    (0, b"FOVb", "Sigma raw (X3F)", RAW),
    (0, b"\0MRM", "Minolta raw (MRW)", RAW),
    (40, b" EMF", "EMF", VECTOR),
    (0, b"\xd7\xcd\xc6\x9a", "WMF", VECTOR),
    (0, b"%!PS", "PostScript", VECTOR),
    (0, b"\xc5\xd0\xd3\xc6", "EPS", VECTOR),
    (0, b"II\xbc", "JPEG XR", CONVERT),
    (0, b"\x76\x2f\x31\x01", "OpenEXR", CONVERT),
    (0, b"#?RADIANCE", "Radiance HDR", CONVERT),
    (0, b"#?RGBE", "Radiance HDR", CONVERT),
    (0, b"gimp xcf", "GIMP (XCF)", CONVERT),
    (0, b"DDS ", "DDS", CONVERT),
    (0, b"BPG\xfb", "BPG", CONVERT),
    (0, b"FLIF", "FLIF", CONVERT),
    (0, b"P7\n", "PAM", CONVERT),
    (0, b"PF\n", "colour PFM", CONVERT),
    (0, b"SIMPLE  =", "FITS", CONVERT),
    (128, b"DICM", "DICOM", CONVERT),
];

/// What is no image: where the signature is, the signature, and what it is.
const OTHERS: [(usize, &[u8], &str); 33] = [
    (0, b"%PDF-", "a PDF document; send a picture of its page"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\xd0\xcf\x11\xe0", "an old office document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\x1f\x8b", "gzip-compressed data"),
    (0, b"BZh", "bzip2-compressed data"),
    (0, b"\xfd7zXZ", "xz-compressed data"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard-compressed data"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (
        0,
        b"\x1aE\xdf\xa3",
        "a WebM or Matroska video; send one of its frames",
    ),
    (8, b"AVI ", "an AVI video; send one of its frames"),
    (4, b"ftypqt  ", "a QuickTime video; send one of its frames"),
    (4, b"ftyp", "an MP4 video; send one of its frames"),
    (4, b"moov", "a QuickTime video; send one of its frames"),
    (4, b"mdat", "a QuickTime video; send one of its frames"),
    (4, b"wide", "a QuickTime video; send one of its frames"),
    (0, b"FLV\x01", "a Flash video; send one of its frames"),
    (
        0,
        b"\x30\x26\xb2\x75",
        "a Windows Media video; send one of its frames",
    ),
    (0, b"\0\0\x01\xba", "an MPEG video; send one of its frames"),
    (0, b"\0\0\x01\xb3", "an MPEG video; send one of its frames"),
    (8, b"WAVE", "a WAV sound"),
    (0, b"OggS", "an Ogg sound or video"),
    (0, b"ID3", "an MP3 sound"),
    (0, b"fLaC", "a FLAC sound"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format 3", "an SQLite database"),
    (
        0,
        b"iVBORw0KGgo",
        "a PNG image in base64; decode that first",
    ),
    (0, b"/9j/", "a JPEG image in base64; decode that first"),
    (0, b"UklGR", "a WebP image in base64; decode that first"),
    (0, b"data:", "a data URL; decode what is behind its comma"),
];

/// The error for data of no format that is decoded here.
pub(crate) fn refusal(bytes: &[u8]) -> DecodeError {
    let has = |at: usize, signature: &[u8]| {
        bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(signature))
    };
    let image = |format: &str, advice: &str| DecodeError::NotDecoded {
        format: format.to_owned(),
        advice: advice.to_owned(),
    };
    if matches!(coding_of(bytes), Some([b'h', b'v' | b'e', ..])) {
        return image("HEIC", HEIC);
    }
    if let Some((.., format, advice)) = IMAGES.iter().find(|row| has(row.0, row.1)) {
        return image(format, advice);
    }
    let text = text_at_start(bytes);
    let lower = text.trim_start().to_ascii_lowercase();
    if lower.starts_with("<svg") || (lower.starts_with("<?xml") && lower.contains("<svg")) {
        return image("SVG", VECTOR);
    }
    let other = OTHERS.iter().find(|row| has(row.0, row.1));
    let found = if bytes.is_empty() {
        "is empty".to_owned()
    } else if let Some((.., other)) = other {
        format!("is {other}")
    } else if bytes.iter().take(64).all(|&byte| byte == 0) {
        "starts with zeros".to_owned()
    } else if text.len() >= bytes.len().min(16) {
        let kind = match lower.as_bytes() {
            [b'<', rest @ ..]
                if rest.starts_with(b"!doctype html") || rest.starts_with(b"html") =>
            {
                "an HTML page"
            }
            [b'<', ..] => "XML or HTML",
            [b'{' | b'[', ..] => "JSON",
            _ => "text",
        };
        let start: String = text.trim_start().chars().take(40).collect();
        format!("is {kind} that starts with {start:?}")
    } else {
        let start: Vec<_> = bytes
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!(
            "starts with the bytes {}, which fit no known format",
            start.join(" ")
        )
    };
    DecodeError::NotAnImage { found }
}

/// The text that the data starts with, from at most a kilobyte of it.
fn text_at_start(bytes: &[u8]) -> &str {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = &bytes[..bytes.len().min(1024)];
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    };
    let is_control = |letter: char| letter.is_control() && !letter.is_ascii_whitespace();
    &text[..text.find(is_control).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn the_refusal_names_what_the_data_is() {
        let cases: [(&[u8], &str); 16] = [
            (b"", "not an image: the data is empty"),
            (&[0; 80], "not an image: the data starts with zeros"),
            (
                b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
                "cannot decode HEIC images: set the phone's",
            ),
            (
                b"\0\0\0\x18ftypisom\0\0\0\0mp41",
                "not an image: the data is an MP4 video",
            ),
            (
                b"RIFF\x10\0\0\0AVI LIST",
                "not an image: the data is an AVI video",
            ),
            (b"%PDF-1.7\n", "not an image: the data is a PDF document"),
            (b"PK\x03\x04\0\0", "not an image: the data is a ZIP archive"),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>",
                "cannot decode SVG images: it has no pixels",
            ),
            (
                b"\n<!DOCTYPE html><title>404",
                "not an image: the data is an HTML page that starts with \"<!DOCTYPE",
            ),
            (
                b"{\"detail\": 1}",
                "not an image: the data is JSON that starts with \"{\\\"detail",
            ),
            (
                b"404: Not Found",
                "not an image: the data is text that starts with \"404: Not Found\"",
            ),
            (
                "Hällo".as_bytes(),
                "not an image: the data is text that starts with \"Hällo\"",
            ),
            (
                b"\x81\x82\x03\x04",
                "not an image: the data starts with the bytes 81 82 03 04, which fit",
            ),
            (
                b"IIU\0\x18",
                "cannot decode Panasonic raw (RW2) images: export it",
            ),
            (
                b"/9j/4AAQSkZJRg",
                "not an image: the data is a JPEG image in base64",
            ),
            (
                b"\x1f\x8b\x08\0",
                "not an image: the data is gzip-compressed data",
            ),
        ];
        for (bytes, start) in cases {
            let message = refusal(bytes).to_string();
            assert!(message.starts_with(start), "{message}");
        }
    }
}
