//! Reads JSON documents from standard input and writes whether they are taken, a line a document: for comparing with Python's `json`.
//!
//! A document is a number (u32, little-endian: its bytes) and the bytes. Each is read as a member that nobody reads.

use std::io::{self, Read, Write as _};

use image_embed::wire::{Reading, RequestError, parse_tasks};

fn main() -> io::Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    let mut rest = &input[..];
    let mut out = io::stdout().lock();
    let reading = Reading {
        max_tasks: usize::MAX,
        strict: false,
    };
    while let Some((length, after)) = rest.split_first_chunk() {
        let (document, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        match parse_tasks(document, reading) {
            Err(RequestError::Json(error)) => writeln!(out, "no: {error}")?,
            Ok(_) | Err(_) => writeln!(out, "yes")?,
        }
    }
    Ok(())
}
