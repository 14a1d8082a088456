mod detector;
mod encoder;

use std::borrow::Cow;

use anyhow::Context as _;
use candle_core::Device;
use models::{Placement, Precision, clip, dinov2, faster_rcnn};
use weights::{Checkpoint, Silent, Store, catalog, seed};

/// A model that can be timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Subject {
    Clip(clip::Variant),
    DinoV2,
    FasterRcnn,
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
        clips.into_iter().chain(others).collect()
    }

    pub(super) fn defaults() -> Vec<Self> {
        let clip = Self::Clip(clip::Variant::default());
        vec![clip, Self::DinoV2, Self::FasterRcnn]
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
        }
    }

    /// What there is to time of it. A detector takes one image at a time, whatever `batches` says.
    pub(super) fn cases(
        self,
        store: &Store,
        precision: Precision,
        batches: &[usize],
    ) -> anyhow::Result<Vec<Case>> {
        let placement = Placement::new(Device::Cpu, precision);
        let checkpoint = self.checkpoint(store)?;
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
        }
    }

    /// The weights of this machine if it has them, else seeded ones, made for the moment: the numbers do not change the
    /// speed of a forward pass.
    fn checkpoint(self, store: &Store) -> anyhow::Result<Checkpoint> {
        let row = catalog::find(self.name()).context("no catalogue row")?;
        let [file] = row.files else {
            anyhow::bail!("{} has {} files, not one", self.name(), row.files.len());
        };
        if let Ok(path) = store.locate(file) {
            return Ok(Checkpoint::open(&path)?);
        }
        let dir = tempfile::tempdir().context("cannot make a folder for seeded weights")?;
        let seeded = seed::write(dir.path(), file, 0, &Silent)?;
        // The file stays readable through the open checkpoint after its folder is gone.
        Ok(Checkpoint::open(&seeded.path)?)
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
    fn every_subject_has_a_row_of_one_file_in_the_catalogue() {
        for subject in Subject::all() {
            let row = weights::catalog::find(subject.name());
            assert_eq!(row.map(|row| row.files.len()), Some(1), "{subject:?}");
            assert_eq!(Subject::find(subject.name()), Ok(subject));
        }
        let message = Subject::find("clip").unwrap_err();
        assert!(message.contains("clip-vit-b-32, "), "{message}");
    }
}
