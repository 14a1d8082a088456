use std::fmt;

use crate::decode::{avif::container::coding_of, tga};

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
    /// Windows bitmap, with its file header or without (DIB).
    Bmp,
    /// Tagged Image File Format.
    Tiff,
    /// AV1 Image File Format, still or animated.
    Avif,
    /// HEVC in High Efficiency Image File Format, as phones write it.
    #[cfg(feature = "heic")]
    Heic,
    /// JPEG 2000, in its file format or as a bare codestream.
    Jpeg2000,
    /// JPEG XL, in its container or as a bare codestream.
    Jxl,
    /// Windows icon.
    Ico,
    /// Windows cursor.
    Cur,
    /// Apple icon.
    Icns,
    /// Netpbm bitmap, greymap or pixmap, plain or raw, and the float map.
    Pnm,
    /// Truevision Targa.
    Tga,
    /// Quite OK Image format.
    Qoi,
    /// PC Paintbrush.
    Pcx,
    /// Silicon Graphics image.
    Sgi,
    /// Photoshop document.
    Psd,
}

/// Signatures at the start of a file.
const SIGNATURES: [(&[u8], Format); 24] = [
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"GIF87a", Format::Gif),
    (b"GIF89a", Format::Gif),
    (b"BM", Format::Bmp),
    (b"II\x2a\x00", Format::Tiff),
    (b"MM\x00\x2a", Format::Tiff),
    // Some writers swap the bytes of the version, too.
    (b"II\x00\x2a", Format::Tiff),
    (b"MM\x2a\x00", Format::Tiff),
    (b"II\x2b\x00", Format::Tiff),
    (b"MM\x00\x2b", Format::Tiff),
    (b"\xff\x4f\xff\x51", Format::Jpeg2000),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format::Jpeg2000),
    (b"\xff\x0a", Format::Jxl),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Format::Jxl),
    (b"\0\0\x01\0", Format::Ico),
    (b"icns", Format::Icns),
    (b"qoif", Format::Qoi),
    (b"\x01\xda", Format::Sgi),
    (b"8BPS", Format::Psd),
    (b"P0CMYK", Format::Pnm),
    (b"PyCMYK", Format::Pnm),
    (b"PyRGBA", Format::Pnm),
    (b"PyP", Format::Pnm),
];

impl Format {
    /// Recognises a format by its first bytes, never by a name; `None` if they fit no format.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if let Some((_, format)) = SIGNATURES
            .iter()
            .find(|(signature, _)| bytes.starts_with(signature))
        {
            return Some(*format);
        }
        match bytes {
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            [b'P', b'1'..=b'6' | b'f', b' ' | 9..=13, ..] => Some(Self::Pnm),
            [10, 0 | 2 | 3 | 5, ..] => Some(Self::Pcx),
            // A Targa may start so too, with a count of zero.
            [0, 0, 2, 0, count @ ..] if count.get(..2).is_some_and(|count| count != [0, 0]) => {
                Some(Self::Cur)
            }
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => {
                if is_avif(bytes, brand) {
                    return Some(Self::Avif);
                }
                #[cfg(feature = "heic")]
                if coding_of(bytes) == Some(*b"hvc1") {
                    return Some(Self::Heic);
                }
                None
            }
            // The size of a bitmap's header is its first field.
            [12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => Some(Self::Bmp),
            _ => tga::has_header(bytes).then_some(Self::Tga),
        }
    }
}

/// Whether HEIF boxes hold AV1: the brand says so, or names no coding and the picture is none of HEVC.
fn is_avif(bytes: &[u8], brand: &[u8]) -> bool {
    match brand.first_chunk() {
        Some(b"avif" | b"avis") => true,
        Some(b"mif1" | b"msf1") => !matches!(coding_of(bytes), Some([b'h', ..])),
        _ => coding_of(bytes) == Some(*b"av01"),
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
            Self::Avif => "AVIF",
            #[cfg(feature = "heic")]
            Self::Heic => "HEIC",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Jxl => "JPEG XL",
            Self::Ico => "ICO",
            Self::Cur => "CUR",
            Self::Icns => "ICNS",
            Self::Pnm => "PNM",
            Self::Tga => "TGA",
            Self::Qoi => "QOI",
            Self::Pcx => "PCX",
            Self::Sgi => "SGI",
            Self::Psd => "PSD",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let targa = b"\0\0\x02\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x18\0";
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
            (b"\x28\0\0\0\x01\0\0\0", Some(Format::Bmp)),
            (b"II*\0", Some(Format::Tiff)),
            (b"MM\0+", Some(Format::Tiff)),
            (b"\0\0\0\x18ftypavif", Some(Format::Avif)),
            (b"\0\0\0\x18ftypheic", None),
            (b"\0\0\0\x18ftypisom", None),
            (b"P6\n1 1\n255\n", Some(Format::Pnm)),
            (b"P6x", None),
            (b"Pyramid", None),
            (b"\0\0\x02\0\x01\0", Some(Format::Cur)),
            (targa, Some(Format::Tga)),
            (&targa[..17], None),
            (b"PK\x03\x04", None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::of(bytes), *format, "{bytes:?}");
        }
    }
}
