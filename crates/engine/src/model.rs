//! The table of models: one row a model that this version can serve.

mod loading;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;

use models::{LoadError, Placement, Recipe, blip, clip, dinov2, faster_rcnn};
use thiserror::Error;
use weights::catalog::{self, ModelFiles};

use crate::network::Loaded;

/// A model that this version can serve. It has one name, that of its row in the weights' catalogue.
#[derive(Clone, Copy)]
pub struct Model(&'static Row);

struct Row {
    name: &'static str,
    /// What people call it.
    title: &'static str,
    kind: Kind,
    /// An input takes more than some 50 ms on two cores.
    is_long: bool,
    load: Load,
}

/// Makes the model of its files.
type Load = fn(&[PathBuf], &Placement) -> Result<Loaded, LoadError>;

/// What goes into a model and what comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An image to boxes.
    Detector,
    /// Pixels to a vector.
    Encoder {
        recipe: Recipe,
        /// Length of the vector.
        dims: usize,
    },
    /// Pixels to a text.
    Captioner { recipe: Recipe },
}

const fn clip_row(variant: clip::Variant, title: &'static str, load: Load) -> Row {
    let kind = Kind::Encoder {
        recipe: variant.recipe(),
        dims: variant.dims(),
    };
    Row {
        name: variant.catalogue_name(),
        title,
        kind,
        is_long: matches!(variant, clip::Variant::VitL14 | clip::Variant::VitL14At336),
        load,
    }
}

const CAPTIONER: Kind = Kind::Captioner {
    recipe: blip::RECIPE,
};

static ROWS: [Row; 9] = [
    Row {
        name: "mtcnn",
        title: "MTCNN",
        kind: Kind::Detector,
        is_long: false,
        load: loading::mtcnn,
    },
    Row {
        name: faster_rcnn::CATALOGUE_NAME,
        title: "Faster R-CNN ResNet-50 FPN",
        kind: Kind::Detector,
        is_long: true,
        load: loading::faster_rcnn,
    },
    clip_row(
        clip::Variant::VitB32,
        "CLIP ViT-B/32",
        |paths, placement| loading::clip(paths, clip::Variant::VitB32, placement),
    ),
    clip_row(
        clip::Variant::VitB16,
        "CLIP ViT-B/16",
        |paths, placement| loading::clip(paths, clip::Variant::VitB16, placement),
    ),
    clip_row(
        clip::Variant::VitL14,
        "CLIP ViT-L/14",
        |paths, placement| loading::clip(paths, clip::Variant::VitL14, placement),
    ),
    clip_row(
        clip::Variant::VitL14At336,
        "CLIP ViT-L/14@336px",
        |paths, placement| loading::clip(paths, clip::Variant::VitL14At336, placement),
    ),
    Row {
        name: dinov2::CATALOGUE_NAME,
        title: "DINOv2 ViT-B/14",
        kind: Kind::Encoder {
            recipe: dinov2::RECIPE,
            dims: dinov2::DIMS,
        },
        is_long: true,
        load: loading::dinov2,
    },
    Row {
        name: blip::Variant::Large.catalogue_name(),
        title: "BLIP large",
        kind: CAPTIONER,
        is_long: true,
        load: loading::blip,
    },
    Row {
        name: blip::Variant::Base.catalogue_name(),
        title: "BLIP base",
        kind: CAPTIONER,
        is_long: true,
        load: loading::blip,
    },
];

/// A name that is no model's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown model '{name}' (known: {})", .known.join(", "))]
pub struct UnknownModel {
    /// As it was given.
    pub name: String,
    /// Names that would do.
    pub known: Vec<&'static str>,
}

impl Model {
    /// Every model that this version can serve.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(Self)
    }

    /// The CLIP of this variant.
    #[must_use]
    pub fn clip(variant: clip::Variant) -> Self {
        Self::of_row(variant.catalogue_name())
    }

    /// The BLIP of this variant.
    #[must_use]
    pub fn blip(variant: blip::Variant) -> Self {
        Self::of_row(variant.catalogue_name())
    }

    pub(crate) fn of_row(name: &str) -> Self {
        let row = Self::all().find(|model| model.name() == name);
        row.expect("every name in the program has a row; the tests check it")
    }

    /// Its name in settings, answers, logs and timings, which is that of its row in the weights' catalogue.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What people call it, e.g. `CLIP ViT-B/32`.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Length of its vectors, if it makes any.
    #[must_use]
    pub fn dims(self) -> Option<usize> {
        match self.0.kind {
            Kind::Encoder { dims, .. } => Some(dims),
            Kind::Detector | Kind::Captioner { .. } => None,
        }
    }

    /// How it wants its pixels; none for a model that takes the image as it is.
    pub(crate) fn recipe(self) -> Option<Recipe> {
        match self.0.kind {
            Kind::Encoder { recipe, .. } | Kind::Captioner { recipe } => Some(recipe),
            Kind::Detector => None,
        }
    }

    /// Whether an input takes it so long that shorter work should not wait for it.
    pub(crate) fn is_long(self) -> bool {
        self.0.is_long
    }

    /// Its upstream files.
    pub(crate) fn files(self) -> &'static ModelFiles {
        catalog::find(self.name()).expect("every model has a catalogue row; the tests check it")
    }

    /// Brings it into memory from its files, in the catalogue's order.
    pub(crate) fn load(
        self,
        paths: &[PathBuf],
        placement: &Placement,
    ) -> Result<Loaded, LoadError> {
        (self.0.load)(paths, placement)
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    /// Its name, or for a CLIP upstream's (`ViT-B/32`).
    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        let clip = || name.parse().ok().map(Self::clip);
        let named = Self::all().find(|model| model.name().eq_ignore_ascii_case(name));
        named.or_else(clip).ok_or_else(|| UnknownModel {
            name: name.to_owned(),
            known: Self::all().map(Self::name).collect(),
        })
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Model {}

impl Hash for Model {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_catalogue_row_and_every_row_a_model() {
        let rows = catalog::ALL.iter().map(|row| row.name);
        let mut models: Vec<_> = Model::all().map(|model| model.files().name).collect();
        models.sort_unstable();
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable();
        assert_eq!(models, rows);
        let variants = clip::Variant::ALL.map(|variant| (Model::clip(variant), variant));
        for (model, variant) in variants {
            assert_eq!(model.title(), format!("CLIP {variant}"));
            assert_eq!(model.dims(), Some(variant.dims()));
            assert_eq!(model.recipe(), Some(variant.recipe()));
        }
        for variant in blip::Variant::ALL {
            assert_eq!(Model::blip(variant).title(), format!("BLIP {variant}"));
        }
    }

    #[test]
    fn a_name_is_read_back_and_an_unknown_one_is_answered_with_the_known_ones() {
        for model in Model::all() {
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert_eq!("ViT-L/14".parse(), Ok(Model::clip(clip::Variant::VitL14)));
        let error = "clop".parse::<Model>().unwrap_err().to_string();
        assert!(
            error.starts_with("unknown model 'clop' (known: mtcnn, "),
            "{error}"
        );
    }
}
