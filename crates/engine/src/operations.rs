//! The table of operations: one row feeds validation, `/available_operations/` and readiness.

use crate::model::Model;

/// One operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The name clients give as a task's `type`.
    pub name: &'static str,
    /// One sentence for people. `{model}` in it stands for the title of the model that answers, which is a setting.
    pub description: &'static str,
    /// Targets this version can work on.
    pub allowed_targets: &'static [&'static str],
    /// The target of a task that names none. Part of the API's contract, so it may be one of `unavailable_targets`.
    pub default_target: &'static str,
    /// Targets of the API's contract that this version cannot work on.
    pub unavailable_targets: &'static [UnavailableTarget],
    /// Parameters, besides `target`.
    pub params: &'static [Param],
    /// The model that answers, and without which the operation answers nothing.
    pub model: Model,
    /// What it does with its target.
    pub(crate) kind: Kind,
}

/// What an operation does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Says where it is.
    Detect,
    /// Turns it into a vector.
    Embed(Encoder),
}

/// A model that turns pixels into a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoder {
    Clip,
    DinoV2,
}

/// A target that clients may ask for, and get `skipped`.
#[derive(Debug)]
pub struct UnavailableTarget {
    /// The target's name.
    pub target: &'static str,
    /// Why it cannot be served.
    pub reason: &'static str,
}

/// A task parameter.
#[derive(Debug)]
pub struct Param {
    /// Its key in `params`.
    pub name: &'static str,
    /// What it does, which values it takes, and its default.
    pub description: &'static str,
}

pub(crate) const NO_PERSON_DETECTOR: &str = "this version has no person detector";

const NO_PERSON: UnavailableTarget = UnavailableTarget {
    target: "prominent_person",
    reason: NO_PERSON_DETECTOR,
};

const FACE_CONTEXT: Param = Param {
    name: "face_context",
    description: "Where to look for a face: `prominent_person` (the default; not available, as this version \
                  has no person detector) or `whole_image`.",
};

const EMBEDDING_PARAMS: &[Param] = &[
    FACE_CONTEXT,
    Param {
        name: "normalize",
        description: "`true` scales the vector to length 1; the default is `false`, as the model gives it.",
    },
    Param {
        name: "encoding",
        description: "`float` (the default): `data` is a list of numbers. `base64`: `data` is a string, the base64 of \
                      the vector's little-endian 32-bit floats.",
    },
];

/// Every operation this version performs.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "detect_bounding_box",
        description: "Detects a bounding box for a specified target.",
        allowed_targets: &["prominent_face"],
        default_target: "prominent_person",
        unavailable_targets: &[NO_PERSON],
        params: &[
            FACE_CONTEXT,
            Param {
                name: "max_detections",
                description: "An integer, at least 1: `data` becomes a list of up to so many detections, best first, \
                              each with `bbox` (floats), `score` and, for faces, `landmarks`.",
            },
        ],
        model: Model::Mtcnn,
        kind: Kind::Detect,
    },
    Operation {
        name: "embed_clip_vit_b_32",
        description: "Generates an embedding using the {model} model.",
        allowed_targets: &["whole_image", "prominent_face"],
        default_target: "whole_image",
        unavailable_targets: &[NO_PERSON],
        params: EMBEDDING_PARAMS,
        model: Model::Clip,
        kind: Kind::Embed(Encoder::Clip),
    },
    Operation {
        name: "embed_dino_v2",
        description: "Generates a visual embedding using the {model} model.",
        allowed_targets: &["whole_image", "prominent_face"],
        default_target: "whole_image",
        unavailable_targets: &[NO_PERSON],
        params: EMBEDDING_PARAMS,
        model: Model::DinoV2,
        kind: Kind::Embed(Encoder::DinoV2),
    },
];

impl Operation {
    pub(crate) fn find(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
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
