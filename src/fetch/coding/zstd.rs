//! zstd (RFC 8878).

use std::io::{self, Read as _};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::MOST_MEMBERS;
use super::output::{Output, Stop};

/// The largest window: what RFC 9659 has every client take.
const LARGEST_WINDOW: u64 = 8 << 20;

/// One frame after the other.
pub(super) fn zstd(mut bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(LARGEST_WINDOW.max(output.limit() as u64));
    for _ in 0..MOST_MEMBERS {
        if bytes.is_empty() {
            return Ok(());
        }
        match StreamingDecoder::new_with_decoder(&mut bytes, &mut decoder) {
            Ok(mut frame) => output.read(&mut frame)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let skipped = io::copy(&mut (&mut bytes).take(length.into()), &mut io::sink());
                if skipped.ok() != Some(length.into()) {
                    return Err(damaged("a skippable frame is cut short"));
                }
                continue;
            }
            Err(error) => return Err(Stop::Damaged(io::Error::other(error))),
        }
        let written = decoder.get_checksum_from_data();
        if written.is_some() && written != decoder.get_calculated_checksum() {
            return Err(damaged("a frame's checksum is wrong"));
        }
    }
    Err(damaged("there are too many frames"))
}

fn damaged(reason: &'static str) -> Stop {
    Stop::Damaged(io::Error::other(reason))
}
