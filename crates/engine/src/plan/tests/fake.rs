use std::collections::HashMap;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use imaging::{Limits, RgbImage};
use models::{
    CaptionError, CaptionOptions, CaptionWriter, DetectError, EncodeError, EndedCaption,
    ImageCaptioner, ImageEncoder, Interrupt, Pixels, PromptError, Recipe,
};

use crate::lineup::{Lineup, Role};
use crate::memory_pool::MemoryPool;
use crate::network::{Loaded, Network, ObjectDetector};
use crate::plan::Machine;
use crate::result::Detection;
use crate::runner::Runner;
use crate::threads::PixelThreads;

/// Models that find what they are told to find, and count how often they were asked.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) persons: Finds,
    pub(super) faces: Finds,
    pub(super) vector: fn(Role, &Pixels) -> Result<Vec<f32>, EncodeError>,
    pub(super) text: fn(&Pixels, &CaptionOptions) -> Result<String, PromptError>,
    pub(super) calls: Arc<Mutex<HashMap<Role, usize>>>,
}

pub(super) type Finds = fn(&RgbImage) -> Result<Vec<Detection>, DetectError>;

/// Two persons, two faces, the better one first, and vectors that tell what was looked at.
impl Default for Fake {
    fn default() -> Self {
        Self {
            persons: |_| Ok(vec![found(PERSON, 0.95), found([0.0, 0.0, 8.0, 10.0], 0.4)]),
            faces: |image| {
                let [right, bottom] = [image.width() as f32 - 0.1, image.height() as f32 - 0.01];
                Ok(vec![
                    found([1.99, -0.9, right, bottom], 0.9),
                    found([3.0, -0.9, right, bottom], 0.8),
                ])
            },
            vector: |role, pixels| {
                let tag = if role == Role::Clip { 1.0 } else { 2.0 };
                Ok(vec![
                    tag,
                    pixels.side() as f32,
                    pixels.values().iter().sum(),
                ])
            },
            text: |pixels, options| {
                let sum: f32 = pixels.values().iter().sum();
                Ok(format!(
                    "{sum} {} {}",
                    options.max_length, options.num_beams
                ))
            },
            calls: Arc::default(),
        }
    }
}

/// The box of the default's better person.
pub(super) const PERSON: [f32; 4] = [1.9, 2.2, 6.9, 9.9];

/// What stand-ins that do not work say.
pub(super) const NO_DETECTOR: DetectError = DetectError::TooLarge {
    width: 1,
    height: 2,
};
pub(super) const NO_ENCODER: EncodeError = EncodeError::WrongSide {
    expected: 1,
    found: 2,
};

/// What the plan makes of a stand-in's error.
pub(super) fn failed(role: Role, error: impl Display) -> String {
    format!("{} failed: {error}", Lineup::default().model(role))
}

impl Fake {
    /// The default, for an image without anybody.
    pub(super) fn nobody() -> Self {
        Self {
            persons: |_| Ok(Vec::new()),
            ..Self::default()
        }
    }

    /// How many inputs the model of `role` has had.
    pub(super) fn calls(&self, role: Role) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.get(&role).copied().unwrap_or_default()
    }

    fn count(&self, role: Role) {
        *self.calls.lock().unwrap().entry(role).or_default() += 1;
    }

    /// A machine on which the stand-ins run.
    pub(super) fn machine(&self) -> Machine {
        let lineup = Lineup::default();
        let runners = Role::ALL.map(|role| {
            let part = Part {
                fake: self.clone(),
                role,
            };
            let network = match role {
                Role::Persons | Role::Faces => Network::Detector(Box::new(part)),
                Role::Clip | Role::DinoV2 => Network::Encoder(Box::new(part)),
                Role::Captions => Network::Captioner(Box::new(part)),
            };
            let loaded = Loaded::new(network, false);
            let model = lineup.model(role);
            (model, Arc::new(Runner::stand_in(model, loaded)))
        });
        Machine {
            lineup,
            runners: runners.into_iter().collect(),
            pixel_threads: PixelThreads::new(NonZeroUsize::new(2).unwrap()).unwrap(),
            pixel_memory: MemoryPool::new(1 << 20),
            shown_memory: MemoryPool::new(1 << 20),
            image_limits: Limits::default(),
        }
    }
}

/// The stand-in for the model of one role.
struct Part {
    fake: Fake,
    role: Role,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a stand-in for {:?}", self.role)
    }
}

impl ObjectDetector for Part {
    fn detect(
        &self,
        image: &RgbImage,
        _interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError> {
        self.fake.count(self.role);
        let finds = match self.role {
            Role::Persons => self.fake.persons,
            _ => self.fake.faces,
        };
        finds(image)
    }
}

impl ImageEncoder for Part {
    fn recipe(&self) -> Recipe {
        Lineup::default().model(self.role).recipe().unwrap()
    }

    fn dims(&self) -> usize {
        3
    }

    fn encode(
        &self,
        images: &[&Pixels],
        _interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        let vectors = images.iter().map(|pixels| {
            self.fake.count(self.role);
            (self.fake.vector)(self.role, pixels)
        });
        vectors.collect()
    }
}

impl ImageCaptioner for Part {
    fn image_bytes(&self) -> usize {
        1
    }

    fn text_bytes(&self, _options: &CaptionOptions) -> Result<usize, PromptError> {
        Ok(1)
    }

    fn writer(&self) -> Box<dyn CaptionWriter + '_> {
        Box::new(Writer {
            part: self,
            images: HashMap::new(),
            texts: Vec::new(),
        })
    }
}

/// Writes every text in one step.
#[derive(Debug)]
struct Writer<'a> {
    part: &'a Part,
    images: HashMap<u64, Pixels>,
    texts: Vec<(u64, String)>,
}

impl CaptionWriter for Writer<'_> {
    fn look(
        &mut self,
        key: u64,
        image: &Pixels,
        _interrupt: Interrupt<'_>,
    ) -> Result<(), CaptionError> {
        self.images.insert(key, image.clone());
        Ok(())
    }

    fn forget(&mut self, key: u64) {
        assert!(self.images.remove(&key).is_some());
    }

    fn begin(&mut self, key: u64, image: u64, options: &CaptionOptions) -> Result<(), PromptError> {
        self.part.fake.count(Role::Captions);
        let text = (self.part.fake.text)(&self.images[&image], options)?;
        self.texts.push((key, text));
        Ok(())
    }

    fn give_up(&mut self, key: u64) {
        self.texts.retain(|(text, _)| *text != key);
    }

    fn step(&mut self, _interrupt: Interrupt<'_>) -> Result<Vec<EndedCaption>, CaptionError> {
        let done = self.texts.drain(..).map(|(key, text)| (key, Ok(text)));
        Ok(done.collect())
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn bytes(&self) -> usize {
        0
    }
}

pub(super) fn found(bbox: [f32; 4], score: f32) -> Detection {
    Detection {
        bbox,
        score,
        landmarks: None,
    }
}
