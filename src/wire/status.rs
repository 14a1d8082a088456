use std::collections::HashMap;

use engine::{Choice, Engine, Model, ModelInfo, OPERATIONS, Operation, Readiness, Role};
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::without_folders::without_folders;

/// Whether an operation can answer now: a task of its default target, and each way to ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperationStatus {
    /// Of a task without `params`.
    #[serde(flatten)]
    pub default: TaskStatus,
    /// Of a task of each target; where a face is looked for, of each `face_context`, the default first.
    pub targets: Vec<TargetStatus>,
}

/// Whether tasks of one target can be answered now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetStatus {
    /// The target.
    #[schema(value_type = String, example = "prominent_face")]
    pub target: &'static str,
    /// The `face_context`, if the target is a face.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "whole_image")]
    pub face_context: Option<&'static str>,
    /// The models that it takes.
    #[schema(value_type = Vec<String>, example = json!(["mtcnn", "clip-vit-b-32"]))]
    pub models: Vec<&'static str>,
    /// Whether all of them are there.
    #[serde(flatten)]
    pub status: TaskStatus,
}

/// Whether a task can be answered now, and whether its answer means anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskStatus {
    /// How far it is from being answered.
    #[serde(flatten)]
    pub state: State,
    /// There, and true, if a model it takes was loaded from weights that nobody trained: the answer means nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub untrained: bool,
}

/// How far a task is from being answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Its models are in memory.
    Ready,
    /// A model that it takes is being downloaded or read from disk.
    Loading,
    /// Its models are on disk; the first task that needs one loads it.
    OnDemand,
    /// The task answers `error`.
    Unavailable {
        /// Why, and how to mend it.
        reason: String,
    },
}

/// What is known of every model, at one moment.
pub(super) type Infos = HashMap<Role, (Model, ModelInfo)>;

pub(super) fn infos(engine: &Engine) -> Infos {
    let infos = Role::ALL.into_iter().map(|role| {
        let model = engine.model(role);
        (role, (model, engine.info(model)))
    });
    infos.collect()
}

impl OperationStatus {
    /// Every operation's status, by its name.
    #[must_use]
    pub fn of_all(engine: &Engine) -> IndexMap<&'static str, Self> {
        let infos = infos(engine);
        let rows = OPERATIONS.iter();
        rows.map(|operation| (operation.name, Self::new(&infos, operation)))
            .collect()
    }

    pub(super) fn new(infos: &Infos, operation: &Operation) -> Self {
        let choices = operation.choices();
        let default = choices
            .iter()
            .find(|choice| choice.target == operation.default_target);
        Self {
            default: TaskStatus::new(infos, default.map_or(&[], |choice| &choice.roles)),
            targets: choices
                .iter()
                .map(|choice| TargetStatus::new(infos, choice))
                .collect(),
        }
    }

    /// Whether some target would be answered now.
    #[must_use]
    pub fn answers(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| target.status.state.answers())
    }
}

impl TargetStatus {
    fn new(infos: &Infos, choice: &Choice) -> Self {
        Self {
            target: choice.target.name(),
            face_context: choice.face_context.map(|context| context.name()),
            models: needed(infos, &choice.roles)
                .map(|(model, _)| model.name())
                .collect(),
            status: TaskStatus::new(infos, &choice.roles),
        }
    }
}

impl TaskStatus {
    fn new(infos: &Infos, roles: &[Role]) -> Self {
        let readiness = needed(infos, roles).map(|(_, info)| info.readiness.clone());
        Self {
            state: readiness.fold(Readiness::Ready, Readiness::and).into(),
            untrained: needed(infos, roles).any(|(_, info)| info.untrained),
        }
    }
}

fn needed<'a>(infos: &'a Infos, roles: &'a [Role]) -> impl Iterator<Item = &'a (Model, ModelInfo)> {
    roles.iter().filter_map(|role| infos.get(role))
}

impl From<Readiness> for State {
    fn from(readiness: Readiness) -> Self {
        match readiness {
            Readiness::Ready => Self::Ready,
            Readiness::OnDemand => Self::OnDemand,
            Readiness::Loading => Self::Loading,
            Readiness::Unavailable(reason) => Self::Unavailable {
                reason: without_folders(&reason),
            },
        }
    }
}

impl State {
    /// Whether a task would be answered now.
    fn answers(&self) -> bool {
        matches!(self, Self::Ready | Self::OnDemand)
    }
}
