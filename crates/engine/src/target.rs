/// The part of the image that a task is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All of it.
    WholeImage,
    /// The person that the detector is surest of.
    ProminentPerson,
    /// The face that the detector is surest of.
    ProminentFace,
}

/// Where a face is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaceContext {
    /// Inside the box of the prominent person; in the whole image if there is nobody.
    ProminentPerson,
    /// Everywhere.
    WholeImage,
}

impl Target {
    /// All three.
    pub(crate) const ALL: [Self; 3] =
        [Self::WholeImage, Self::ProminentPerson, Self::ProminentFace];

    /// What clients call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WholeImage => "whole_image",
            Self::ProminentPerson => "prominent_person",
            Self::ProminentFace => "prominent_face",
        }
    }
}

impl FaceContext {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::ProminentPerson, Self::WholeImage];

    /// What clients call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ProminentPerson => "prominent_person",
            Self::WholeImage => "whole_image",
        }
    }
}
