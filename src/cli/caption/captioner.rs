use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use engine::{Engine, TaskList};
use tokio::runtime::Handle;

use super::OPERATION;
use super::answer::caption_of;
use super::server::Server;
use crate::wire::OperationResultBody;

/// What says what is in an image.
pub(super) struct Captioner {
    maker: Maker,
    max_image_bytes: u64,
}

enum Maker {
    /// The model in this process.
    Engine {
        engine: Arc<Engine>,
        tasks: TaskList,
        runtime: Handle,
    },
    /// Somebody else's.
    Server(Server),
}

/// What was said.
#[derive(Debug)]
pub(super) struct Caption {
    /// One line.
    pub(super) text: String,
    /// The models that said it, if nobody trained them.
    pub(super) untrained: Option<String>,
}

/// Why nothing was said.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It concerns this image.
    Image(String),
    /// It may concern this image, or the service: if it is the same with the next ones, it was the service.
    Unanswered(String),
    /// It would be the same with the next one.
    Service(String),
}

impl Captioner {
    pub(super) fn new_engine(
        engine: Engine,
        tasks: TaskList,
        runtime: Handle,
        max_image_bytes: u64,
    ) -> Self {
        let engine = Arc::new(engine);
        Self {
            maker: Maker::Engine {
                engine,
                tasks,
                runtime,
            },
            max_image_bytes,
        }
    }

    pub(super) fn new_server(server: Server, max_image_bytes: u64) -> Self {
        Self {
            maker: Maker::Server(server),
            max_image_bytes,
        }
    }

    /// Reads an image and has it captioned. Blocks; for a thread of its own.
    pub(super) fn caption(&self, image: &Path) -> Result<Caption, Trouble> {
        let bytes = self.read(image).map_err(Trouble::Image)?;
        match &self.maker {
            Maker::Server(server) => {
                let name = image.file_name().unwrap_or_default().to_string_lossy();
                server.caption(&name, &bytes)
            }
            Maker::Engine {
                engine,
                tasks,
                runtime,
            } => {
                let analysis = runtime.block_on(engine.analyze(bytes.into(), tasks, None, None));
                let mut analysis = analysis
                    .map_err(|error| Trouble::Image(format!("could not process image: {error}")))?;
                let result = analysis
                    .results
                    .swap_remove(OPERATION)
                    .ok_or("the answer has no result".to_owned());
                // By way of the API's JSON, so that a server's answer and the engine's are read alike.
                let text = result
                    .and_then(|result| {
                        serde_json::to_value(OperationResultBody::from(result))
                            .and_then(serde_json::from_value)
                            .map_err(|error| error.to_string())
                    })
                    .and_then(caption_of)
                    .map_err(Trouble::Image)?;
                let names: Vec<_> = analysis.untrained.iter().map(|it| it.name()).collect();
                let untrained = (!names.is_empty()).then(|| names.join(", "));
                Ok(Caption { text, untrained })
            }
        }
    }

    fn read(&self, image: &Path) -> Result<Vec<u8>, String> {
        let limit = self.max_image_bytes;
        let mut bytes = Vec::new();
        File::open(image)
            .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(|error| format!("cannot read it: {error}"))?;
        if bytes.len() as u64 > limit {
            return Err(format!(
                "has more than the {limit} bytes of --max-image-bytes"
            ));
        }
        Ok(bytes)
    }
}
