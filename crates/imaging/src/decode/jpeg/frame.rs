use crate::{DecodeError, Format};

/// The frame header, and what follows from it for the layout of the samples.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) coding: Coding,
    pub(super) components: Vec<Component>,
    /// Minimum coded units per row and per column of the picture.
    pub(super) mcus_wide: usize,
    pub(super) mcus_high: usize,
}

/// How coefficients are stored.
#[derive(Clone, Copy)]
pub(super) struct Coding {
    pub(super) progressive: bool,
    pub(super) arithmetic: bool,
}

impl Coding {
    /// By the marker of the frame header.
    pub(super) fn of(marker: u8) -> Option<Self> {
        let (progressive, arithmetic) = match marker {
            0xc0 | 0xc1 => (false, false),
            0xc2 => (true, false),
            0xc9 => (false, true),
            0xca => (true, true),
            _ => return None,
        };
        Some(Self {
            progressive,
            arithmetic,
        })
    }
}

/// One colour component.
#[derive(Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of a minimum coded unit, across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    /// How many pixels share a sample, across and down.
    pub(super) stretch: [usize; 2],
    /// The number of its quantization table.
    pub(super) quantization: usize,
    /// Samples that belong to the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks that hold samples of the picture.
    pub(super) blocks_wide: usize,
    pub(super) blocks_high: usize,
    /// Samples from one row to the next, with the padding to whole minimum coded units.
    pub(super) stride: usize,
    /// Rows with that padding.
    pub(super) rows: usize,
}

impl Component {
    /// Blocks in a row of minimum coded units.
    pub(super) fn band_blocks(&self) -> usize {
        self.stride / 8 * self.down
    }

    /// Whether a row of the picture takes from two rows of the component.
    pub(super) fn blends_rows(&self) -> bool {
        match self.stretch {
            [1, 2] => true,
            [2, 2] => self.width > 2,
            _ => false,
        }
    }
}

impl Frame {
    /// Reads the payload of a start of frame segment.
    pub(super) fn read(payload: &[u8], coding: Coding) -> Result<Self, DecodeError> {
        let short = || Format::Jpeg.corrupt("its frame header has a wrong length");
        let (&[precision, h1, h0, w1, w0, count], rest) =
            payload.split_first_chunk::<6>().ok_or_else(short)?;
        if precision != 8 {
            return Err(Format::Jpeg.unsupported(format!("{precision} bits per sample")));
        }
        if ![1, 3, 4].contains(&count) {
            return Err(Format::Jpeg.unsupported(format!("{count} components")));
        }
        let width = usize::from(u16::from_be_bytes([w1, w0]));
        let height = usize::from(u16::from_be_bytes([h1, h0]));
        let entries = rest
            .as_chunks::<3>()
            .0
            .get(..usize::from(count))
            .filter(|_| rest.len() == usize::from(count) * 3)
            .ok_or_else(short)?;

        let factors = |entry: &[u8; 3]| (usize::from(entry[1] >> 4), usize::from(entry[1] & 15));
        let most_across = entries
            .iter()
            .map(|entry| factors(entry).0)
            .max()
            .unwrap_or(1);
        let most_down = entries
            .iter()
            .map(|entry| factors(entry).1)
            .max()
            .unwrap_or(1);
        let mcus_wide = width.div_ceil(most_across.max(1) * 8);
        let mcus_high = height.div_ceil(most_down.max(1) * 8);
        let component = |entry: &[u8; 3]| {
            let (across, down) = factors(entry);
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return Err(Format::Jpeg.corrupt("its frame header has a wrong component"));
            }
            if most_across % across != 0 || most_down % down != 0 {
                return Err(Format::Jpeg.unsupported("fractional subsampling"));
            }
            let (width, height) = (
                (width * across).div_ceil(most_across),
                (height * down).div_ceil(most_down),
            );
            Ok(Component {
                id: entry[0],
                across,
                down,
                stretch: [most_across / across, most_down / down],
                quantization: usize::from(entry[2]),
                width,
                height,
                blocks_wide: width.div_ceil(8),
                blocks_high: height.div_ceil(8),
                stride: mcus_wide * across * 8,
                rows: mcus_high * down * 8,
            })
        };
        let components = entries.iter().map(component).collect::<Result<_, _>>()?;
        Ok(Self {
            width,
            height,
            coding,
            components,
            mcus_wide,
            mcus_high,
        })
    }

    /// Blocks that a scan of `component` alone has.
    pub(super) fn blocks(&self, component: usize) -> u64 {
        let Component {
            blocks_wide,
            blocks_high,
            ..
        } = self.components[component];
        blocks_wide as u64 * blocks_high as u64
    }

    /// Rows of the picture that a row of minimum coded units has.
    pub(super) fn band_height(&self) -> usize {
        let heights = self.components.iter();
        let heights = heights.map(|component| component.down * component.stretch[1] * 8);
        heights.max().unwrap_or(8)
    }

    /// Samples of all components in a row of minimum coded units.
    pub(super) fn band_samples(&self) -> u64 {
        let samples = |component: &Component| component.band_blocks() as u64 * 64;
        self.components.iter().map(samples).sum()
    }

    /// Samples of all components, with their padding.
    pub(super) fn samples(&self) -> u64 {
        let samples = |component: &Component| component.stride as u64 * component.rows as u64;
        self.components.iter().map(samples).sum()
    }
}
