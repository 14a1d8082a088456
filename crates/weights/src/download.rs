//! One URL into one file: streamed, hashed on the way, resumed after a cut, verified, renamed.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use ureq::Body;
use ureq::http::Response;

use crate::digest::{matches, of_file};
use crate::http::{Client, Credential, RequestError};
use crate::partial_file::PartialFile;
use crate::progress::Progress;
use crate::store_error::StoreError;

/// What to fetch and how to know that it is right.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    pub(crate) url: &'a str,
    pub(crate) credential: Option<Credential<'a>>,
    pub(crate) sha256: Option<&'a str>,
    pub(crate) bytes: Option<u64>,
    pub(crate) attempts: u32,
    pub(crate) backoff: Duration,
}

/// How an attempt failed.
enum Failure {
    /// The transfer broke; another attempt may do.
    Broken(String),
    /// Another attempt would fail as well.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl Download<'_> {
    /// Whether the file at `path` is already what would be fetched.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let length = std::fs::metadata(path).map(|metadata| metadata.len());
        match (length, self.sha256) {
            (Ok(length), _) if self.bytes.is_some_and(|bytes| bytes != length) => false,
            (Ok(_), Some(expected)) => {
                of_file(path).is_ok_and(|(_, found)| matches(&found, expected))
            }
            (Ok(_), None) => true,
            (Err(_), _) => false,
        }
    }

    /// Fetches into `destination`, whose lock the caller holds.
    pub(crate) fn run(
        &self,
        client: &Client,
        destination: &Path,
        progress: &dyn Progress,
    ) -> Result<(), StoreError> {
        // Without a hash, two halves of different files could not be told from a whole.
        let mut partial = PartialFile::open(destination, self.sha256.is_some())?;
        let mut inherited = partial.length() > 0;
        let mut total = self.bytes;
        let mut attempt = 1;
        loop {
            if !partial.resumable() {
                partial.restart()?;
            }
            let failure = match self.attempt(client, &mut partial, &mut total, progress) {
                Ok(()) => match self.check(&partial) {
                    Ok(()) => {
                        partial.persist()?;
                        progress.finished();
                        return Ok(());
                    }
                    // Perhaps the fault lies in what an earlier run left behind.
                    Err(_) if inherited => {
                        inherited = false;
                        partial.restart()?;
                        continue;
                    }
                    Err(error) => Failure::Final(error),
                },
                Err(failure) => failure,
            };
            match failure {
                Failure::Final(error @ (StoreError::Hash { .. } | StoreError::Length { .. })) => {
                    partial.discard();
                    return Err(error);
                }
                Failure::Final(error) => return Err(error),
                Failure::Broken(reason) if attempt >= self.attempts => {
                    return Err(StoreError::Transfer {
                        url: self.url.to_owned(),
                        reason,
                        got: partial.length(),
                        expected: total,
                        attempts: attempt,
                    });
                }
                Failure::Broken(_) => {
                    std::thread::sleep(self.backoff.saturating_mul(1 << (attempt - 1).min(6)));
                    attempt += 1;
                }
            }
        }
    }

    /// One request, its body appended to what is there.
    fn attempt(
        &self,
        client: &Client,
        partial: &mut PartialFile,
        total: &mut Option<u64>,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        if self.bytes.is_some_and(|bytes| partial.length() > bytes) {
            partial.restart()?;
        }
        if self.bytes.is_some_and(|bytes| partial.length() == bytes) {
            progress.started(self.bytes);
            progress.advanced(partial.length());
            return Ok(());
        }
        let response = client
            .get(self.url, self.credential, partial.length())
            .map_err(|error| match error {
                RequestError::Transient(reason) => Failure::Broken(reason),
                RequestError::Permanent(reason) => self.refused(reason),
            })?;
        match response.status().as_u16() {
            200 => partial.restart()?,
            206 if range_start(&response) == Some(partial.length()) => {}
            // Nothing lies beyond what is here, or the server resumes elsewhere: begin anew.
            206 | 416 if partial.length() > 0 => {
                partial.restart()?;
                return Err(Failure::Broken("the server could not resume".to_owned()));
            }
            status @ (408 | 429 | 500 | 502 | 503 | 504) => {
                return Err(Failure::Broken(format!("the server answered {status}")));
            }
            status => return Err(self.refused(format!("the server answered {status}"))),
        }
        let expected = self.expected_length(&response, partial.length())?;
        *total = Some(expected);
        progress.started(Some(expected));
        progress.advanced(partial.length());
        receive(response, partial, expected, progress)
    }

    /// Length of the whole file, from the catalogue and the response, which must agree.
    fn expected_length(&self, response: &Response<Body>, present: u64) -> Result<u64, Failure> {
        let offered = response
            .body()
            .content_length()
            .map(|rest| rest.saturating_add(present));
        match (self.bytes, offered) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Failure::Final(StoreError::Length {
                    place: self.url.to_owned(),
                    expected,
                    found,
                }))
            }
            (Some(length), _) | (None, Some(length)) => Ok(length),
            // A whole file could not be told from a cut one.
            (None, None) => Err(self.refused("the server does not say how long it is".to_owned())),
        }
    }

    fn check(&self, partial: &PartialFile) -> Result<(), StoreError> {
        let found = partial.sha256();
        match self.sha256 {
            Some(expected) if !matches(&found, expected) => Err(StoreError::Hash {
                place: self.url.to_owned(),
                expected: expected.to_owned(),
                found,
            }),
            _ => Ok(()),
        }
    }

    fn refused(&self, reason: String) -> Failure {
        Failure::Final(StoreError::Refused {
            url: self.url.to_owned(),
            reason,
        })
    }
}

fn receive(
    response: Response<Body>,
    partial: &mut PartialFile,
    expected: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) if partial.length() == expected => return Ok(()),
            Ok(0) => return Err(Failure::Broken("the connection was cut".to_owned())),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Broken(error.to_string())),
        };
        if partial.length() + read as u64 > expected {
            return Err(Failure::Broken(format!(
                "more than the {expected} bytes announced"
            )));
        }
        partial.append(&buffer[..read])?;
        progress.advanced(read as u64);
    }
}

/// First byte of a partial response: `Content-Range: bytes 5-9/10`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}
