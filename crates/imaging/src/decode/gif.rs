use weezl::{BitOrder, decode::Decoder};

use super::samples::Palette;
use super::{check, finish, lzw};
use crate::{DecodeError, Format, Limits, RgbImage};

const EXTENSION: u8 = 0x21;
const GRAPHIC_CONTROL: u8 = 0xf9;
const IMAGE: u8 = 0x2c;

/// The first frame on its screen. What the frame leaves uncovered has the frame's transparent
/// colour, or without one the first colour of the palette: what Pillow shows.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let mut reader = Reader {
        rest: bytes.get(6..).unwrap_or(&[]),
    };
    let [width, height] = [reader.u16()?, reader.u16()?];
    let [flags, _background, _aspect] = *reader.take::<3>()?;
    let mut palette = reader.palette(flags)?;

    let mut transparent = 0;
    let frame = loop {
        match reader.take::<1>()? {
            [IMAGE] => break reader.frame()?,
            [EXTENSION] => {
                let [label] = *reader.take::<1>()?;
                let block = reader.block()?;
                if let (GRAPHIC_CONTROL, &[flags, _, _, index, ..]) = (label, block)
                    && flags & 1 != 0
                {
                    transparent = index;
                }
                if !block.is_empty() {
                    while !reader.block()?.is_empty() {}
                }
            }
            // Pillow skips what it does not know, byte by byte, until the trailer.
            [0x3b] => return Err(Format::Gif.truncated("it ends before its first frame")),
            _ => {}
        }
    };
    if let Some(local) = reader.palette(frame.flags)? {
        palette = Some(local);
    }
    // A frame that leaves the screen makes the screen larger.
    let width = u32::from(width).max(frame.left + frame.width);
    let height = u32::from(height).max(frame.top + frame.height);
    check(Format::Gif, limits, width.into(), height.into(), 3 + 1)?;

    let palette = palette.unwrap_or_else(Palette::grey);
    let indices = reader.indices(&frame)?;
    let mut pixels = palette
        .color(transparent)
        .repeat(width as usize * height as usize);
    for (row, indices) in frame.rows().zip(indices.chunks_exact(frame.width as usize)) {
        let start = (row * width as usize + frame.left as usize) * 3;
        let row = &mut pixels[start..start + frame.width as usize * 3];
        for (pixel, &index) in row.as_chunks_mut::<3>().0.iter_mut().zip(indices) {
            *pixel = palette.color(index);
        }
    }
    finish(Format::Gif, width, height, pixels)
}

struct Frame {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    flags: u8,
}

impl Frame {
    /// The screen rows in the order in which the file has them.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let (top, height) = (self.top as usize, self.height as usize);
        let passes: &[(usize, usize)] = if self.flags & 0x40 != 0 {
            &[(0, 8), (4, 8), (2, 4), (1, 2)]
        } else {
            &[(0, 1)]
        };
        passes
            .iter()
            .flat_map(move |&(start, step)| (start..height).step_by(step))
            .map(move |y| top + y)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| Format::Gif.truncated("it ends before its first frame does"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(*self.take::<2>()?))
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Format::Gif.truncated("it ends before its first frame does"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// One length-prefixed block; an empty one ends a sequence.
    fn block(&mut self) -> Result<&'a [u8], DecodeError> {
        let [length] = *self.take::<1>()?;
        self.slice(usize::from(length))
    }

    fn palette(&mut self, flags: u8) -> Result<Option<Palette>, DecodeError> {
        if flags & 0x80 == 0 {
            return Ok(None);
        }
        let entries = self.slice(3 << ((flags & 7) + 1))?;
        Ok(Some(Palette::new_or_grey(entries.as_chunks::<3>().0)))
    }

    fn frame(&mut self) -> Result<Frame, DecodeError> {
        let [left, top, width, height] = [self.u16()?, self.u16()?, self.u16()?, self.u16()?];
        let [flags] = *self.take::<1>()?;
        if width == 0 || height == 0 {
            return Err(Format::Gif.corrupt(format!("its first frame is {width}x{height}")));
        }
        Ok(Frame {
            left: left.into(),
            top: top.into(),
            width: width.into(),
            height: height.into(),
            flags,
        })
    }

    /// The frame's colour indices, in the order of the file.
    fn indices(&mut self, frame: &Frame) -> Result<Vec<u8>, DecodeError> {
        let [code_size] = *self.take::<1>()?;
        if !(1..=11).contains(&code_size) {
            return Err(Format::Gif.corrupt(format!("its code size is {code_size}")));
        }
        let mut data = Vec::new();
        // A file may lack its last blocks, as long as the pixels are there.
        while let Ok(block @ [_, ..]) = self.block() {
            data.extend_from_slice(block);
        }
        let mut indices = vec![0; frame.width as usize * frame.height as usize];
        let filled = lzw::fill(Decoder::new(BitOrder::Lsb, code_size), &data, &mut indices)
            .map_err(|error| Format::Gif.corrupt(error.to_string()))?;
        if filled < indices.len() {
            return Err(Format::Gif.truncated("its first frame lacks pixels"));
        }
        Ok(indices)
    }
}
