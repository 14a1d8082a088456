use crate::registry::Model;

/// The part of the image that a node works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Region {
    WholeImage,
}

/// One computation. Equal nodes are computed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// All faces in `context`.
    DetectFace { context: Region },
}

impl Node {
    /// The model that computes it.
    pub(crate) fn model(self) -> Model {
        match self {
            Self::DetectFace { .. } => Model::Mtcnn,
        }
    }
}
