use crate::decode::tiff_directory::{Directory, Tag};
use crate::{DecodeError, Format};

/// Luma and colour differences, as libtiff makes RGB of them: each colour stands for a block of pixels, without smoothing, and the
/// file may say what the numbers mean.
pub(super) struct YCbCr {
    /// Pixels of a block, across and down. A block is stored as its lumas and then its two colour differences.
    block: (usize, usize),
    luma: [i32; 256],
    red_of_cr: [i32; 256],
    blue_of_cb: [i32; 256],
    /// Green's, in 65,536ths.
    green_of_cr: [i32; 256],
    green_of_cb: [i32; 256],
}

/// One, in fixed point.
const ONE: f64 = 65_536.0;
const HALF: i32 = 1 << 15;

impl YCbCr {
    pub(super) fn read(
        directory: &Directory<'_>,
        (width, height): (usize, usize),
        planar: bool,
    ) -> Result<Self, DecodeError> {
        let mut numbers = directory.numbers(Tag::YCbCrSubsampling);
        let (across, down) = match (numbers.next(), numbers.next()) {
            (Some(across), Some(down)) => (across, down),
            _ => (2, 2),
        };
        let known = match planar {
            true => matches!((across, down), (1, 1)),
            false => matches!((across, down), (1, 1 | 2) | (2, 1 | 2) | (4, 1 | 2 | 4)),
        };
        if !known || across > width as u64 || down > height as u64 {
            return Err(Format::Tiff.unsupported(format!(
                "YCbCr of {across}x{down} pixels a colour, in {width}x{height}"
            )));
        }
        let block = (across as usize, down as usize);
        let coefficients = directory.fractions(Tag::YCbCrCoefficients)?;
        let [red, green, blue] = coefficients.unwrap_or([0.299, 0.587, 0.114]);
        if green == 0.0 {
            return Err(Format::Tiff.corrupt("its YCbCr coefficients have no green"));
        }
        let reference = directory.fractions(Tag::ReferenceBlackWhite)?;
        let reference = reference.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]);
        if !reference.iter().all(|level| level.abs() < i32::MAX as f32) {
            return Err(Format::Tiff.corrupt("its reference of black and white is out of range"));
        }

        // Each in the range that it would have without the file's own words.
        let fixed = |factor: f32| (f64::from(factor.clamp(0.0, 2.0)) * ONE + 0.5) as i32;
        let (of_red, of_blue) = (2.0 - 2.0 * red, 2.0 - 2.0 * blue);
        let [red_cr, blue_cb] = [of_red, of_blue].map(fixed);
        let green_cr = -fixed(red * of_red / green);
        let green_cb = -fixed(blue * of_blue / green);
        let table = |level: &dyn Fn(i32) -> i32| std::array::from_fn(|at| level(at as i32));
        let [black, white, cb_zero, cb_most, cr_zero, cr_most] = reference;
        let cb = |code| code_to_value(code - 128, cb_zero - 128.0, cb_most - 128.0, 127.0);
        let cr = |code| code_to_value(code - 128, cr_zero - 128.0, cr_most - 128.0, 127.0);
        Ok(Self {
            block,
            luma: table(&|code| code_to_value(code, black, white, 255.0)),
            red_of_cr: table(&|code| (red_cr.wrapping_mul(cr(code)).wrapping_add(HALF)) >> 16),
            blue_of_cb: table(&|code| (blue_cb.wrapping_mul(cb(code)).wrapping_add(HALF)) >> 16),
            green_of_cr: table(&|code| green_cr.wrapping_mul(cr(code))),
            green_of_cb: table(&|code| green_cb.wrapping_mul(cb(code)).wrapping_add(HALF)),
        })
    }

    /// Whether each pixel has its own colour: it is stored as other pixels are.
    pub(super) fn is_plain(&self) -> bool {
        self.block == (1, 1)
    }

    /// Bytes of a chunk of whole blocks.
    pub(super) fn stored_bytes(&self, width: usize, rows: usize) -> usize {
        let (across, down) = self.block;
        let blocks = width.div_ceil(across) * rows.div_ceil(down);
        blocks * (across * down + 2)
    }

    /// The pixels of the blocks, three bytes each.
    pub(super) fn spread(&self, stored: &[u8], width: usize, rows: usize) -> Vec<u8> {
        let (across, down) = self.block;
        let blocks = width.div_ceil(across);
        let mut pixels = vec![0; width * rows * 3];
        for (index, block) in stored.chunks_exact(across * down + 2).enumerate() {
            let (lumas, colors) = block.split_at(across * down);
            let (x, y) = (index % blocks * across, index / blocks * down);
            for (luma, (row, column)) in lumas
                .iter()
                .zip((0..down).flat_map(|row| (0..across).map(move |column| (row, column))))
            {
                if y + row < rows && x + column < width {
                    let at = ((y + row) * width + x + column) * 3;
                    pixels[at..at + 3].copy_from_slice(&[*luma, colors[0], colors[1]]);
                }
            }
        }
        pixels
    }

    pub(super) fn to_rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let [y, cb, cr] = [y, cb, cr].map(usize::from);
        let green = self.green_of_cb[cb].wrapping_add(self.green_of_cr[cr]) >> 16;
        [self.red_of_cr[cr], green, self.blue_of_cb[cb]]
            .map(|term| self.luma[y].saturating_add(term).clamp(0, 255) as u8)
    }
}

/// What a stored number means, if `black` is nothing and `white` is `most`.
fn code_to_value(code: i32, black: f32, white: f32, most: f32) -> i32 {
    let range = if white == black { 1.0 } else { white - black };
    let value = (code - black as i32) as f32 * most / range;
    value.clamp(-4096.0, 4096.0) as i32
}
