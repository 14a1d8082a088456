//! The API's JSON, shared by HTTP and the command line. Field docs are the API's documentation.

mod classifiers;
mod operations;
mod pieces;
mod request;
mod response;
mod status;
mod without_folders;

pub use classifiers::{ClassifierInfo, ClassifierMetrics, ClassifiersResponse, EmbeddingModelInfo};
pub use operations::{OperationInfo, OperationsResponse, ParamInfo};
pub use pieces::pieces;
pub use request::{
    AnalyzeRequest, MAX_JSON_BYTES, RequestError, TaskRequest, parse_request, parse_tasks,
};
pub use response::{
    AnalyzeResponse, ClassificationBody, DataBody, DetectionBody, ErrorBody, OperationResultBody,
    StatusBody,
};
pub use status::{OperationStatus, State, TargetStatus, TaskStatus};
