use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::preprocess::Recipe;
use crate::vit;

/// One of OpenAI's CLIP models whose image tower is a vision transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Variant {
    /// 49 patches, 512 numbers.
    #[default]
    VitB32,
    /// 196 patches, 512 numbers.
    VitB16,
    /// 256 patches, 768 numbers.
    VitL14,
    /// 576 patches, 768 numbers.
    VitL14At336,
}

impl Variant {
    /// Every variant, the default first.
    pub const ALL: [Self; 4] = [Self::VitB32, Self::VitB16, Self::VitL14, Self::VitL14At336];

    /// How this variant wants its image.
    #[must_use]
    pub const fn recipe(self) -> Recipe {
        Recipe::clip(match self {
            Self::VitB32 | Self::VitB16 | Self::VitL14 => 224,
            Self::VitL14At336 => 336,
        })
    }

    /// Length of a vector.
    #[must_use]
    pub const fn dims(self) -> usize {
        match self {
            Self::VitB32 | Self::VitB16 => 512,
            Self::VitL14 | Self::VitL14At336 => 768,
        }
    }

    /// The name of its weights in `weights::catalog`.
    #[must_use]
    pub const fn catalogue_name(self) -> &'static str {
        match self {
            Self::VitB32 => "clip-vit-b-32",
            Self::VitB16 => "clip-vit-b-16",
            Self::VitL14 => "clip-vit-l-14",
            Self::VitL14At336 => "clip-vit-l-14-336",
        }
    }

    /// Billions of floating-point operations that upstream takes for an image, two a multiply-add.
    #[must_use]
    pub fn gflop(self) -> f64 {
        self.config().gflop()
    }

    /// OpenAI's name, which is also what [`Display`](fmt::Display) writes.
    fn name(self) -> &'static str {
        match self {
            Self::VitB32 => "ViT-B/32",
            Self::VitB16 => "ViT-B/16",
            Self::VitL14 => "ViT-L/14",
            Self::VitL14At336 => "ViT-L/14@336px",
        }
    }

    pub(super) fn config(self) -> vit::Config {
        let (patch, width, layers) = match self {
            Self::VitB32 => (32, 768, 12),
            Self::VitB16 => (16, 768, 12),
            Self::VitL14 | Self::VitL14At336 => (14, 1024, 24),
        };
        vit::Config {
            side: self.recipe().side(),
            patch,
            width,
            layers,
            heads: width / 64,
            eps: 1e-5,
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No CLIP model of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no CLIP model '{0}': there are ViT-B/32, ViT-B/16, ViT-L/14 and ViT-L/14@336px")]
pub struct UnknownVariant(String);

impl FromStr for Variant {
    type Err = UnknownVariant;

    /// OpenAI's name or open_clip's (`ViT-B-32`, `ViT-L-14-336`), in any case.
    fn from_str(name: &str) -> Result<Self, UnknownVariant> {
        let found = Self::ALL.into_iter().find(|variant| {
            let openais = variant.name();
            let open_clips = openais.replace(['/', '@'], "-");
            [openais, open_clips.trim_end_matches("px")]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        });
        found.ok_or_else(|| UnknownVariant(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Variant;

    #[test]
    fn the_work_of_b_32_is_what_others_count() {
        assert!((Variant::VitB32.gflop() - 8.82).abs() < 0.01);
    }

    #[test]
    fn names_are_read_back_in_every_spelling() {
        for variant in Variant::ALL {
            assert_eq!(variant.to_string().parse(), Ok(variant));
            assert_eq!(variant.to_string().to_uppercase().parse(), Ok(variant));
        }
        assert_eq!("vit-b-32".parse(), Ok(Variant::VitB32));
        assert_eq!("ViT-L-14-336".parse(), Ok(Variant::VitL14At336));
        for unknown in [
            "",
            "ViT-B/8",
            "ViT-B/32px",
            "ViT-B/32 ",
            "RN50",
            "ViT-L/14@448px",
        ] {
            let error = unknown.parse::<Variant>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("no CLIP model '{unknown}'")),
                "{error}"
            );
        }
    }
}
