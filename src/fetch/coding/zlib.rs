//! gzip (RFC 1952) and deflate (RFC 1950, and RFC 1951 as some servers understand it).

use std::io::{Error, ErrorKind, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::MOST_MEMBERS;
use super::output::{Output, Stop};

/// One member after the other. What follows the first whole one and is no member is passed over.
pub(super) fn gzip(mut bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
    for member in 0..MOST_MEMBERS {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut decoder = GzDecoder::new(bytes);
        match read(&mut decoder, output) {
            Ok(()) => bytes = decoder.into_inner(),
            Err(Stop::Damaged(_)) if member > 0 => return Ok(()),
            Err(stop) => return Err(stop),
        }
    }
    Err(Stop::Damaged(Error::other("there are too many members")))
}

/// With zlib's header and checksum, or if that makes no sense, without.
pub(super) fn deflate(bytes: &[u8], output: &mut Output) -> Result<(), Stop> {
    match read(&mut ZlibDecoder::new(bytes), output) {
        Err(Stop::Damaged(_)) => {}
        done => return done,
    }
    output.clear();
    read(&mut DeflateDecoder::new(bytes), output)
}

/// As far as it goes: what is cut short ends there.
fn read(decoder: &mut impl Read, output: &mut Output) -> Result<(), Stop> {
    match output.read(decoder) {
        Err(Stop::Damaged(error)) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        read => read,
    }
}
