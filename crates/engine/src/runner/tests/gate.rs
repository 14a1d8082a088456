use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use imaging::RgbImage;
use models::{EncodeError, ImageEncoder, Interrupt, Interrupted, Pixels, Recipe};

use crate::network::{Loaded, Network};

/// An encoder that works only while it is open, and remembers its batches.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Debug, Default)]
struct Inside {
    /// Batches that may yet pass.
    passes: usize,
    batches: Vec<Vec<u8>>,
    interrupted: usize,
}

impl Gate {
    /// The grey of an image that makes it panic.
    pub(super) const PANICS: u8 = 13;

    pub(super) fn closed() -> Self {
        Self::default()
    }

    pub(super) fn open(&self) {
        self.change(|inside| inside.passes = usize::MAX);
    }

    /// Lets one batch pass.
    pub(super) fn open_once(&self) {
        self.change(|inside| inside.passes += 1);
    }

    pub(super) fn loaded(&self) -> Loaded {
        Loaded::new(Network::Encoder(Box::new(self.clone())), false)
    }

    /// The greys of each batch, in order.
    pub(super) fn batches(&self) -> Vec<Vec<u8>> {
        self.lock().batches.clone()
    }

    pub(super) fn interrupted(&self) -> usize {
        self.lock().interrupted
    }

    /// Blocks until so many batches have arrived.
    pub(super) fn wait_for_batches(&self, count: usize) {
        self.wait(|inside| inside.batches.len() >= count);
    }

    /// Blocks until so many batches were given up.
    pub(super) fn wait_for_interrupts(&self, count: usize) {
        self.wait(|inside| inside.interrupted >= count);
    }

    fn wait(&self, done: impl Fn(&Inside) -> bool) {
        let limit = Duration::from_secs(20);
        let waited = self
            .0
            .1
            .wait_timeout_while(self.lock(), limit, |inside| !done(inside));
        assert!(!waited.unwrap().1.timed_out(), "it never came");
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let changed = change(&mut self.lock());
        self.0.1.notify_all();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl ImageEncoder for Gate {
    fn recipe(&self) -> Recipe {
        models::clip::Variant::VitB32.recipe()
    }

    fn dims(&self) -> usize {
        1
    }

    fn encode(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        let greys: Vec<u8> = images.iter().map(|pixels| grey(pixels)).collect();
        self.change(|inside| inside.batches.push(greys.clone()));
        loop {
            if interrupt.check().is_err() {
                self.change(|inside| inside.interrupted += 1);
                return Err(EncodeError::Interrupted(Interrupted));
            }
            let inside = self.lock();
            if inside.passes > 0 {
                break;
            }
            // Asks again now and then, as a model does between its layers.
            drop(self.0.1.wait_timeout(inside, Duration::from_millis(2)));
        }
        self.change(|inside| {
            if inside.passes != usize::MAX {
                inside.passes -= 1;
            }
        });
        assert!(!greys.contains(&Self::PANICS), "the gate panics");
        Ok(greys
            .into_iter()
            .map(|grey| vec![f32::from(grey)])
            .collect())
    }
}

/// An image of one grey as CLIP takes it.
pub(super) fn pixels(grey: u8) -> Arc<Pixels> {
    let image = RgbImage::from_raw(1, 1, vec![grey; 3]).unwrap();
    let recipe = models::clip::Variant::VitB32.recipe();
    Arc::new(recipe.apply(&image).unwrap())
}

/// The grey that [`pixels`] was given.
pub(super) fn grey(pixels: &Pixels) -> u8 {
    let red = pixels.values()[0];
    let level = (red * 0.268_629_54 + 0.481_454_66) * 255.0;
    level.round() as u8
}
