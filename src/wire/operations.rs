use engine::{Engine, OPERATIONS, Operation, Readiness};
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
    #[schema(value_type = String)]
    pub description: &'static str,
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
    /// Whether it can answer now.
    #[serde(flatten)]
    pub state: State,
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

/// How far an operation is from answering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Its models are in memory.
    Ready,
    /// Its models are being downloaded or read from disk.
    Loading,
    /// Its models are on disk; the first task that needs them loads them.
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
        Self {
            description: operation.description,
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
            state: State::of(engine, operation),
        }
    }
}

impl State {
    /// An operation is as far as the least ready of its models.
    #[must_use]
    pub fn of(engine: &Engine, operation: &Operation) -> Self {
        let states = operation
            .models
            .iter()
            .map(|&model| match engine.readiness(model) {
                Readiness::Ready => Self::Ready,
                Readiness::OnDemand => Self::OnDemand,
                Readiness::Loading => Self::Loading,
                Readiness::Unavailable(reason) => Self::Unavailable { reason },
            });
        states.max_by_key(Self::distance).unwrap_or(Self::Ready)
    }

    /// Whether a task would be answered now.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self, Self::Ready | Self::OnDemand)
    }

    fn distance(&self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::OnDemand => 1,
            Self::Loading => 2,
            Self::Unavailable { .. } => 3,
        }
    }
}
