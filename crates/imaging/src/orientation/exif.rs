use crate::Format;
use crate::decode::avif::container as avif;
use crate::decode::jpeg_segments::Segments;
use crate::decode::riff;
use crate::decode::tiff_directory::{Directory, Tag};

/// The EXIF orientation, 1 to 8, that the file states; `None` when it states none. EXIF data that
/// cannot be read counts as none: the pixels are still good.
pub(crate) fn orientation_of(format: Format, bytes: &[u8]) -> Option<u16> {
    let exif = match format {
        // What turns an AVIF is not in its EXIF data.
        Format::Avif => return avif::orientation_of(bytes),
        Format::Jpeg => Segments::new(bytes)
            .filter_map(Result::ok)
            .find_map(|segment| match segment.marker {
                0xe1 => segment.payload.strip_prefix(b"Exif\0\0"),
                _ => None,
            })?,
        Format::Png => png_chunk(bytes, *b"eXIf")?,
        Format::WebP => {
            let exif = riff::chunks(bytes.get(12..)?)
                .find(|chunk| chunk.id == *b"EXIF")?
                .payload;
            // Some writers put JPEG's prefix here too.
            exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
        }
        // Pillow turns a TIFF upright whatever the caller wants, so that decoding does it already.
        // JPEG XL's decoder does so too, and the rest has no such data.
        _ => return None,
    };
    let orientation = Directory::first(exif)?.number(Tag::Orientation)?;
    u16::try_from(orientation)
        .ok()
        .filter(|orientation| (1..=8).contains(orientation))
}

/// The data of the first chunk called `name`.
fn png_chunk(bytes: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (id, after) = after.split_first_chunk::<4>()?;
        let data = after.get(..length)?;
        if *id == name {
            return Some(data);
        }
        rest = after.get(length.checked_add(4)?..)?;
    }
}
