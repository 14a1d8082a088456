//! RIFF chunks, the container of WebP.

/// One chunk. `payload` is shorter than `declared` where the file ends early.
pub(crate) struct Chunk<'a> {
    pub(crate) id: [u8; 4],
    pub(crate) declared: usize,
    pub(crate) payload: &'a [u8],
}

/// The chunks in `bytes`, one after the other; a header that is cut off ends the list.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (id, after) = rest.split_first_chunk::<4>()?;
        let (size, after) = after.split_first_chunk::<4>()?;
        let declared = u32::from_le_bytes(*size) as usize;
        // Chunks start at even offsets.
        rest = after
            .get(declared.saturating_add(declared % 2)..)
            .unwrap_or(&[]);
        Some(Chunk {
            id: *id,
            declared,
            payload: &after[..declared.min(after.len())],
        })
    })
}
