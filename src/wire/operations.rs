use engine::{Engine, ModelInfo, OPERATIONS, Operation, Readiness};
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer of `GET /available_operations/`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationsResponse {
    /// Every operation of this version, by the name that a task's `type` takes.
    #[schema(value_type = std::collections::HashMap<String, OperationInfo>)]
    pub operations: IndexMap<&'static str, OperationInfo>,
}

/// One operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationInfo {
    /// What it does.
    pub description: String,
    /// Targets it can work on.
    #[schema(value_type = Vec<String>)]
    pub allowed_targets: &'static [&'static str],
    /// The target of a task that names none.
    #[schema(value_type = String)]
    pub default_target: &'static str,
    /// Targets that clients may ask for but this version skips.
    pub unavailable_targets: Vec<UnavailableTargetInfo>,
    /// Parameters besides `target`.
    pub params: Vec<ParamInfo>,
    /// The model that answers.
    #[schema(example = "CLIP ViT-B/32")]
    pub model: String,
    /// Length of the vectors it gives, if it gives any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dims: Option<usize>,
    /// Whether it can answer now.
    #[serde(flatten)]
    pub status: OperationStatus,
}

/// A target this version cannot work on.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnavailableTargetInfo {
    /// Its name.
    #[schema(value_type = String)]
    pub target: &'static str,
    /// Why not.
    #[schema(value_type = String)]
    pub reason: &'static str,
}

/// A task parameter.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParamInfo {
    /// Its key in `params`.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// What it does, its values and its default.
    #[schema(value_type = String)]
    pub description: &'static str,
}

/// Whether an operation can answer now, and whether its answers mean anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperationStatus {
    /// How far it is from answering.
    #[serde(flatten)]
    pub state: State,
    /// There, and true, if its model was loaded from weights that nobody trained: the answers mean nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub untrained: bool,
}

/// How far an operation is from answering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Its model is in memory.
    Ready,
    /// Its model is being downloaded or read from disk.
    Loading,
    /// Its model is on disk; the first task that needs it loads it.
    OnDemand,
    /// Its tasks answer `error`.
    Unavailable {
        /// Why, and how to mend it.
        reason: String,
    },
}

impl OperationsResponse {
    /// The table of operations, with their present state.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        let rows = OPERATIONS
            .iter()
            .map(|operation| (operation.name, OperationInfo::new(engine, operation)));
        Self {
            operations: rows.collect(),
        }
    }
}

impl OperationInfo {
    fn new(engine: &Engine, operation: &Operation) -> Self {
        let unavailable = operation.unavailable_targets.iter();
        let params = operation.params.iter();
        let info = engine.info(operation.model);
        Self {
            description: operation.description.replace("{model}", &info.title),
            allowed_targets: operation.allowed_targets,
            default_target: operation.default_target,
            unavailable_targets: unavailable
                .map(|row| UnavailableTargetInfo {
                    target: row.target,
                    reason: row.reason,
                })
                .collect(),
            params: params
                .map(|row| ParamInfo {
                    name: row.name,
                    description: row.description,
                })
                .collect(),
            status: OperationStatus::new(&info),
            dims: info.dims,
            model: info.title,
        }
    }
}

impl OperationStatus {
    /// The status of `operation`.
    #[must_use]
    pub fn of(engine: &Engine, operation: &Operation) -> Self {
        Self::new(&engine.info(operation.model))
    }

    fn new(info: &ModelInfo) -> Self {
        Self {
            state: match &info.readiness {
                Readiness::Ready => State::Ready,
                Readiness::OnDemand => State::OnDemand,
                Readiness::Loading => State::Loading,
                Readiness::Unavailable(reason) => State::Unavailable {
                    reason: reason.clone(),
                },
            },
            untrained: info.untrained,
        }
    }
}

impl State {
    /// Whether a task would be answered now.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self, Self::Ready | Self::OnDemand)
    }
}
