use std::collections::HashMap;

use imaging::{CropError, Limits, RgbImage};

use crate::plan::outcome::{Failure, Outcome, found, guarded};
use crate::plan::{Crop, Detect, Models, Region};
use crate::result::Detection;
use crate::timings::Timings;

/// An image, and what of it has been found and cut out: each thing once, together with what it needs.
pub(crate) struct Regions<'a> {
    image: &'a RgbImage,
    crop_limits: &'a Limits,
    detections: HashMap<Detect, Outcome<Vec<Detection>>>,
    crops: HashMap<Crop, Outcome<Cropped>>,
}

/// A crop and where it lay.
struct Cropped {
    bbox: [i32; 4],
    image: RgbImage,
}

/// The other way, told to those for whom looking inside the person failed.
const WITHOUT_PERSON: &str = "; with face_context 'whole_image' no person is needed";

impl<'a> Regions<'a> {
    pub(crate) fn new(image: &'a RgbImage, crop_limits: &'a Limits) -> Self {
        Self {
            image,
            crop_limits,
            detections: HashMap::new(),
            crops: HashMap::new(),
        }
    }

    /// Finds what `node` is about, if that has not been done.
    pub(crate) fn detect(&mut self, node: Detect, models: &impl Models, timings: &mut Timings) {
        if self.detections.contains_key(&node) {
            return;
        }
        if let Region::Crop(crop) = node.region() {
            self.cut(crop, models, timings);
        }
        let detector = node.detector();
        let detections = match self.pixels(node.region()) {
            Ok(pixels) => timings.measure(detector.finds(), || {
                guarded(node, || {
                    let detections = models.detect(detector, pixels).map_err(Failure::Broken)?;
                    Ok(in_whole_image(detections, self.origin(node.region())?))
                })
            }),
            Err(failure) => Err(failure.with(WITHOUT_PERSON)),
        };
        self.detections.insert(node, detections);
    }

    /// Cuts `crop` out, if that has not been done.
    pub(crate) fn cut(&mut self, crop: Crop, models: &impl Models, timings: &mut Timings) {
        if self.crops.contains_key(&crop) {
            return;
        }
        self.detect(crop.best_of, models, timings);
        let cropped = self.bbox(crop).and_then(|bbox| {
            timings.measure("crop", || guarded(crop, || self.cut_out(crop, bbox)))
        });
        self.crops.insert(crop, cropped);
    }

    /// All that `node` found, best first.
    pub(crate) fn detections(&self, node: Detect) -> Outcome<&[Detection]> {
        found(&self.detections, &node).map(Vec::as_slice)
    }

    /// The box of the best that `node` found, in whole pixels; none if it found nothing.
    pub(crate) fn prominent(&self, node: Detect) -> Outcome<Option<[i32; 4]>> {
        let best = self.detections(node)?.first();
        Ok(best.map(|best| match node {
            Detect::Person => clamped(truncated(best.bbox), self.image),
            Detect::Face { .. } => truncated(best.bbox),
        }))
    }

    /// Where `crop` lies in the image.
    pub(crate) fn bbox(&self, crop: Crop) -> Outcome<[i32; 4]> {
        let nothing = Failure::NotFound(crop.best_of.detector());
        self.prominent(crop.best_of)?.ok_or(nothing)
    }

    /// The region as an image of its own.
    pub(crate) fn pixels(&self, region: Region) -> Outcome<&RgbImage> {
        match region {
            Region::WholeImage => Ok(self.image),
            Region::Crop(crop) => found(&self.crops, &crop).map(|cropped| &cropped.image),
        }
    }

    /// Where the region's upper left pixel lies in the image.
    fn origin(&self, region: Region) -> Outcome<[i32; 2]> {
        match region {
            Region::WholeImage => Ok([0, 0]),
            Region::Crop(crop) => {
                let [x, y, ..] = found(&self.crops, &crop)?.bbox;
                Ok([x, y])
            }
        }
    }

    fn cut_out(&self, crop: Crop, bbox: [i32; 4]) -> Outcome<Cropped> {
        match imaging::crop(self.image, bbox, self.crop_limits) {
            Ok(image) => Ok(Cropped { bbox, image }),
            Err(CropError::Empty(bbox)) => Err(Failure::Unusable(format!(
                "the prominent {}'s box {bbox:?} holds no pixel",
                crop.best_of.detector().finds()
            ))),
            Err(error) => Err(Failure::Broken(error.to_string())),
        }
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
