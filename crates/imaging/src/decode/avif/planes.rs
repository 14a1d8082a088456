//! Luma and chroma of a whole picture, pasted together from decoded frames.

use rusty_av1d::{Decoder, PixelLayout, PlanarImageComponent, Rav1dError, Settings};

use super::container::Picture;
use super::matrix::Colors;
use crate::{DecodeError, Format};

/// Samples of one kind, row by row.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<u16>,
}

/// A picture before its conversion to RGB.
pub(super) struct Planes {
    pub(super) bits: u8,
    pub(super) luma: Plane,
    /// Blue and red differences; none in a grey picture.
    pub(super) chroma: Option<[Plane; 2]>,
    layout: PixelLayout,
}

/// By how many bits chroma is smaller than luma in each direction.
fn shifts(layout: PixelLayout) -> (u32, u32) {
    match layout {
        PixelLayout::I420 => (1, 1),
        PixelLayout::I422 => (1, 0),
        PixelLayout::I400 | PixelLayout::I444 => (0, 0),
    }
}

/// Decodes the one frame that `data` must hold, of just this size.
pub(super) fn decode_frame(
    data: &[u8],
    width: u32,
    height: u32,
) -> Result<rusty_av1d::Picture, DecodeError> {
    let mut settings = Settings::new();
    // The caller's threads decode images; more threads here would only get in their way.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let blame = |error: Rav1dError| match error {
        Rav1dError::TryAgain => Format::Avif.truncated("its AV1 data has no whole frame"),
        error => Format::Avif.corrupt(format!("its AV1 data: {error:?}")),
    };
    let mut decoder = Decoder::with_settings(&settings).map_err(blame)?;
    let mut sent = decoder.send_data(data.into(), None, None, None);
    let frame = loop {
        match decoder.get_picture() {
            Ok(frame) => break frame,
            // The decoder may want its frames fetched before it takes the rest of the data.
            Err(Rav1dError::TryAgain) if sent == Err(Rav1dError::TryAgain) => {
                sent = decoder.send_pending_data();
                if sent == Err(Rav1dError::TryAgain) {
                    return Err(blame(Rav1dError::TryAgain));
                }
            }
            Err(error) => return Err(blame(sent.err().unwrap_or(error))),
        }
    };
    if (frame.width(), frame.height()) != (width, height) {
        return Err(Format::Avif.corrupt(format!(
            "it says {width}x{height}, and its AV1 data {}x{}",
            frame.width(),
            frame.height()
        )));
    }
    Ok(frame)
}

/// What the AV1 data says about its colours.
pub(super) fn colors_of(frame: &rusty_av1d::Picture) -> Colors {
    Colors {
        primaries: frame.color_primaries() as u16,
        matrix: frame.matrix_coefficients() as u16,
        full_range: frame.color_range() == rusty_av1d::pixel::YUVRange::Full,
    }
}

impl Planes {
    /// Room for the whole picture, in the layout of its first frame.
    pub(super) fn new(first: &rusty_av1d::Picture, picture: &Picture) -> Self {
        let layout = first.pixel_layout();
        let plane = |(shift_x, shift_y): (u32, u32)| {
            let width = picture.width.div_ceil(1 << shift_x) as usize;
            let height = picture.height.div_ceil(1 << shift_y) as usize;
            let samples = vec![0; width * height];
            Plane {
                width,
                height,
                samples,
            }
        };
        let chroma =
            (layout != PixelLayout::I400).then(|| [plane(shifts(layout)), plane(shifts(layout))]);
        Self {
            bits: first.bits_per_component().map_or(8, |bits| bits.0),
            luma: plane((0, 0)),
            chroma,
            layout,
        }
    }

    /// Copies a frame to its place; what sticks out of the picture is left off.
    pub(super) fn paste(
        &mut self,
        frame: &rusty_av1d::Picture,
        left: u32,
        top: u32,
    ) -> Result<(), DecodeError> {
        let bits = frame.bits_per_component().map_or(8, |bits| bits.0);
        if frame.pixel_layout() != self.layout || bits != self.bits {
            return Err(Format::Avif.corrupt("the tiles of its grid are of different kinds"));
        }
        self.luma
            .paste(frame, PlanarImageComponent::Y, (0, 0), (left, top));
        if let Some([blue, red]) = &mut self.chroma {
            let shifts = shifts(self.layout);
            blue.paste(frame, PlanarImageComponent::U, shifts, (left, top));
            red.paste(frame, PlanarImageComponent::V, shifts, (left, top));
        }
        Ok(())
    }
}

impl Plane {
    pub(super) fn row(&self, y: usize) -> &[u16] {
        &self.samples[y * self.width..][..self.width]
    }

    fn paste(
        &mut self,
        frame: &rusty_av1d::Picture,
        component: PlanarImageComponent,
        (shift_x, shift_y): (u32, u32),
        (left, top): (u32, u32),
    ) {
        let (left, top) = ((left >> shift_x) as usize, (top >> shift_y) as usize);
        let width = frame.width().div_ceil(1 << shift_x) as usize;
        let height = frame.height().div_ceil(1 << shift_y) as usize;
        let width = width.min(self.width.saturating_sub(left));
        let height = height.min(self.height.saturating_sub(top));
        let stride = frame.stride(component) as usize;
        let stored = frame.plane(component);
        for y in 0..height {
            let row = &mut self.samples[(top + y) * self.width + left..][..width];
            let stored = &stored[y * stride..];
            if frame.bit_depth() > 8 {
                let stored = stored.as_chunks::<2>().0.iter();
                for (sample, stored) in row.iter_mut().zip(stored) {
                    *sample = u16::from_ne_bytes(*stored);
                }
            } else {
                for (sample, stored) in row.iter_mut().zip(stored) {
                    *sample = u16::from(*stored);
                }
            }
        }
    }
}
