//! Where things are in an image, and what is cut out of it.
//!
//! Where nobody is, the whole image stands in for the person; that is known only once the detector has looked. A key that has to
//! do with the person is therefore settled first, so that what is then the same is computed once. A detector that failed has not
//! said that nobody is there.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use imaging::{CropError, Limits, RgbImage};
use tokio::time::timeout;

use crate::image_work::{Cropped, Found};
use crate::network::{Input, Output};
use crate::plan::execution::{Execution, not_asked_for};
use crate::plan::failure::{Failure, Outcome};
use crate::plan::{Crop, Detect, Region};
use crate::result::{CropImage, Detection, PngBase64};
use crate::timings::Stage;

/// A crop waits so long for memory before it is left out; clients that do not take their answers are cut off sooner.
const PATIENCE: Duration = Duration::from_secs(20);
const NO_ROOM: &str = "the crop is left out: those of the answers that are being sent take all the memory there is for them";

/// The other way, told to those for whom looking inside the person failed.
const WITHOUT_PERSON: &str = "; with face_context 'whole_image' no person is needed";

impl Execution<'_> {
    /// What `node` finds. Boxed, as where to look may be another detection.
    pub(super) fn found(&self, node: Detect) -> BoxFuture<'_, Outcome<Found>> {
        async move {
            let node = match node {
                Detect::Face { .. } if node != node.without_person() && self.nobody().await => {
                    node.without_person()
                }
                _ => node,
            };
            let model = self.machine.lineup.model(node.role());
            let compute = async {
                let (image, origin) = match node.region() {
                    Region::WholeImage => (self.image().await?, [0, 0]),
                    Region::Crop(crop) => {
                        let person = self.cropped(crop).await;
                        let person = person.map_err(|failure| failure.with(WITHOUT_PERSON))?;
                        let [x, y, ..] = person.bbox;
                        (Arc::clone(&person.image), [x, y])
                    }
                };
                let whole = self.image().await?;
                let done = self.ask(model, Input::Image(image)).await?;
                done.try_map(|output| match output {
                    Output::Detections(detections) => {
                        let detections = in_whole_image(detections, origin);
                        let prominent = detections.first().map(|best| match node {
                            Detect::Person => clamped(truncated(best.bbox), &whole),
                            Detect::Face { .. } => truncated(best.bbox),
                        });
                        Ok(Found {
                            detections: detections.into(),
                            prominent,
                        })
                    }
                    _ => Err(not_asked_for(model)),
                })
            };
            let memo = &self.work().results.detections;
            self.node(memo, node, Stage::Model(model), compute.boxed())
                .await
        }
        .boxed()
    }

    /// The region as it turns out to be.
    pub(super) async fn settled(&self, region: Region) -> Region {
        if region != region.without_person() && self.nobody().await {
            region.without_person()
        } else {
            region
        }
    }

    /// The region's pixels.
    pub(super) async fn region(&self, region: Region) -> Outcome<Arc<RgbImage>> {
        match region {
            Region::WholeImage => self.image().await,
            Region::Crop(crop) => Ok(Arc::clone(&self.cropped(crop).await?.image)),
        }
    }

    /// What an answer shows of its region: nothing if that is the whole image.
    pub(super) async fn shown(&self, region: Region) -> Outcome<Option<CropImage>> {
        let Region::Crop(crop) = region else {
            return Ok(None);
        };
        let compute = async {
            let cropped = self.cropped(crop).await?;
            // Of three bytes a pixel base64 makes four, and a PNG is hardly ever larger than its pixels.
            let pixels = cropped.image.pixels().len() as u64;
            let share = self.machine.shown_memory.share(pixels / 3 * 4);
            let Ok(mut share) = timeout(PATIENCE, share).await else {
                return Err(Failure::Broken(NO_ROOM.to_owned()));
            };
            self.on_pixel_threads(move || {
                let png = imaging::encode_png(&cropped.image);
                let png = png.map_err(|error| Failure::Broken(error.to_string()))?;
                let text = BASE64_STANDARD.encode(png);
                share.shrink_to(text.len() as u64);
                Ok(CropImage {
                    bbox: cropped.bbox,
                    png_base64: Arc::new(PngBase64::new(text, Some(share))),
                })
            })
            .await
        };
        let memo = &self.work().results.shown;
        self.node(memo, crop, Stage::Png, compute.boxed())
            .await
            .map(Some)
    }

    async fn nobody(&self) -> bool {
        let persons = self.found(Detect::Person).await;
        persons.is_ok_and(|found| found.detections.is_empty())
    }

    async fn cropped(&self, crop: Crop) -> Outcome<Arc<Cropped>> {
        let compute = async {
            let bbox = self.found(crop.best_of).await?.prominent;
            let bbox = bbox.ok_or(Failure::NotFound(crop.best_of))?;
            let (image, limits) = (self.image().await?, self.machine.image_limits.clone());
            self.on_pixel_threads(move || cut_out(crop, bbox, &image, &limits))
                .await
        };
        self.node(&self.work().crops, crop, Stage::Crop, compute.boxed())
            .await
    }
}

fn cut_out(crop: Crop, bbox: [i32; 4], image: &RgbImage, limits: &Limits) -> Outcome<Arc<Cropped>> {
    match imaging::crop(image, bbox, limits) {
        Ok(image) => Ok(Arc::new(Cropped {
            bbox,
            image: Arc::new(image),
        })),
        Err(CropError::Empty(bbox)) => Err(Failure::Unusable(format!(
            "the prominent {}'s box {bbox:?} holds no pixel",
            crop.best_of.finds()
        ))),
        Err(error) => Err(Failure::Broken(error.to_string())),
    }
}

/// Moves what was found in a region to where it lies in the image. Only afterwards is a box truncated, as the Python
/// service does: `int(x0 + dx)`.
fn in_whole_image(mut detections: Vec<Detection>, origin: [i32; 2]) -> Vec<Detection> {
    let [dx, dy] = origin.map(|d| d as f32);
    for detection in &mut detections {
        let [x0, y0, x1, y1] = detection.bbox;
        detection.bbox = [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
        for [x, y] in detection.landmarks.iter_mut().flatten() {
            (*x, *y) = (*x + dx, *y + dy);
        }
    }
    detections
}

/// Towards zero, as Python's `int()` does.
fn truncated(bbox: [f32; 4]) -> [i32; 4] {
    bbox.map(|side| side as i32)
}

fn clamped([x0, y0, x1, y1]: [i32; 4], image: &RgbImage) -> [i32; 4] {
    let (width, height) = (image.width() as i32, image.height() as i32);
    [
        x0.clamp(0, width),
        y0.clamp(0, height),
        x1.clamp(0, width),
        y1.clamp(0, height),
    ]
}
