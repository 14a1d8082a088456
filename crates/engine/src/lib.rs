//! Serving: models in memory, and the plan of one request.
//!
//! [`Engine::analyze`] is the one door for HTTP and the command line: encoded image and tasks in, one result per
//! task out. Nothing here knows of HTTP or of command lines.

mod engine;
mod operations;
mod panic_text;
mod params;
mod plan;
mod registry;
mod result;
mod slot;
mod task;
mod timings;

pub use engine::{Analysis, AnalyzeError, Engine, EngineConfig, StartError};
pub use operations::{OPERATIONS, Operation, Param, UnavailableTarget};
pub use panic_text::panic_text;
pub use registry::{MODELS, Model, Readiness, UnknownModel};
pub use result::{Data, Detection, OperationResult, Status};
pub use task::{Params, Task, TaskList, TaskListError};
pub use timings::Timings;
