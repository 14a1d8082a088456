use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::riff::{Chunk, chunks};
use super::{check_held, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

/// The picture's place on its canvas, and the chunk that holds it.
struct Still<'a> {
    canvas: [u32; 2],
    offset: [u32; 2],
    bitstream: Chunk<'a>,
}

/// Alpha planes are not even read: Pillow drops alpha without looking at it.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let Still {
        canvas: [width, height],
        offset: [x, y],
        bitstream,
    } = find_still(bytes)?;
    check_held(Format::WebP, limits, width.into(), height.into(), 0)?;
    if bitstream.payload.len() < bitstream.declared {
        return Err(Format::WebP.truncated("its bitstream ends early"));
    }

    let simple = simple_file(&bitstream);
    let mut decoder = WebPDecoder::new(Cursor::new(simple)).map_err(blame)?;
    let (frame_width, frame_height) = decoder.dimensions();
    // The lossless decoder works on four bytes per pixel, whatever it hands out.
    let frame = u64::from(frame_width) * u64::from(frame_height);
    let canvas = u64::from(width) * u64::from(height);
    let held = frame.saturating_mul(3 + 4 + 4).max(
        canvas
            .saturating_mul(3)
            .saturating_add(frame.saturating_mul(4)),
    );
    check_held(Format::WebP, limits, width.into(), height.into(), held)?;
    if frame_width.saturating_add(x) > width || frame_height.saturating_add(y) > height {
        return Err(Format::WebP.corrupt("a frame leaves the canvas"));
    }
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let size = frame_width as usize * frame_height as usize * channels;
    let mut frame = vec![0; size];
    decoder.read_image(&mut frame).map_err(blame)?;
    if channels == 4 {
        frame = frame
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect();
    }
    if [frame_width, frame_height] == [width, height] {
        return finish(Format::WebP, width, height, frame);
    }
    // The rest of the canvas is transparent black.
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let stride = frame_width as usize * 3;
    for (row, samples) in frame.chunks_exact(stride).enumerate() {
        let start = ((y as usize + row) * width as usize + x as usize) * 3;
        pixels[start..start + stride].copy_from_slice(samples);
    }
    finish(Format::WebP, width, height, pixels)
}

fn find_still(bytes: &[u8]) -> Result<Still<'_>, DecodeError> {
    let cut = || Format::WebP.truncated("a header is cut off");
    let mut outer = chunks(bytes.get(12..).ok_or_else(cut)?);
    let first = outer.next().ok_or_else(cut)?;
    match &first.id {
        b"VP8 " => Ok(Still {
            canvas: lossy_size(&first)?,
            offset: [0, 0],
            bitstream: first,
        }),
        b"VP8L" => Ok(Still {
            canvas: lossless_size(&first)?,
            offset: [0, 0],
            bitstream: first,
        }),
        b"VP8X" => {
            let header = first.payload.first_chunk::<10>().ok_or_else(cut)?;
            let canvas = [u24(header, 4) + 1, u24(header, 7) + 1];
            let animated = header[0] & 2 != 0;
            if !animated {
                let bitstream = outer.find(is_bitstream);
                let bitstream =
                    bitstream.ok_or_else(|| Format::WebP.truncated("its bitstream is missing"))?;
                return Ok(Still {
                    canvas,
                    offset: [0, 0],
                    bitstream,
                });
            }
            let frame = outer.find(|chunk| chunk.id == *b"ANMF");
            let frame =
                frame.ok_or_else(|| Format::WebP.truncated("its first frame is missing"))?;
            let place = frame.payload.first_chunk::<16>().ok_or_else(cut)?;
            let offset = [u24(place, 0) * 2, u24(place, 3) * 2];
            let bitstream = chunks(&frame.payload[16..]).find(is_bitstream);
            let bitstream = bitstream
                .ok_or_else(|| Format::WebP.truncated("a frame's bitstream is missing"))?;
            Ok(Still {
                canvas,
                offset,
                bitstream,
            })
        }
        id => Err(Format::WebP.unsupported(format!("first chunk {:?}", id.escape_ascii()))),
    }
}

fn is_bitstream(chunk: &Chunk<'_>) -> bool {
    matches!(&chunk.id, b"VP8 " | b"VP8L")
}

fn u24(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}

fn lossy_size(chunk: &Chunk<'_>) -> Result<[u32; 2], DecodeError> {
    let header = chunk.payload.first_chunk::<10>();
    let &[.., w0, w1, h0, h1] = header.ok_or_else(|| Format::WebP.truncated("its header"))?;
    Ok([[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3fff)))
}

fn lossless_size(chunk: &Chunk<'_>) -> Result<[u32; 2], DecodeError> {
    let header = chunk.payload.first_chunk::<5>();
    let &[_, a, b, c, d] = header.ok_or_else(|| Format::WebP.truncated("its header"))?;
    let sizes = u32::from_le_bytes([a, b, c, d]);
    Ok([(sizes & 0x3fff) + 1, (sizes >> 14 & 0x3fff) + 1])
}

/// A file with nothing but `bitstream`, so that the codec has no container to misread.
fn simple_file(bitstream: &Chunk<'_>) -> Vec<u8> {
    let size = bitstream.declared as u32;
    let padded = size + size % 2;
    let mut file = Vec::with_capacity(padded as usize + 20);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(padded + 12).to_le_bytes());
    file.extend_from_slice(b"WEBP");
    file.extend_from_slice(&bitstream.id);
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(bitstream.payload);
    file.resize(padded as usize + 20, 0);
    file
}

fn blame(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(_) => Format::WebP.truncated("its data ends early"),
        DecodingError::UnsupportedFeature(feature) => Format::WebP.unsupported(feature),
        error => Format::WebP.corrupt(error.to_string()),
    }
}
