//! From an image to the network's input: upstream's `GeneralizedRCNNTransform` after `to_tensor`. Normalised, scaled
//! bilinearly without antialiasing, and padded with zeros to multiples of 32.
//!
//! Upstream has the whole image in `f32` before it scales it. Here only two rows of the scaled width are, so that a
//! large image costs no more than its bytes; the numbers are the same.

use imaging::RgbImage;
use rayon::prelude::*;

use super::config::Config;

/// Sides are padded to multiples of it, so that every stage of the network halves them exactly.
const STRIDE: usize = 32;
/// Rows of a task.
const TASK_ROWS: usize = 16;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// An image as the network takes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    /// `[padded.0, padded.1, 3]`.
    pub(super) pixels: Vec<f32>,
    /// Height and width of the scaled image.
    pub(super) size: (usize, usize),
    /// Height and width with the padding.
    pub(super) padded: (usize, usize),
}

/// Height and width of the scaled image; `None` where one of them would be 0.
pub(super) fn scaled_size(image: (u32, u32), config: &Config) -> Option<(usize, usize)> {
    let (height, width) = (f64::from(image.0), f64::from(image.1));
    let (shorter, longer) = (height.min(width), height.max(width));
    // Of an image without pixels the quotients are infinite, and the sizes 0 or not a number, which `as` makes 0.
    let scale = (f64::from(config.min_size) / shorter).min(f64::from(config.max_size) / longer);
    let size = ((height * scale) as usize, (width * scale) as usize);
    (shorter > 0.0 && size.0 > 0 && size.1 > 0).then_some(size)
}

/// `image` scaled to `size`, on the current rayon pool.
pub(super) fn input(image: &RgbImage, size: (usize, usize)) -> Input {
    let padded = (
        size.0.next_multiple_of(STRIDE),
        size.1.next_multiple_of(STRIDE),
    );
    let levels = normalised_levels();
    let rows = taps(image.height() as usize, size.0);
    let columns = taps(image.width() as usize, size.1);
    let stride = padded.1 * 3;
    let mut pixels = vec![0.0; padded.0 * stride];
    pixels[..size.0 * stride]
        .par_chunks_mut(TASK_ROWS * stride)
        .zip(rows.par_chunks(TASK_ROWS))
        .for_each(|(output, rows)| {
            let mut lines = Lines::new(image, &columns, &levels);
            for (output, row) in output.chunks_exact_mut(stride).zip(rows) {
                let [above, below] = lines.pair(row);
                let pairs = above.iter().zip(below);
                for (value, (above, below)) in output.iter_mut().zip(pairs) {
                    *value = row.weights[0] * above + row.weights[1] * below;
                }
            }
        });
    Input {
        pixels,
        size,
        padded,
    }
}

/// What becomes of each level of each channel: `(level / 255 - mean) / std`.
fn normalised_levels() -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|level| (level as f32 / 255.0 - MEAN[channel]) / STD[channel])
    })
}

/// The two positions between which an output position lies, and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    at: [usize; 2],
    weights: [f32; 2],
}

/// PyTorch's positions for `align_corners=False`, which it computes in `f32`.
fn taps(input: usize, output: usize) -> Vec<Tap> {
    let scale = input as f32 / output as f32;
    let tap = |index: usize| {
        if input == output {
            return Tap {
                at: [index, index],
                weights: [1.0, 0.0],
            };
        }
        // Its compilers round product and difference once. At position 1000 twice would be 1e-4 of a level off.
        let position = scale.mul_add(index as f32 + 0.5, -0.5).max(0.0);
        let first = (position as usize).min(input - 1);
        let second = (first + 1).min(input - 1);
        let weight = (position - first as f32).clamp(0.0, 1.0);
        Tap {
            at: [first, second],
            weights: [1.0 - weight, weight],
        }
    };
    (0..output).map(tap).collect()
}

/// Rows of an image scaled to the output's width. Keeps the two last made: the next output row mostly wants them again.
struct Lines<'a> {
    image: &'a RgbImage,
    columns: &'a [Tap],
    levels: &'a [[f32; 256]; 3],
    made: [Option<usize>; 2],
    values: [Vec<f32>; 2],
}

impl<'a> Lines<'a> {
    fn new(image: &'a RgbImage, columns: &'a [Tap], levels: &'a [[f32; 256]; 3]) -> Self {
        let line = || vec![0.0; columns.len() * 3];
        Self {
            image,
            columns,
            levels,
            made: [None; 2],
            values: [line(), line()],
        }
    }

    /// The two lines that `row` lies between.
    fn pair(&mut self, row: &Tap) -> [&[f32]; 2] {
        let [above, below] = row.at;
        if self.made[0] != Some(above) {
            // The row below becomes the row above as the output goes down.
            self.made.swap(0, 1);
            self.values.swap(0, 1);
            self.make(0, above);
        }
        if above == below {
            return [&self.values[0], &self.values[0]];
        }
        self.make(1, below);
        [&self.values[0], &self.values[1]]
    }

    fn make(&mut self, line: usize, y: usize) {
        if self.made[line] == Some(y) {
            return;
        }
        self.made[line] = Some(y);
        let row = self.image.row(y as u32).as_chunks::<3>().0;
        let values = self.values[line].as_chunks_mut::<3>().0;
        for (value, tap) in values.iter_mut().zip(self.columns) {
            let [first, second] = tap.at.map(|x| row[x]);
            for channel in 0..3 {
                let level = |pixel: [u8; 3]| self.levels[channel][usize::from(pixel[channel])];
                value[channel] = tap.weights[0] * level(first) + tap.weights[1] * level(second);
            }
        }
    }
}
