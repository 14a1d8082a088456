//! The image at the sizes at which faces of 20 pixels and up fill the proposal network's field, cut into strips.
//!
//! The network's convolutions are valid, so a strip with the rows that its field needs gives the same bits as the whole
//! level. A strip's activations stay in a core's cache, and strips of all levels spread evenly over threads.

use std::ops::Range;

use super::{FACTOR, MIN_FACE_SIZE};

/// The side of the proposal network's field, in pixels of a level.
const FIELD: f64 = 12.0;

/// Pooled rows or columns that the two convolutions after the pooling take away.
const AFTER_POOL: usize = 4;

/// Fewest and about how many of the network's answers a strip has: enough rows that computing the overlap again is
/// cheap, few enough that activations stay in the cache.
const STRIP_ROWS: usize = 16;
const STRIP_ANSWERS: usize = 4096;

/// One size of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Of the original, in `f64` as upstream has it.
    pub(super) scale: f64,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Some rows of a level's answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) level: usize,
    /// Rows of answers.
    pub(super) answers: Range<usize>,
    /// Rows of the level that they are computed from.
    pub(super) rows: Range<usize>,
}

/// The levels of an image, largest first; none for an image with a side below the smallest face.
pub(super) fn levels(height: usize, width: usize) -> Vec<Level> {
    let mut scale = FIELD / MIN_FACE_SIZE;
    let mut shorter_side = height.min(width) as f64 * scale;
    let mut levels = Vec::new();
    while shorter_side >= FIELD {
        // Upstream's rounding, `int(side * scale + 1)`.
        let size = |side: usize| (side as f64 * scale + 1.0) as usize;
        levels.push(Level {
            scale,
            height: size(height),
            width: size(width),
        });
        scale *= FACTOR;
        shorter_side *= FACTOR;
    }
    levels
}

impl Level {
    /// How many answers the network gives along a side of `length` pixels.
    fn answers(length: usize) -> usize {
        // The first convolution takes 2 away, pooling halves and rounds up.
        length
            .saturating_sub(2)
            .div_ceil(2)
            .saturating_sub(AFTER_POOL)
    }
}

/// All levels' answers, once, in strips of a size to spread over threads.
pub(super) fn strips(levels: &[Level]) -> Vec<Strip> {
    let mut strips = Vec::new();
    for (level, &Level { height, width, .. }) in levels.iter().enumerate() {
        let (rows, columns) = (Level::answers(height), Level::answers(width));
        let step = STRIP_ROWS.max(STRIP_ANSWERS / columns.max(1));
        strips.extend((0..rows).step_by(step).map(|first| {
            let answers = first..(first + step).min(rows);
            let end = (2 * (answers.end + AFTER_POOL)).min(height - 2) + 2;
            Strip {
                level,
                rows: 2 * first..end,
                answers,
            }
        }));
    }
    strips
}

#[cfg(test)]
mod tests {
    use super::{Level, levels, strips};

    #[test]
    fn sizes_are_upstreams() {
        let sizes: Vec<_> = levels(512, 512)
            .iter()
            .map(|l| (l.height, l.width))
            .collect();
        // int(512 * 0.6 * 0.709 ** i + 1)
        let expected = [308, 218, 155, 110, 78, 56, 40, 28, 20, 14];
        assert_eq!(sizes, expected.map(|n| (n, n)));
        assert_eq!(
            levels(20, 5000)
                .iter()
                .map(|l| (l.height, l.width))
                .collect::<Vec<_>>(),
            [(13, 3001)]
        );
    }

    #[test]
    fn images_below_the_smallest_face_have_none() {
        for (height, width) in [(0, 0), (1, 1), (19, 5000), (5000, 19), (0, 50)] {
            assert_eq!(levels(height, width), []);
        }
        assert_eq!(levels(20, 20).len(), 1);
    }

    #[test]
    fn strips_cover_a_level_once_with_the_rows_they_need() {
        let sizes = [
            (12, 12),
            (13, 3001),
            (308, 308),
            (309, 200),
            (617, 90),
            (3001, 14),
        ];
        let levels = sizes.map(|(height, width)| Level {
            scale: 1.0,
            height,
            width,
        });
        let all = strips(&levels);
        for (index, level) in levels.iter().enumerate() {
            let mut next = (0, 0);
            for strip in all.iter().filter(|strip| strip.level == index) {
                assert_eq!(strip.answers.start, next.0);
                assert_eq!(strip.rows.start, 2 * strip.answers.start);
                assert_eq!(Level::answers(strip.rows.len()), strip.answers.len());
                next = (strip.answers.end, strip.rows.end);
            }
            assert_eq!(next, (Level::answers(level.height), level.height));
        }
        assert!(all.len() > 2 * levels.len());
    }
}
