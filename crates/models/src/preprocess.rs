//! From an image to the numbers an encoder takes: torchvision's `Resize(side, bicubic)`, `CenterCrop(side)`, `ToTensor`
//! and `Normalize`, to the bit. Upstream: torchvision 0.29, `transforms/functional.py`. A captioner's image is stretched
//! instead of cropped.

#[cfg(test)]
mod tests;

use imaging::{Filter, RgbImage, Window, resize, resize_window};
use thiserror::Error;

/// How an encoder wants its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    side: u32,
    fit: Fit,
    statistics: Statistics,
}

/// How an image of any shape becomes a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fit {
    /// Its middle, scaled so that the short side fits.
    Middle,
    /// All of it, each side scaled on its own.
    Stretched,
}

/// Whose training images had these means and standard deviations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Statistics {
    OpenAi,
    ImageNet,
}

/// An image ready for an encoder: normalised, square.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    side: usize,
    values: Vec<f32>, // [side, side, 3]
}

/// An image cannot be brought to an encoder's size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// There is nothing to look at.
    #[error("an image of {width}x{height} pixels has none")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl Recipe {
    /// For CLIP, as `open_clip.image_transform` builds it.
    pub(crate) const fn clip(side: u32) -> Self {
        Self {
            side,
            fit: Fit::Middle,
            statistics: Statistics::OpenAi,
        }
    }

    /// For models trained on ImageNet's statistics, as timm's `create_transform` builds it with `crop_pct` 1.
    pub(crate) const fn image_net(side: u32) -> Self {
        Self {
            side,
            fit: Fit::Middle,
            statistics: Statistics::ImageNet,
        }
    }

    /// For BLIP, as transformers' `BlipImageProcessor` does it with Pillow: the whole image, its shape not kept.
    pub(crate) const fn blip(side: u32) -> Self {
        Self {
            side,
            fit: Fit::Stretched,
            statistics: Statistics::OpenAi,
        }
    }

    /// Width and height of the pixels it makes.
    #[must_use]
    pub fn side(self) -> usize {
        self.side as usize
    }

    /// `image` brought to the square that the model takes, and normalised.
    ///
    /// # Errors
    /// When the image is empty.
    pub fn apply(self, image: &RgbImage) -> Result<Pixels, PreprocessError> {
        let levels = match self.fit {
            Fit::Middle => self.middle(image)?,
            Fit::Stretched => self.stretched(image)?,
        };
        let [red, green, blue] = self.statistics.tables();
        let (pixels, _) = levels.as_chunks::<3>();
        let numbers = pixels
            .iter()
            .map(|&[r, g, b]| [red[r as usize], green[g as usize], blue[b as usize]]);
        let values = numbers.collect::<Vec<_>>().into_flattened();
        Ok(Pixels {
            side: self.side(),
            values,
        })
    }

    /// Scaled, still in bytes: `[side, side, 3]`.
    fn stretched(self, image: &RgbImage) -> Result<Vec<u8>, PreprocessError> {
        let (width, height) = (image.width(), image.height());
        // The target is small, so that only an image without pixels is refused.
        let scaled = resize(image, self.side, self.side, Filter::Bicubic)
            .map_err(|_| PreprocessError::Empty { width, height })?;
        Ok(scaled.pixels().to_vec())
    }

    /// Scaled and cropped, still in bytes: `[side, side, 3]`.
    fn middle(self, image: &RgbImage) -> Result<Vec<u8>, PreprocessError> {
        let (width, height) = (image.width(), image.height());
        if width == 0 || height == 0 {
            return Err(PreprocessError::Empty { width, height });
        }
        let (short, long) = (u64::from(self.side), self.long_side(width, height));
        let (across, down) = if width <= height {
            (short, long)
        } else {
            (long, short)
        };
        let middle = Window {
            left: margin(across, short),
            top: margin(down, short),
            width: self.side,
            height: self.side,
        };
        let scaled = resize_window(image, across, down, middle, Filter::Bicubic);
        // The window is small, so that only an image without pixels is refused.
        let scaled = scaled.map_err(|_| PreprocessError::Empty { width, height })?;
        Ok(scaled.pixels().to_vec())
    }

    /// Length of the long side once the short one is `side`, cut to an integer as Python's `int` does it.
    fn long_side(self, width: u32, height: u32) -> u64 {
        let (short, long) = (width.min(height), width.max(height));
        u64::from(self.side) * u64::from(long) / u64::from(short)
    }
}

/// What `CenterCrop` leaves before a crop of `side`: half of the rest, and a half pixel goes to the even number.
fn margin(length: u64, side: u64) -> u64 {
    let rest = length - side;
    let half = rest / 2;
    half + (rest % 2) * (half % 2)
}

impl Statistics {
    /// For each channel, what `ToTensor` and `Normalize` make of each level.
    fn tables(self) -> [[f32; 256]; 3] {
        let (mean, deviation): ([f32; 3], [f32; 3]) = match self {
            Self::OpenAi => (
                [0.481_454_66, 0.457_827_5, 0.408_210_73],
                [0.268_629_54, 0.261_302_6, 0.275_777_1],
            ),
            Self::ImageNet => ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        };
        std::array::from_fn(|channel| {
            std::array::from_fn(|level| (level as f32 / 255.0 - mean[channel]) / deviation[channel])
        })
    }
}

impl Pixels {
    /// Width and height.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// All numbers, `[side, side, 3]`: height, width, channels.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
