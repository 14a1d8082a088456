//! Numbers: SIMD loops over slices, and all of the workspace's `unsafe`.
//!
//! Activations are `f32` in NHWC order (`[batch, height, width, channels]`), rows without padding. Weights are packed
//! once, when a layer is made, into the order in which the loops read them. Every loop exists once, generic over a
//! vector type (`lanes`), and is compiled for each instruction set that [`Isa`] can choose at run time.
//!
//! Nothing here starts threads: layers split their work over the rayon pool they are called in, but for those that say
//! otherwise. A wrong slice length is a bug of the caller and panics.

mod activation;
mod area;
mod attention;
mod buffer;
mod conv2d;
mod destination;
mod give_way;
mod input_words;
mod isa;
mod lanes;
mod layer_norm;
mod linear;
mod log_sum_exp;
mod mapped;
mod max_pool;
mod max_pool2d;
mod micro_kernel;
mod patches;
mod product;
mod project_and_sum;
mod retaining;
mod roi_align;
mod rows;
mod scratch;
mod words;

pub use activation::Activation;
pub use area::{AreaResample, Normalise, Region};
pub use attention::{
    Attending, AttentionShape, CachedRows, PackedKeyValues, attention, cached_attention,
};
pub use conv2d::{Conv2d, Conv2dWeights, Rectifier, Residual};
pub use give_way::at_every_task;
pub use isa::Isa;
pub use layer_norm::layer_norm;
pub use linear::{Linear, LinearWeights};
pub use log_sum_exp::log_sum_exp;
pub use mapped::Mapped;
pub use max_pool2d::MaxPool2d;
pub use patches::patch_rows;
pub use product::Precision;
pub use project_and_sum::project_and_sum;
pub use retaining::Retaining;
pub use roi_align::{FeatureMap, Roi, RoiAlign, roi_align};

/// Size of an NHWC activation without its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many images.
    pub batch: usize,
    /// Rows of each image.
    pub height: usize,
    /// Columns of each image.
    pub width: usize,
}

impl Extent {
    /// How many pixels there are in all, `batch * height * width`.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }
}
