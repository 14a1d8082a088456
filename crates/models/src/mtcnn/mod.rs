//! MTCNN: faces found by three small networks, each looking closer at what the one before proposed.
//!
//! Paper: Zhang et al., "Joint Face Detection and Alignment using Multitask Cascaded Convolutional Networks", 2016.
//! Upstream: `facenet_pytorch` 2.6.0, `models/mtcnn.py` and `models/utils/detect_face.py`, with the settings of
//! `MTCNN(keep_all=True)`. Weights: `pnet.pt`, `rnet.pt`, `onet.pt` of the same package.
//! Deviations: where upstream raises, the answer here is to go on. An image with a side below 20 pixels has no face; a
//! candidate moved wholly out of the image is dropped.

mod boxes;
mod candidates;
mod crops;
#[cfg(test)]
mod goldens;
mod nms;
mod onet;
mod pnet;
mod pyramid;
mod rnet;

use std::path::Path;

use imaging::RgbImage;
use kernels::{AreaResample, Isa, Normalise, Region};
use rayon::prelude::*;
use weights::Checkpoint;

use crate::interrupt::{Interrupt, Interrupted};
use crate::tensor::Tensor;
use crate::{DetectError, LoadError, Placement};
use boxes::{landmarks_plus_one, shifted, shifted_plus_one, squared};
use candidates::{Candidate, face_probability, propose, suppress};
use nms::nms_min_plus_one;
use onet::ONet;
use pnet::PNet;
use pyramid::{Level, Strip, levels, strips};
use rnet::RNet;

/// Shortest side of a face that is looked for, in pixels.
const MIN_FACE_SIZE: f64 = 20.0;
/// From one level of the pyramid to the next.
const FACTOR: f64 = 0.709;
/// Least scores of the three networks.
const THRESHOLDS: [f32; 3] = [0.6, 0.7, 0.7];
/// Overlap allowed within a level of the pyramid, and afterwards.
const OVERLAP_IN_LEVEL: f64 = 0.5;
const OVERLAP: f64 = 0.7;
/// What the networks were trained on: bytes to about -1..1.
const NORMALISE: Normalise = Normalise {
    offset: 127.5,
    scale: 0.007_812_5,
};
/// Most pixels of an image: sums over it must stay within 31 bits wherever one pixel of a level covers much of it.
const MAX_PIXELS: u64 = 1 << 29;

/// A face in an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// `[x0, y0, x1, y1]` in pixels; may reach beyond the image.
    pub bbox: [f32; 4],
    /// Probability that this is a face, 0.7 to 1.
    pub score: f32,
    /// `[x, y]` in pixels of the left and right eye (as seen), the nose, and the left and right corner of the mouth.
    pub landmarks: [[f32; 2]; 5],
}

/// The face detector.
#[derive(Debug)]
pub struct Mtcnn {
    pnet: PNet,
    rnet: RNet,
    onet: ONet,
    isa: Isa,
}

impl Mtcnn {
    /// Reads the three networks from their weights files. They multiply f32 whatever `placement` says.
    ///
    /// # Errors
    /// When a file cannot be read, or has other tensors than the network needs.
    pub fn load(
        pnet: &Path,
        rnet: &Path,
        onet: &Path,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let [pnet, rnet, onet] = [
            Checkpoint::open(pnet)?,
            Checkpoint::open(rnet)?,
            Checkpoint::open(onet)?,
        ];
        Self::from_checkpoints(&pnet, &rnet, &onet, placement)
    }

    fn from_checkpoints(
        pnet: &Checkpoint,
        rnet: &Checkpoint,
        onet: &Checkpoint,
        placement: &Placement,
    ) -> Result<Self, LoadError> {
        let networks = Self {
            pnet: PNet::load(&pnet.root(), placement)?,
            rnet: RNet::load(&rnet.root(), placement)?,
            onet: ONet::load(&onet.root(), placement)?,
            isa: placement.isa,
        };
        for checkpoint in [pnet, rnet, onet] {
            checkpoint.finish()?;
        }
        Ok(networks)
    }

    /// Finds the faces in `image`, best score first; of equal scores the larger face first. Work is spread over the
    /// current rayon pool.
    ///
    /// # Errors
    /// When the image has more than 2²⁹ pixels, or `interrupt` says so.
    pub fn detect(
        &self,
        image: &RgbImage,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Face>, DetectError> {
        let (width, height) = (image.width(), image.height());
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(DetectError::TooLarge { width, height });
        }
        let levels = levels(height as usize, width as usize);
        let strips = strips(&levels);
        let proposed = self.propose(image, &levels, &strips, interrupt)?;
        let refined = self.refine(image, &proposed, interrupt)?;
        let mut faces = self.decide(image, &refined, interrupt)?;
        sort_as_served(&mut faces);
        Ok(faces)
    }

