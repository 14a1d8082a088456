//! The keys of a plan's computations: a key says all that its result depends on, so equal keys are computed once.

use models::Recipe;

use crate::operations::Encoder;

/// Where a face is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FaceContext {
    WholeImage,
}

/// All faces in `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DetectFace {
    pub(crate) context: FaceContext,
}

/// The pixels that a model looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Region {
    WholeImage,
    Crop(Crop),
}

/// A part of the image, cut out. Its PNG has the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Crop {
    /// The box of the best face.
    ProminentFace(DetectFace),
}

/// A region, resized and normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Prepare {
    pub(crate) region: Region,
    pub(crate) recipe: Recipe,
}

/// A region's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Embed {
    pub(crate) encoder: Encoder,
    pub(crate) pixels: Prepare,
}
