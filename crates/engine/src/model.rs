use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A model this version can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Face detection.
    Mtcnn,
    /// Person detection.
    FasterRcnn,
    /// Image vectors that know what is in the image; which CLIP it is, is a setting.
    Clip,
    /// Image vectors that know what the image looks like.
    DinoV2,
    /// Descriptions in words; which BLIP it is, is a setting.
    Blip,
}

/// Every model this version can load.
pub const MODELS: &[Model] = &[
    Model::Mtcnn,
    Model::FasterRcnn,
    Model::Clip,
    Model::DinoV2,
    Model::Blip,
];

/// A name that is no model's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown model '{0}' (known: {known})", known = known_names())]
pub struct UnknownModel(String);

impl Model {
    /// Its name in settings, logs and timings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mtcnn => "mtcnn",
            Self::FasterRcnn => "fasterrcnn",
            Self::Clip => "clip",
            Self::DinoV2 => "dinov2",
            Self::Blip => "blip",
        }
    }

    /// What it does.
    pub(crate) fn role(self) -> Role {
        match self {
            Self::Mtcnn => Role::Detector(Detector::Mtcnn),
            Self::FasterRcnn => Role::Detector(Detector::FasterRcnn),
            Self::Clip => Role::Encoder(Encoder::Clip),
            Self::DinoV2 => Role::Encoder(Encoder::DinoV2),
            Self::Blip => Role::Captioner,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        MODELS
            .iter()
            .copied()
            .find(|model| model.name() == name)
            .ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

fn known_names() -> String {
    MODELS
        .iter()
        .map(|model| model.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Detector(Detector),
    Encoder(Encoder),
    /// Describes an image in words; there is only one such model.
    Captioner,
}

/// A model that finds boxes in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Detector {
    Mtcnn,
    FasterRcnn,
}

/// A model that turns pixels into a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoder {
    Clip,
    DinoV2,
}

impl Detector {
    /// The model by which the registry knows it.
    pub(crate) fn model(self) -> Model {
        match self {
            Self::Mtcnn => Model::Mtcnn,
            Self::FasterRcnn => Model::FasterRcnn,
        }
    }

    /// What it finds, in a word.
    pub(crate) fn finds(self) -> &'static str {
        match self {
            Self::Mtcnn => "face",
            Self::FasterRcnn => "person",
        }
    }
}

impl Encoder {
    /// The model by which the registry knows it.
    pub(crate) fn model(self) -> Model {
        match self {
            Self::Clip => Model::Clip,
            Self::DinoV2 => Model::DinoV2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "clop".parse::<Model>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown model 'clop' (known: mtcnn, fasterrcnn, clip, dinov2, blip)"
        );
    }

    #[test]
    fn a_model_and_its_role_know_each_other() {
        for &model in MODELS {
            let known_as = match model.role() {
                Role::Detector(detector) => detector.model(),
                Role::Encoder(encoder) => encoder.model(),
                Role::Captioner => Model::Blip,
            };
            assert_eq!(known_as, model);
        }
    }
}
