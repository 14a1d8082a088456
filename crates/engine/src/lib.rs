//! Serving: models in memory, and the plan of one request.
//!
//! [`Engine::analyze`] is the one door for HTTP and the command line: encoded image and tasks in, one result per
//! task out. Nothing here knows of HTTP or of command lines.

mod admission;
mod caller;
pub mod classifiers;
mod embedding;
mod engine;
mod image_work;
mod lineup;
mod memory;
mod memory_pool;
mod model;
mod network;
mod observer;
mod operations;
mod panic_text;
mod params;
mod plan;
mod readiness;
mod result;
mod runner;
mod target;
mod task;
mod threads;
mod timings;
mod turns;

pub use admission::Overloaded;
pub use caller::on_behalf_of;
pub use embedding::{Embedding, VectorEncoding};
pub use engine::{Analysis, AnalyzeError, Engine, EngineConfig, StartError};
pub use lineup::{Lineup, Role};
pub use memory::MemoryBudget;
pub use memory_pool::{MemoryPool, MemoryShare};
pub use model::{Model, UnknownModel};
pub use observer::{EngineStatus, Lookup, ModelState, ModelStatus, Observer, PoolStatus};
pub use operations::{Choice, OPERATIONS, Operation, Param};
pub use panic_text::panic_text;
pub use params::{excerpt, shortened};
pub use readiness::{ModelInfo, Readiness};
pub use result::{Classification, CropImage, Data, Detection, OperationResult, PngBase64, Status};
pub use runner::Unavailable;
pub use target::{FaceContext, Target};
pub use task::{Params, Task, TaskList, TaskListError};
pub use timings::{Stage, Timings};
