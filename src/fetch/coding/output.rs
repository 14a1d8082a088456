//! Where decoded bytes go: never more of them, nor of memory, than the limit.

use std::io::{self, Read};

use bytes::Bytes;

/// What is decoded at a time.
const STEP: usize = 64 << 10;

pub(super) struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

/// Why decoding ended early.
pub(super) enum Stop {
    /// There is more than the limit.
    Full,
    /// The bytes are not what they should be.
    Damaged(io::Error),
}

impl Output {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Has some bytes written, and says whatever `write` says; it also says how many it wrote.
    pub(super) fn step<T>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> (usize, T),
    ) -> Result<T, Stop> {
        let length = self.bytes.len();
        // One byte more than the limit is room to find that there is more.
        let room = STEP.min(self.limit.saturating_add(1) - length);
        if self.bytes.capacity() - length < room {
            let more = length.max(STEP).min(self.limit.saturating_add(1) - length);
            self.bytes.reserve_exact(more);
        }
        self.bytes.resize(length + room, 0);
        let (written, said) = write(&mut self.bytes[length..]);
        self.bytes.truncate(length + written);
        if self.bytes.len() > self.limit {
            self.bytes.truncate(self.limit);
            return Err(Stop::Full);
        }
        Ok(said)
    }

    /// All that a reader gives. What it gave before an error stays.
    pub(super) fn read(&mut self, reader: &mut impl Read) -> Result<(), Stop> {
        loop {
            let read = self.step(|room| match reader.read(room) {
                Ok(length) => (length, Ok(length)),
                Err(error) => (0, Err(error)),
            })?;
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stop::Damaged(error)),
            }
        }
    }
}
