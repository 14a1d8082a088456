//! The keys of a plan's nodes: a key says all that its output depends on, so equal keys are computed once.

use models::{CaptionOptions, Recipe};

use crate::lineup::Role;
use crate::model::Model;
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
    pub(crate) model: Model,
    pub(crate) pixels: Prepare,
}

/// A region's description.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Describe {
    pub(crate) model: Model,
    pub(crate) pixels: Prepare,
    pub(crate) options: CaptionOptions,
}

impl Detect {
    /// Whose model finds it.
    pub(crate) fn role(self) -> Role {
        match self {
            Self::Person => Role::Persons,
            Self::Face { .. } => Role::Faces,
        }
    }

    /// What it finds, in a word.
    pub(crate) fn finds(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Face { .. } => "face",
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

    /// The roles that it takes: its own after those that say where it looks.
    pub(crate) fn roles(self) -> Vec<Role> {
        let mut roles = match self.region() {
            Region::WholeImage => Vec::new(),
            Region::Crop(crop) => crop.best_of.roles(),
        };
        roles.push(self.role());
        roles
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
