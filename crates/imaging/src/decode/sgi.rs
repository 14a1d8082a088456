//! Silicon Graphics images.

use super::boxes::Reader;
use super::{check, finish};
use crate::{DecodeError, Format, Limits, RgbImage};

const HEADER: usize = 512;

struct Header {
    run_length: bool,
    sample_bytes: usize,
    channels: usize,
    width: u16,
    height: u16,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = header(bytes).ok_or_else(|| Format::Sgi.truncated("its header is cut off"))??;
    let (width, height) = (usize::from(header.width), usize::from(header.height));
    check(Format::Sgi, limits, width as u64, height as u64, 3)?;
    let mut pixels = vec![0; width * height * 3];
    let mut row = vec![0; width];
    // Alpha would be the fourth channel, and grey is the only one.
    for channel in 0..header.channels.min(3) {
        row.fill(0);
        for y in 0..height {
            let index = channel * height + y;
            if header.run_length {
                let tables = header.channels * height;
                unpack_row(bytes, index, tables, header.sample_bytes, &mut row)?;
            } else {
                let stored = bytes
                    .get(HEADER + index * width * header.sample_bytes..)
                    .and_then(|rest| rest.get(..width * header.sample_bytes));
                let stored = stored.ok_or_else(|| Format::Sgi.truncated("rows are missing"))?;
                for (sample, stored) in row.iter_mut().zip(stored.chunks_exact(header.sample_bytes))
                {
                    *sample = stored[0];
                }
            }
            let to = &mut pixels[(height - 1 - y) * width * 3..][..width * 3];
            for (pixel, &sample) in to.as_chunks_mut::<3>().0.iter_mut().zip(&row) {
                match header.channels {
                    1 => *pixel = [sample; 3],
                    _ => pixel[channel] = sample,
                }
            }
        }
    }
    finish(
        Format::Sgi,
        header.width.into(),
        header.height.into(),
        pixels,
    )
}

fn header(bytes: &[u8]) -> Option<Result<Header, DecodeError>> {
    let mut reader = Reader(bytes.get(..HEADER)?);
    reader.u16()?;
    let [compression, sample_bytes] = reader.array()?;
    let (dimensions, width, height, channels) =
        (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    if !matches!((dimensions, channels), (1 | 2, 1) | (3, 3 | 4)) || !matches!(sample_bytes, 1 | 2)
    {
        return Some(Err(Format::Sgi.unsupported(format!(
            "{channels} channels in {dimensions} dimensions, {sample_bytes} bytes per sample"
        ))));
    }
    if compression > 1 {
        return Some(Err(
            Format::Sgi.unsupported(format!("compression {compression}"))
        ));
    }
    Some(Ok(Header {
        run_length: compression == 1,
        sample_bytes: sample_bytes.into(),
        channels: channels.into(),
        width,
        height,
    }))
}

/// Undoes one row's run lengths. What an early end leaves out keeps the last row's samples, as in Pillow.
fn unpack_row(
    bytes: &[u8],
    index: usize,
    rows: usize,
    size: usize,
    row: &mut [u8],
) -> Result<(), DecodeError> {
    let number = |at: usize| Reader(bytes.get(HEADER + at * 4..)?).u32();
    let (start, length) = number(index)
        .zip(number(rows + index))
        .ok_or_else(|| Format::Sgi.truncated("its table of rows is cut off"))?;
    let missing = || Format::Sgi.truncated("rows are missing");
    let mut rest = bytes.get(start as usize..).ok_or_else(missing)?;
    if (start as usize) < HEADER {
        return Err(Format::Sgi.corrupt("a row starts in the header"));
    }
    let mut at = 0;
    for left in (1..=length).rev() {
        let (head, after) = rest.split_at_checked(size).ok_or_else(missing)?;
        rest = after;
        let head = head[size - 1];
        let count = usize::from(head & 0x7f);
        if left == 1 && head != 0 {
            return Err(Format::Sgi.corrupt("a row is longer than its table says"));
        }
        if count == 0 {
            break;
        }
        let samples = row
            .get_mut(at..at + count)
            .ok_or_else(|| Format::Sgi.corrupt("a run goes past the end of its row"))?;
        at += count;
        let stored = if head & 0x80 != 0 { count } else { 1 };
        let (stored, after) = rest.split_at_checked(stored * size).ok_or_else(missing)?;
        rest = after;
        for (index, sample) in samples.iter_mut().enumerate() {
            // Of 16 bits the high byte counts.
            *sample = if head & 0x80 != 0 {
                stored[index * size]
            } else {
                stored[0]
            };
        }
    }
    Ok(())
}
