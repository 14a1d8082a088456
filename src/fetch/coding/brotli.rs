//! br (RFC 7932).

use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::output::{Output, Stop};

/// What follows the stream is passed over.
pub(super) fn brotli(bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
    // Strict: without the windows of up to a gigabyte that are no part of RFC 7932.
    let mut state = BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut left, mut read) = (bytes.len(), 0);
    loop {
        let result = output.step(|room| {
            let (mut room_left, mut written, mut total) = (room.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                bytes,
                &mut room_left,
                &mut written,
                room,
                &mut total,
                &mut state,
            );
            (written, result)
        })?;
        match result {
            BrotliResult::NeedsMoreOutput => {}
            // All that there is was given: it is cut short.
            BrotliResult::ResultSuccess | BrotliResult::NeedsMoreInput => return Ok(()),
            BrotliResult::ResultFailure => {
                let reason = "the bytes are no brotli stream";
                return Err(Stop::Damaged(io::Error::other(reason)));
            }
        }
    }
}
