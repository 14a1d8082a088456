use std::fmt;

/// An encoded image's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// Portable Network Graphics.
    Png,
    /// WebP, lossy or lossless, still or animated.
    WebP,
    /// Graphics Interchange Format, 87a or 89a.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// Tagged Image File Format.
    Tiff,
}

impl Format {
    /// Recognises a format by its first bytes, never by a name; `None` if they fit no format.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // Some writers swap the bytes of the version, too.
        const TIFF_SIGNATURES: [&[u8]; 6] = [
            b"II\x2a\x00",
            b"MM\x00\x2a",
            b"II\x00\x2a",
            b"MM\x2a\x00",
            b"II\x2b\x00",
            b"MM\x00\x2b",
        ];
        if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            Some(Self::Gif)
        } else if bytes.starts_with(b"BM") {
            Some(Self::Bmp)
        } else if TIFF_SIGNATURES
            .iter()
            .any(|signature| bytes.starts_with(signature))
        {
            Some(Self::Tiff)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let cases: &[(&[u8], Option<Format>)] = &[
            (b"", None),
            (b"\xff\xd8", None),
            (b"\xff\xd8\xff\xe0", Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1a\n", Some(Format::Png)),
            (b"\x89PNG\n\x1a\n", None),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"GIF89a", Some(Format::Gif)),
            (b"GIF88a", None),
            (b"BM", Some(Format::Bmp)),
            (b"II*\0", Some(Format::Tiff)),
            (b"MM\0+", Some(Format::Tiff)),
            (b"PK\x03\x04", None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::of(bytes), *format, "{bytes:?}");
        }
    }
}
