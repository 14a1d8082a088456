//! The keys of a plan's computations: a key says all that its result depends on, so equal keys are computed once.

use models::{CaptionOptions, Recipe};

use crate::model::{Detector, Encoder, Model};
use crate::target::FaceContext;

/// Everything of a kind that there is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Detect {
    /// Persons in the whole image.
    Person,
    /// Faces in `context`.
    Face { context: FaceContext },
}

/// The pixels that a model looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Region {
    WholeImage,
    Crop(Crop),
}

/// The box of the best that was detected, cut out. Its PNG has the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crop {
    pub(crate) best_of: Detect,
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

/// A region's description.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Describe {
    pub(crate) pixels: Prepare,
    pub(crate) options: CaptionOptions,
}

impl Detect {
    pub(crate) fn detector(self) -> Detector {
        match self {
            Self::Person => Detector::FasterRcnn,
            Self::Face { .. } => Detector::Mtcnn,
        }
    }

    /// Where it looks.
    pub(crate) fn region(self) -> Region {
        match self {
            Self::Face {
                context: FaceContext::ProminentPerson,
            } => Region::Crop(Crop {
                best_of: Self::Person,
            }),
            Self::Person
            | Self::Face {
                context: FaceContext::WholeImage,
            } => Region::WholeImage,
        }
    }

    /// Its detector, after those that say where it looks.
    pub(crate) fn models(self) -> Vec<Model> {
        let mut models = match self.region() {
            Region::WholeImage => Vec::new(),
            Region::Crop(crop) => crop.best_of.models(),
        };
        models.push(self.detector().model());
        models
    }

    /// The same where there is nobody: what would be looked for inside a person is looked for everywhere.
    pub(crate) fn without_person(self) -> Self {
        match self {
            Self::Person => Self::Person,
            Self::Face { .. } => Self::Face {
                context: FaceContext::WholeImage,
            },
        }
    }
}

impl Region {
    /// The same where there is nobody: instead of the person it is the whole image.
    pub(crate) fn without_person(self) -> Self {
        match self {
            Self::WholeImage
            | Self::Crop(Crop {
                best_of: Detect::Person,
            }) => Self::WholeImage,
            Self::Crop(Crop { best_of }) => Self::Crop(Crop {
                best_of: best_of.without_person(),
            }),
        }
    }
}
