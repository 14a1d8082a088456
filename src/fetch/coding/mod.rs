//! Content codings (RFC 9110 §8.4.1): which an answer has, and their undoing, on threads that may
//! block and never to more bytes than the limit.
//!
//! What counts as damage is what counts as such for `urllib3`: gzip, deflate and br may be cut short,
//! and gzip may be followed by anything; checksums must be right, and zstd must be whole.

mod brotli;
mod output;
mod zlib;
mod zstd;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, HeaderValue};
use tokio::sync::Semaphore;

use super::error::CodingError;
use super::head::Head;
use output::{Output, Stop};

/// What this client asks for, which is all that it undoes.
pub(super) const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// The most codings on top of each other.
const MOST_CODINGS: usize = 5;
/// The most members (of gzip) or frames (of zstd) in a row: each costs something, however small it is.
const MOST_MEMBERS: usize = 1 << 14;
/// Answers that are undone at a time; each has up to twice the limit in memory meanwhile.
const MOST_AT_A_TIME: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn undo(self, bytes: &[u8], limit: usize) -> Result<Bytes, CodingError> {
        let mut output = Output::new(limit);
        let undone = match self {
            Self::Gzip => zlib::gzip(bytes, &mut output),
            Self::Deflate => zlib::deflate(bytes, &mut output),
            Self::Brotli => brotli::brotli(bytes, &mut output),
            Self::Zstd => zstd::zstd(bytes, &mut output),
        };
        match undone {
            Ok(()) => Ok(output.into_bytes()),
            Err(Stop::Full) => Err(CodingError::TooLarge {
                limit: limit as u64,
            }),
            Err(Stop::Damaged(source)) => Err(CodingError::Damaged {
                coding: self.name(),
                source,
            }),
        }
    }
}

/// The codings of an answer, in the order in which they were applied. Words that name none (`identity`,
/// `aws-chunked`, `utf-8`) say nothing about the bytes, and are passed over.
pub(super) fn codings(head: &Head) -> Result<Vec<Coding>, CodingError> {
    let named: Vec<Coding> = head
        .list(CONTENT_ENCODING)
        .split(',')
        .filter_map(|name| Coding::named(name.trim()))
        .collect();
    if named.len() > MOST_CODINGS {
        return Err(CodingError::Many {
            limit: MOST_CODINGS,
        });
    }
    Ok(named)
}

/// Undoes codings, a few answers at a time.
#[derive(Clone)]
pub(super) struct Decoder(Arc<Semaphore>);

impl Default for Decoder {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_AT_A_TIME)))
    }
}

impl Decoder {
    /// The bytes before these codings were applied. Each coding's result has at most `max_bytes`.
    pub(super) async fn undo(
        &self,
        codings: Vec<Coding>,
        bytes: Bytes,
        max_bytes: u64,
    ) -> Result<Bytes, CodingError> {
        if codings.is_empty() {
            return Ok(bytes);
        }
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let place = Arc::clone(&self.0).acquire_owned().await;
        let undo = move || {
            // Held by the work itself, which goes on when nobody waits for it any longer.
            let _place = place;
            let mut bytes = bytes;
            for coding in codings.into_iter().rev() {
                bytes = coding.undo(&bytes, limit)?;
            }
            Ok(bytes)
        };
        let undone = tokio::task::spawn_blocking(undo).await;
        undone.unwrap_or_else(|panicked| {
            Err(CodingError::Damaged {
                coding: "content",
                source: io::Error::other(panicked),
            })
        })
    }
}

#[cfg(test)]
mod tests;
