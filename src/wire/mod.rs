//! The API's JSON, shared by HTTP and the command line. Field docs are the API's documentation.

mod classifiers;
mod ignored;
mod json;
mod operations;
mod pieces;
mod request;
mod response;
mod status;
mod without_folders;

pub use classifiers::{ClassifierInfo, ClassifierMetrics, ClassifiersResponse, EmbeddingModelInfo};
pub use ignored::Ignored;
pub use json::JsonError;
pub use operations::{OperationInfo, OperationsResponse, ParamInfo};
pub use pieces::pieces;
pub(crate) use request::{AnalyzeRequest, EXIF_ORIENTATION};
pub use request::{
    MAX_JSON_BYTES, Reading, Request, RequestError, orientation_named, parse_request, parse_tasks,
};
pub use response::{
    AnalyzeResponse, ClassificationBody, DataBody, DetectionBody, ErrorBody, OperationResultBody,
    StatusBody,
};
pub use status::{OperationStatus, State, TargetStatus, TaskStatus};
