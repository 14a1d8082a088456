//! The table of operations: one row feeds validation, `/available_operations/` and readiness.

use crate::registry::Model;

/// One operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The name clients give as a task's `type`.
    pub name: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// Targets this version can work on.
    pub allowed_targets: &'static [&'static str],
    /// The target of a task that names none. Part of the API's contract, so it may be one of `unavailable_targets`.
    pub default_target: &'static str,
    /// Targets of the API's contract that this version cannot work on.
    pub unavailable_targets: &'static [UnavailableTarget],
    /// Parameters, besides `target`.
    pub params: &'static [Param],
    /// Models without which the operation answers nothing.
    pub models: &'static [Model],
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

/// Every operation this version performs.
pub const OPERATIONS: &[Operation] = &[Operation {
    name: "detect_bounding_box",
    description: "Detects a bounding box for a specified target.",
    allowed_targets: &["prominent_face"],
    default_target: "prominent_person",
    unavailable_targets: &[UnavailableTarget {
        target: "prominent_person",
        reason: NO_PERSON_DETECTOR,
    }],
    params: &[
        Param {
            name: "face_context",
            description: "Where to look for a face: `prominent_person` (the default; not available, as this version \
                          has no person detector) or `whole_image`.",
        },
        Param {
            name: "max_detections",
            description: "An integer, at least 1: `data` becomes a list of up to so many detections, best first, \
                          each with `bbox` (floats), `score` and, for faces, `landmarks`.",
        },
    ],
    models: &[Model::Mtcnn],
}];

impl Operation {
    pub(crate) fn find(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }
}
