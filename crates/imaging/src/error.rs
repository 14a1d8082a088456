use thiserror::Error;

use crate::{Format, LimitExceeded};

/// Why bytes did not become an image, by who has to act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No known signature: the bytes are something else, or nothing.
    #[error("not an image: the data {found}")]
    NotAnImage {
        /// What the data is or starts with, as the end of a sentence.
        found: String,
    },
    /// An image of a format that is known but not decoded here.
    #[error("cannot decode {format} images: {advice}")]
    NotDecoded {
        /// The format.
        format: String,
        /// What the sender can do.
        advice: String,
    },
    /// A valid image, as far as it was read, of a kind that is not decoded here.
    #[error("unsupported {format} image: {feature}")]
    Unsupported {
        /// The recognised format.
        format: Format,
        /// What is not supported.
        feature: String,
    },
    /// The file breaks its format's rules.
    #[error("corrupt {format} image: {reason}")]
    Corrupt {
        /// The recognised format.
        format: Format,
        /// What is wrong.
        reason: String,
    },
    /// The file ends too early.
    #[error("truncated {format} image: {missing}")]
    Truncated {
        /// The recognised format.
        format: Format,
        /// What the file ends in, or lacks.
        missing: String,
    },
    /// The image is larger than the limits allow.
    #[error("image too large: {0}")]
    TooLarge(#[from] LimitExceeded),
}

impl Format {
    pub(crate) fn unsupported(self, feature: impl Into<String>) -> DecodeError {
        DecodeError::Unsupported {
            format: self,
            feature: feature.into(),
        }
    }

    pub(crate) fn corrupt(self, reason: impl Into<String>) -> DecodeError {
        DecodeError::Corrupt {
            format: self,
            reason: reason.into(),
        }
    }

    pub(crate) fn truncated(self, missing: impl Into<String>) -> DecodeError {
        DecodeError::Truncated {
            format: self,
            missing: missing.into(),
        }
    }
}
