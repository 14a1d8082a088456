//! Bytes that arrive one after the other, in no more memory than they take.

use bytes::Bytes;

/// The bytes of one piece.
const PIECE: usize = 64 << 10;

/// Bytes so far, in pieces: one buffer that doubles as it grows would be up to twice as large as what is in it, and while it is
/// moved three times.
#[derive(Debug, Default)]
pub(crate) struct Received {
    whole: Vec<Vec<u8>>,
    last: Vec<u8>,
    length: usize,
}

impl Received {
    /// What may be held beside the bytes themselves: a piece while it grows, and one while all are joined.
    pub(crate) const SLACK: usize = 2 * PIECE;

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn push(&mut self, mut more: &[u8]) {
        self.length += more.len();
        while !more.is_empty() {
            let (now, later) = more.split_at(more.len().min(PIECE - self.last.len()));
            let length = self.last.len();
            if self.last.capacity() < length + now.len() {
                let room = (2 * length).clamp(length + now.len(), PIECE);
                self.last.reserve_exact(room - length);
            }
            self.last.extend_from_slice(now);
            if self.last.len() == PIECE {
                self.whole.push(std::mem::take(&mut self.last));
            }
            more = later;
        }
    }

    /// All of them in a row. Pieces are given back as they are copied, and memory that nothing was written to is none.
    pub(crate) fn join(mut self) -> Bytes {
        if self.whole.is_empty() {
            return self.last.into();
        }
        let mut all = Vec::with_capacity(self.length);
        for piece in self.whole {
            all.extend_from_slice(&piece);
        }
        all.append(&mut self.last);
        all.into()
    }

    /// The bytes that are allocated.
    #[cfg(test)]
    fn allocated(&self) -> usize {
        self.whole.iter().map(Vec::capacity).sum::<usize>() + self.last.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_arrived_takes_no_more_memory_than_its_bytes_and_the_slack() {
        for chunk in [1, 1000, PIECE - 1, PIECE, 3 * PIECE + 7] {
            let sent: Vec<u8> = (0..700_001).map(|at| (at % 251) as u8).collect();
            let mut received = Received::default();
            assert!(received.is_empty());
            for chunk in sent.chunks(chunk) {
                received.push(chunk);
                let allocated = received.allocated();
                assert!(allocated <= received.len() + Received::SLACK, "{allocated}");
            }
            let joined = received.join();
            assert_eq!(joined, sent);
            let vec = Vec::from(joined);
            assert_eq!(vec.capacity(), vec.len());
        }
    }
}
