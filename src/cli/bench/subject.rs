mod captioner;
mod detector;
mod encoder;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use models::{Placement, Precision, blip, clip, dinov2, faster_rcnn};
use weights::{Checkpoint, Silent, Store, catalog, seed};

/// A model that can be timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Subject {
    Clip(clip::Variant),
    DinoV2,
    FasterRcnn,
    Blip(blip::Variant),
}

/// Something to time again and again: one row of the bench.
pub(super) struct Case {
    pub(super) model: Cow<'static, str>,
    pub(super) batch: usize,
    /// Billions of operations, counted as upstream computes them, if that can be said.
    pub(super) gflop: Option<f64>,
    pub(super) run: Box<dyn FnMut() -> anyhow::Result<()>>,
}

impl Subject {
    fn all() -> Vec<Self> {
        let clips = clip::Variant::ALL.map(Self::Clip);
        let others = [Self::DinoV2, Self::FasterRcnn];
        let blips = blip::Variant::ALL.map(Self::Blip);
        clips.into_iter().chain(others).chain(blips).collect()
    }

    pub(super) fn defaults() -> Vec<Self> {
        let clip = Self::Clip(clip::Variant::default());
        let blip = Self::Blip(blip::Variant::default());
        vec![clip, Self::DinoV2, Self::FasterRcnn, blip]
    }

    /// The model of this name, for the command line.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        let all = Self::all();
        let found = all.iter().find(|subject| subject.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|subject| subject.name()).collect();
            format!("there are {}", known.join(", "))
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Clip(variant) => variant.catalogue_name(),
            Self::DinoV2 => dinov2::CATALOGUE_NAME,
            Self::FasterRcnn => faster_rcnn::CATALOGUE_NAME,
            Self::Blip(variant) => variant.catalogue_name(),
        }
    }

    /// What there is to time of it. A detector takes one image at a time, whatever `batches` says.
    pub(super) fn cases(
        self,
        store: &Store,
        precision: Precision,
        batches: &[usize],
    ) -> anyhow::Result<Vec<Case>> {
        let placement = Placement::new(precision);
        let seeded = tempfile::tempdir().context("cannot make a folder for seeded weights")?;
        let files = self.files(store, seeded.path())?;
        let [beside @ .., weights] = &files[..] else {
            anyhow::bail!("{} has no files", self.name());
        };
        // The file stays readable through the open checkpoint after its folder is gone.
        let checkpoint = Checkpoint::open(weights)?;
        match self {
            Self::Clip(variant) => {
                let model = clip::Clip::load(&checkpoint, variant, &placement)?;
                encoder::cases(self.name(), Box::new(model), variant.gflop(), batches)
            }
            Self::DinoV2 => {
                let model = dinov2::DinoV2::load(&checkpoint, &placement)?;
                encoder::cases(self.name(), Box::new(model), dinov2::gflop(), batches)
            }
            Self::FasterRcnn => {
                let model = faster_rcnn::FasterRcnn::load(&checkpoint, &placement)?;
                detector::cases(self.name(), model)
            }
            Self::Blip(_) => {
                let [config, tokenizer] = beside else {
                    anyhow::bail!("{} has {} files, not 3", self.name(), files.len());
                };
                let model = blip::Blip::load(config, tokenizer, &checkpoint, &placement)?;
                captioner::cases(self.name(), model, batches)
            }
        }
    }

    /// The model's files on this machine if it has them, else seeded ones, made for the moment in `folder`: the numbers do not
    /// change the speed of a forward pass.
    fn files(self, store: &Store, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let row = catalog::find(self.name()).context("no catalogue row")?;
        let here: Result<Vec<_>, _> = row.files.iter().map(|file| store.locate(file)).collect();
        if let Ok(paths) = here {
            return Ok(paths);
        }
        let seeded = row.files.iter().map(|file| {
            let seeded = seed::write(folder, file, 0, &Silent)?;
            Ok(seeded.path)
        });
        seeded.collect()
    }
}

/// A made-up image.
fn picture(width: u32, height: u32) -> anyhow::Result<imaging::RgbImage> {
    let bytes = (0..width * height * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
    imaging::RgbImage::from_raw(width, height, bytes.collect()).context("an image of no size")
}

#[cfg(test)]
mod tests {
    use super::Subject;

    #[test]
    fn every_subject_has_a_row_in_the_catalogue() {
        for subject in Subject::all() {
            assert!(
                weights::catalog::find(subject.name()).is_some(),
                "{subject:?}"
            );
            assert_eq!(Subject::find(subject.name()), Ok(subject));
        }
        let message = Subject::find("clip").unwrap_err();
        assert!(message.contains("clip-vit-b-32, "), "{message}");
    }
}
