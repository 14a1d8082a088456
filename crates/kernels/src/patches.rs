/// Rearranges square images, `[batch, side, side, channels]`, into rows, one a patch of `patch`×`patch` pixels:
/// `[batch, (side / patch)², patch * patch * channels]`, patches and pixels from left to right and top to bottom.
///
/// # Panics
/// When `pixels` does not have that length, or `side` is not a multiple of `patch`.
#[must_use]
pub fn patch_rows(pixels: &[f32], side: usize, patch: usize, channels: usize) -> Vec<f32> {
    assert!(
        patch > 0 && side > 0 && side.is_multiple_of(patch),
        "patches of {patch} in a side of {side}"
    );
    let line = side * channels;
    assert!(
        pixels.len().is_multiple_of(side * line),
        "{} numbers are not whole images of {side}x{side}x{channels}",
        pixels.len()
    );
    let mut rows = Vec::with_capacity(pixels.len());
    for band in pixels.chunks_exact(patch * line) {
        for column in (0..line).step_by(patch * channels) {
            for line in band.chunks_exact(line) {
                rows.extend_from_slice(&line[column..column + patch * channels]);
            }
        }
    }
    rows
}
