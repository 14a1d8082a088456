//! The table of operations: one row feeds validation, `/available_operations/` and readiness.

use crate::lineup::Role;
use crate::plan::Detect;
use crate::target::{FaceContext, Target};

/// One operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The name clients give as a task's `type`.
    pub name: &'static str,
    /// One sentence for people. `{model}` in it stands for the title of the model that answers, which is a setting.
    pub description: &'static str,
    /// Targets it can work on.
    pub allowed_targets: &'static [Target],
    /// The target of a task that names none.
    pub default_target: Target,
    /// Parameters, besides `target`.
    pub params: &'static [Param],
    /// What it does with its target.
    pub(crate) kind: Kind,
}

/// What an operation does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Says where it is.
    Detect,
    /// Turns it into a vector.
    Embed(Role),
    /// Says whether it belongs to a collection.
    Classify,
    /// Describes it in words.
    Describe,
}

/// A task parameter.
#[derive(Debug)]
pub struct Param {
    /// Its key in `params`.
    pub name: &'static str,
    /// What it does, which values it takes, and its default.
    pub description: &'static str,
}

/// One way to ask for an operation, and whose models it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What the task is about.
    pub target: Target,
    /// Where a face is looked for, if the task is about one.
    pub face_context: Option<FaceContext>,
    /// Those whose models the answer needs, in the order in which they run.
    pub roles: Vec<Role>,
}

const FACE_CONTEXT: Param = Param {
    name: "face_context",
    description: "Where to look for a face: `prominent_person` (the default) looks inside the prominent person's box, \
                  or in the whole image if nobody is found; `whole_image` needs no person detector.",
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

const ANY_TARGET: &[Target] = &Target::ALL;

/// Every operation this version performs.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "detect_bounding_box",
        description: "Detects a bounding box for a specified target.",
        allowed_targets: &[Target::ProminentPerson, Target::ProminentFace],
        default_target: Target::ProminentPerson,
        params: &[
            FACE_CONTEXT,
            Param {
                name: "max_detections",
                description: "An integer, at least 1: `data` becomes a list of up to so many detections, best first, \
                              each with `bbox` (floats), `score` and, for faces, `landmarks`.",
            },
        ],
        kind: Kind::Detect,
    },
    Operation {
        name: "embed_clip_vit_b_32",
        description: "Generates an embedding using the {model} model.",
        allowed_targets: ANY_TARGET,
        default_target: Target::WholeImage,
        params: EMBEDDING_PARAMS,
        kind: Kind::Embed(Role::Clip),
    },
    Operation {
        name: "embed_dino_v2",
        description: "Generates a visual embedding using the {model} model.",
        allowed_targets: ANY_TARGET,
        default_target: Target::WholeImage,
        params: EMBEDDING_PARAMS,
        kind: Kind::Embed(Role::DinoV2),
    },
    Operation {
        name: "classify",
        description: "Determines if an image region belongs to a specific collection using a binary classifier.",
        allowed_targets: ANY_TARGET,
        default_target: Target::WholeImage,
        params: &[
            Param {
                name: "collection_id",
                description: "The collection's number, an integer; required. Without a `target`, the region that its classifier was \
                              trained on is judged. A classifier may have been trained on other embeddings than CLIP's, and takes those \
                              models then; `/classifiers/` says so.",
            },
            FACE_CONTEXT,
        ],
        kind: Kind::Classify,
    },
    Operation {
        name: "describe_image",
        description: "Generates a text description of an image region using the {model} model.",
        allowed_targets: ANY_TARGET,
        default_target: Target::WholeImage,
        params: &[
            FACE_CONTEXT,
            Param {
                name: "max_length",
                description: "The most tokens of the description, those of the prompt and two marks included: an integer from 1 to \
                              512 (more counts as 512), by default 50.",
            },
            Param {
                name: "num_beams",
                description: "How many wordings are followed at a time: an integer from 1 to 8, by default 4. More take longer.",
            },
            Param {
                name: "prompt",
                description: "What the description begins with, e.g. `a photograph of`; by default nothing.",
            },
        ],
        kind: Kind::Describe,
    },
];

impl Operation {
    /// The operation of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// Those whose models answer, as against those that only find the target.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        match self.kind {
            Kind::Detect => vec![Role::Persons, Role::Faces],
            Kind::Embed(role) => vec![role],
            // Unless a classifier says otherwise.
            Kind::Classify => vec![Role::Clip],
            Kind::Describe => vec![Role::Captions],
        }
    }

    /// Whether its answer is a vector.
    #[must_use]
    pub fn gives_vectors(&self) -> bool {
        matches!(self.kind, Kind::Embed(_))
    }

    /// Every way to ask for it; of one target the default way first.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let targets = self.allowed_targets.iter();
        targets
            .flat_map(|&target| match target {
                Target::WholeImage => vec![self.choice(target, None, None)],
                Target::ProminentPerson => vec![self.choice(target, None, Some(Detect::Person))],
                Target::ProminentFace => FaceContext::ALL
                    .map(|context| {
                        self.choice(target, Some(context), Some(Detect::Face { context }))
                    })
                    .to_vec(),
            })
            .collect()
    }

    fn choice(
        &self,
        target: Target,
        face_context: Option<FaceContext>,
        detection: Option<Detect>,
    ) -> Choice {
        let mut roles = detection.map_or_else(Vec::new, Detect::roles);
        if self.kind != Kind::Detect {
            roles.extend(self.roles());
        }
        Choice {
            target,
            face_context,
            roles,
        }
    }
}