    /// First stage: squares that the proposal network finds at any level of the pyramid.
    fn propose(
        &self,
        image: &RgbImage,
        levels: &[Level],
        strips: &[Strip],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<[f32; 4]>, Interrupted> {
        let found: Vec<Vec<Candidate>> = strips
            .par_iter()
            .with_max_len(1)
            .map(|strip| {
                interrupt.check()?;
                Ok(self.search(image, &levels[strip.level], strip))
            })
            .collect::<Result<_, Interrupted>>()?;
        let mut by_level = vec![Vec::new(); levels.len()];
        for (strip, found) in strips.iter().zip(found) {
            by_level[strip.level].extend(found);
        }
        let kept: Vec<Vec<Candidate>> = by_level
            .par_iter()
            .with_max_len(1)
            .map(|candidates| {
                interrupt.check()?;
                Ok(suppress(candidates, OVERLAP_IN_LEVEL))
            })
            .collect::<Result<_, Interrupted>>()?;
        interrupt.check()?;
        let kept = suppress(&kept.concat(), OVERLAP);
        Ok(kept
            .iter()
            .map(|c| squared(shifted(c.bbox, c.offsets)))
            .collect())
    }

    /// What the proposal network finds in one strip of a level, row by row.
    fn search(&self, image: &RgbImage, level: &Level, strip: &Strip) -> Vec<Candidate> {
        let whole = Region {
            x: 0..image.width() as usize,
            y: 0..image.height() as usize,
        };
        let mut pixels = Vec::new();
        let size = (level.height, level.width);
        resample(self.isa, image, whole, size).rows(strip.rows.clone(), &mut pixels);
        let shape = [1, strip.rows.len(), level.width, 3];
        let answers = self.pnet.forward(&Tensor::new(pixels, &shape));
        let [_, _, width, _] = answers.dims();
        let first_row = strip.answers.start;
        propose(answers.values(), width, first_row, level, THRESHOLDS[0])
    }

    /// Second stage: the proposals that the refinement network takes for faces, moved to where it sees them.
    fn refine(
        &self,
        image: &RgbImage,
        boxes: &[[f32; 4]],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<[f32; 4]>, Interrupted> {
        let answers = crops::map(self.isa, image, boxes, 24, interrupt, |crops| {
            self.rnet.forward(crops)
        })?;
        let mut found = Vec::new();
        for (bbox, answer) in &answers {
            let [none, face, o0, o1, o2, o3]: [f32; 6] = *answer;
            let score = face_probability([none, face]);
            if score > THRESHOLDS[1] {
                found.push(Candidate {
                    bbox: *bbox,
                    score,
                    offsets: [o0, o1, o2, o3],
                });
            }
        }
        interrupt.check()?;
        let kept = suppress(&found, OVERLAP);
        Ok(kept
            .iter()
            .map(|c| squared(shifted_plus_one(c.bbox, c.offsets)))
            .collect())
    }

    /// Third stage: the faces among them, with landmarks, in the order in which suppression leaves them.
    fn decide(
        &self,
        image: &RgbImage,
        boxes: &[[f32; 4]],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Face>, Interrupted> {
        let answers = crops::map(self.isa, image, boxes, 48, interrupt, |crops| {
            self.onet.forward(crops)
        })?;
        let mut found = Vec::new();
        for (bbox, answer) in &answers {
            let [none, face, o0, o1, o2, o3, points @ ..]: [f32; 16] = *answer;
            let score = face_probability([none, face]);
            if score > THRESHOLDS[2] {
                found.push(Face {
                    bbox: shifted_plus_one(*bbox, [o0, o1, o2, o3]),
                    score,
                    landmarks: landmarks_plus_one(*bbox, points),
                });
            }
        }
        let boxes: Vec<[f32; 4]> = found.iter().map(|face| face.bbox).collect();
        let scores: Vec<f32> = found.iter().map(|face| face.score).collect();
        let kept = nms_min_plus_one(&boxes, &scores, OVERLAP as f32, interrupt)?;
        Ok(kept.into_iter().map(|i| found[i]).collect())
    }
}

/// Best first. Upstream lists faces by area, largest first and of equal areas the later first; the Python service takes
/// the first of the highest score from that list.
fn sort_as_served(faces: &mut [Face]) {
    let area = |face: &Face| {
        let [x0, y0, x1, y1] = face.bbox;
        (x1 - x0) * (y1 - y0)
    };
    faces.reverse();
    faces.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(area(b).total_cmp(&area(a)))
    });
}

fn resample(isa: Isa, image: &RgbImage, region: Region, size: (usize, usize)) -> AreaResample<'_> {
    let (pixels, width) = (image.pixels(), image.width() as usize);
    AreaResample::new(isa, pixels, width, region, size, NORMALISE)
}

#[cfg(test)]
mod tests;
