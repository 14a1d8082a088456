use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A model this version can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Face detection.
    Mtcnn,
    /// Image vectors that know what is in the image; which CLIP it is, is a setting.
    Clip,
    /// Image vectors that know what the image looks like.
    DinoV2,
}

/// Every model this version can load.
pub const MODELS: &[Model] = &[Model::Mtcnn, Model::Clip, Model::DinoV2];

/// A name that is no model's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown model '{0}' (known: {known})", known = known_names())]
pub struct UnknownModel(String);

/// How far a model is from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// In memory.
    Ready,
    /// On its way: being downloaded, or read from disk.
    Loading,
    /// On disk; the first request that needs it loads it.
    OnDemand,
    /// Not to be had; the text says why, and how to mend it.
    Unavailable(String),
}

impl Model {
    /// Its name in settings, logs and timings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mtcnn => "mtcnn",
            Self::Clip => "clip",
            Self::DinoV2 => "dinov2",
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

/// What is known of a model, in memory or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// What people call it, e.g. `CLIP ViT-B/32`.
    pub title: String,
    /// Length of its vectors, if it makes any.
    pub dims: Option<usize>,
    /// It is in memory, and its weights say of themselves that nobody trained them.
    pub untrained: bool,
    /// How far it is from answering.
    pub readiness: Readiness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "clop".parse::<Model>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown model 'clop' (known: mtcnn, clip, dinov2)"
        );
    }
}
