use std::num::NonZeroUsize;
use std::thread;

use ::engine::{EngineConfig, Lineup, MemoryBudget, Model};
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use imaging::{ExifOrientation, LimitExceeded, Limits};
use kernels::Isa;
use models::{Placement, blip, clip};
use thiserror::Error;

use super::WeightsSettings;

/// Where models run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// CUDA if this build and this machine have it, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// What becomes of an image's EXIF orientation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrientationChoice {
    /// The image is turned upright.
    Apply,
    /// Its pixels are taken as they are stored.
    Ignore,
}

/// The numbers models multiply. Sums are f32 in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// bf16 where the processor multiplies bf16 fast, else f32.
    Auto,
    /// f32.
    F32,
    /// bf16; slower than f32 on a processor without instructions for it.
    Bf16,
}

impl Precision {
    /// What the models are told.
    fn on_this_processor(self) -> models::Precision {
        match self {
            Self::F32 => models::Precision::F32,
            Self::Bf16 => models::Precision::Bf16,
            Self::Auto if Isa::detect().multiplies_bf16_faster() => models::Precision::Bf16,
            Self::Auto => models::Precision::F32,
        }
    }
}

/// A setting that cannot be met.
#[derive(Debug, Error)]
pub enum SettingError {
    /// CUDA was asked for.
    #[error("--device cuda (IMAGE_EMBED_DEVICE): this build has no CUDA support; use cpu or auto")]
    NoCuda,
    /// A GPU was demanded.
    #[error(
        "--require-gpu (IMAGE_EMBED_REQUIRE_GPU): no GPU can be used, as this build has no CUDA support"
    )]
    NoGpu,
    /// There is no place for weights.
    #[error(transparent)]
    Weights(#[from] weights::StoreError),
}

/// How images are analysed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Analysis")]
pub struct EngineSettings {
    /// Where models run
    #[arg(
        long,
        env = "IMAGE_EMBED_DEVICE",
        default_value = "auto",
        ignore_case = true
    )]
    pub device: DeviceChoice,

    /// Fail at start if no GPU can be used, rather than run on the processor
    #[arg(long, env = "IMAGE_EMBED_REQUIRE_GPU", value_parser = BoolishValueParser::new())]
    pub require_gpu: bool,

    /// The CLIP that answers `embed_clip_vit_b_32`: ViT-B/32, ViT-B/16, ViT-L/14 or ViT-L/14@336px; the vectors of
    /// different ones cannot be compared
    #[arg(
        long,
        env = "IMAGE_EMBED_CLIP_MODEL",
        value_name = "MODEL",
        default_value_t = clip::Variant::default()
    )]
    pub clip_model: clip::Variant,

    /// The BLIP that answers `describe_image`: large, or base, which takes a quarter of the time
    #[arg(
        long,
        env = "IMAGE_EMBED_CAPTION_MODEL",
        value_name = "MODEL",
        default_value_t = blip::Variant::default()
    )]
    pub caption_model: blip::Variant,

    /// Numbers to multiply; auto is bf16 where that is faster, else f32. Face detection runs in
    /// f32 whatever this says
    #[arg(
        long,
        env = "IMAGE_EMBED_PRECISION",
        default_value = "auto",
        ignore_case = true
    )]
    pub precision: Precision,

    /// Threads of each model, and for pixels [default: one a core]
    #[arg(long, env = "IMAGE_EMBED_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Images that go through CLIP together when several are waiting; a model that takes long for each takes one at a time
    #[arg(
        long,
        env = "IMAGE_EMBED_MAX_BATCH",
        value_name = "N",
        default_value = "6"
    )]
    pub max_batch: NonZeroUsize,

    /// Bytes of memory for images and answers, for captions being written and for what is kept between requests; the models' own
    /// comes on top
    #[arg(
        long,
        env = "IMAGE_EMBED_MEMORY_BUDGET",
        value_name = "BYTES",
        default_value_t = 3 << 29,
        value_parser = clap::value_parser!(u64).range(64 << 20..)
    )]
    pub memory_budget: u64,

    /// Bytes of results to keep for requests about an image that was there before; 0 keeps none
    #[arg(
        long,
        env = "IMAGE_EMBED_CACHE_BYTES",
        value_name = "BYTES",
        default_value_t = 0
    )]
    pub cache_bytes: u64,

    /// Largest image that is decoded, in pixels
    #[arg(long, env = "IMAGE_EMBED_MAX_IMAGE_PIXELS", value_name = "PIXELS", default_value_t = Limits::default().max_pixels,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub max_image_pixels: u64,

    /// Whether images are turned as their EXIF orientation says; a request may say otherwise [default: ignore for `serve`, as the
    /// Python service does, else apply]
    #[arg(
        long,
        env = "IMAGE_EMBED_EXIF_ORIENTATION",
        value_name = "WHAT",
        ignore_case = true
    )]
    pub exif_orientation: Option<OrientationChoice>,
}

impl EngineSettings {
    /// What an engine is made with, where `usual_orientation` is what the command does with EXIF orientations by default; the classifiers' folder is the commands' that have one.
    ///
    /// # Errors
    /// [`SettingError`], naming the setting that cannot be met.
    pub fn engine_config(
        &self,
        weights: &WeightsSettings,
        usual_orientation: ExifOrientation,
    ) -> Result<EngineConfig, SettingError> {
        if self.device == DeviceChoice::Cuda {
            return Err(SettingError::NoCuda);
        }
        if self.require_gpu {
            return Err(SettingError::NoGpu);
        }
        let memory = MemoryBudget::of(self.memory_budget);
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(EngineConfig {
            store: weights.store()?,
            classifiers_dir: None,
            placement: Placement::new(self.precision.on_this_processor()),
            lineup: self.lineup(),
            max_batch: self.max_batch,
            memory,
            cache_bytes: self.cache_bytes,
            // More compute threads than cores only get in each other's way.
            threads: self
                .threads
                .map_or_else(cores, |wanted| wanted.min(cores())),
            image_limits: self.image_limits(&memory),
            exif_orientation: match self.exif_orientation {
                None => usual_orientation,
                Some(OrientationChoice::Apply) => ExifOrientation::Apply,
                Some(OrientationChoice::Ignore) => ExifOrientation::Ignore,
            },
        })
    }

    /// Which models answer.
    #[must_use]
    pub fn lineup(&self) -> Lineup {
        Lineup {
            clip: Model::clip(self.clip_model),
            captions: Model::blip(self.caption_model),
        }
    }

    /// One image may need all of the memory that there is for pixels.
    fn image_limits(&self, memory: &MemoryBudget) -> Limits {
        Limits {
            max_pixels: self.max_image_pixels,
            max_decode_bytes: memory.pixels,
            ..Limits::default()
        }
    }
}

/// The setting that allows more, where there is one.
#[must_use]
pub fn setting_of(limit: &LimitExceeded) -> Option<&'static str> {
    match limit {
        LimitExceeded::Pixels { .. } => Some("--max-image-pixels"),
        LimitExceeded::Bytes { .. } => Some("--memory-budget"),
        LimitExceeded::Side { .. } | LimitExceeded::Passes { .. } => None,
    }
}
