use engine::{Engine, OPERATIONS, Operation};
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::OperationStatus;
use crate::wire::status::{Infos, infos};

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
    pub allowed_targets: Vec<&'static str>,
    /// The target of a task that names none.
    #[schema(value_type = String)]
    pub default_target: &'static str,
    /// Parameters besides `target`.
    pub params: Vec<ParamInfo>,
    /// The model that answers; where there are several, with commas between.
    #[schema(example = "CLIP ViT-B/32")]
    pub model: String,
    /// Length of the vectors it gives, if it gives any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dims: Option<usize>,
    /// Whether it can answer now.
    #[serde(flatten)]
    pub status: OperationStatus,
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

impl OperationsResponse {
    /// The table of operations, with their present state.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        let infos = infos(engine);
        let rows = OPERATIONS
            .iter()
            .map(|operation| (operation.name, OperationInfo::new(&infos, operation)));
        Self {
            operations: rows.collect(),
        }
    }
}

impl OperationInfo {
    fn new(infos: &Infos, operation: &Operation) -> Self {
        let roles = operation.roles();
        let answering = roles.iter().filter_map(|role| infos.get(role));
        let answering: Vec<_> = answering.map(|(model, _)| *model).collect();
        let titles: Vec<_> = answering.iter().map(|model| model.title()).collect();
        let model = titles.join(", ");
        let dims = || answering.iter().find_map(|model| model.dims());
        let params = operation.params.iter();
        let targets = operation.allowed_targets.iter();
        Self {
            description: operation.description.replace("{model}", &model),
            allowed_targets: targets.map(|target| target.name()).collect(),
            default_target: operation.default_target.name(),
            params: params
                .map(|row| ParamInfo {
                    name: row.name,
                    description: row.description,
                })
                .collect(),
            status: OperationStatus::new(infos, operation),
            dims: operation.gives_vectors().then(dims).flatten(),
            model,
        }
    }
}
