//! LZW as GIF and TIFF use it.

use weezl::{LzwError, LzwStatus, decode::Decoder};

/// Fills `out` as far as `data` reaches and returns how far that is.
pub(super) fn fill(mut decoder: Decoder, data: &[u8], out: &mut [u8]) -> Result<usize, LzwError> {
    let (mut read, mut filled) = (0, 0);
    while filled < out.len() {
        // The decoder holds on to some input, so that it goes on after it has taken everything.
        let step = decoder.decode_bytes(&data[read..], &mut out[filled..]);
        read += step.consumed_in;
        filled += step.consumed_out;
        match step.status? {
            LzwStatus::Ok if step.consumed_in + step.consumed_out > 0 => {}
            _ => break,
        }
    }
    Ok(filled)
}
