//! Serving: models in memory, and the plan of one request.
//!
//! [`Engine::analyze`] is the one door for HTTP and the command line: encoded image and tasks in, one result per
//! task out. Nothing here knows of HTTP or of command lines.

mod embedding;
mod engine;
mod model;
mod operations;
mod panic_text;
mod params;
mod plan;
mod registry;
mod result;
mod slot;
mod task;
mod timings;

pub use embedding::{Embedding, VectorEncoding};
pub use engine::{Analysis, AnalyzeError, Engine, EngineConfig, StartError};
pub use model::{MODELS, Model, ModelInfo, Readiness, UnknownModel};
pub use operations::{OPERATIONS, Operation, Param, UnavailableTarget};
pub use panic_text::panic_text;
pub use result::{CropImage, Data, Detection, OperationResult, Status};
pub use task::{Params, Task, TaskList, TaskListError};
pub use timings::Timings;
