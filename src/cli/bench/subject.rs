use anyhow::Context as _;
use candle_core::Device;
use models::{ImageEncoder, Pixels, Placement, Precision, Recipe, clip, dinov2};
use weights::{Checkpoint, Silent, Store, catalog, seed};

/// A model that can be timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Subject {
    Clip(clip::Variant),
    DinoV2,
}

impl Subject {
    fn all() -> Vec<Self> {
        let clips = clip::Variant::ALL.map(Self::Clip);
        clips.into_iter().chain([Self::DinoV2]).collect()
    }

    pub(super) fn defaults() -> Vec<Self> {
        vec![Self::Clip(clip::Variant::default()), Self::DinoV2]
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

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clip(variant) => variant.catalogue_name(),
            Self::DinoV2 => dinov2::CATALOGUE_NAME,
        }
    }

    pub(super) fn gflop(self) -> f64 {
        match self {
            Self::Clip(variant) => variant.gflop(),
            Self::DinoV2 => dinov2::gflop(),
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::Clip(variant) => variant.recipe(),
            Self::DinoV2 => dinov2::RECIPE,
        }
    }

    /// With the weights of this machine if it has them, else with seeded ones, made for the moment: the numbers do not
    /// change the speed.
    pub(super) fn load(
        self,
        store: &Store,
        precision: Precision,
    ) -> anyhow::Result<Box<dyn ImageEncoder>> {
        let files = catalog::find(self.name())
            .context("no catalogue row")?
            .files;
        let [file] = files else {
            anyhow::bail!("{} has {} files, not one", self.name(), files.len());
        };
        if let Ok(path) = store.locate(file) {
            return self.encoder(&Checkpoint::open(&path)?, precision);
        }
        let dir = tempfile::tempdir().context("cannot make a folder for seeded weights")?;
        let seeded = seed::write(dir.path(), file, 0, &Silent)?;
        self.encoder(&Checkpoint::open(&seeded.path)?, precision)
    }

    fn encoder(
        self,
        checkpoint: &Checkpoint,
        precision: Precision,
    ) -> anyhow::Result<Box<dyn ImageEncoder>> {
        let placement = Placement::new(Device::Cpu, precision);
        Ok(match self {
            Self::Clip(variant) => Box::new(clip::Clip::load(checkpoint, variant, &placement)?)
                as Box<dyn ImageEncoder>,
            Self::DinoV2 => Box::new(dinov2::DinoV2::load(checkpoint, &placement)?),
        })
    }

    /// Pixels of a made-up image.
    pub(super) fn pixels(self) -> anyhow::Result<Pixels> {
        const SIDE: u32 = 64;
        let bytes = (0..SIDE * SIDE * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        let image = imaging::RgbImage::from_raw(SIDE, SIDE, bytes.collect());
        Ok(self
            .recipe()
            .apply(&image.context("an image of no size")?)?)
    }
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
