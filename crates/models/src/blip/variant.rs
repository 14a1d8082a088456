use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One of Salesforce's BLIP models that write captions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Variant {
    /// 24 layers of 1024 numbers look at the image.
    #[default]
    Large,
    /// 12 layers of 768 numbers look at the image: a quarter of the work.
    Base,
}

impl Variant {
    /// Every variant, the default first.
    pub const ALL: [Self; 2] = [Self::Large, Self::Base];

    /// The name of its weights in `weights::catalog`, which is that of its repository.
    #[must_use]
    pub const fn catalogue_name(self) -> &'static str {
        match self {
            Self::Large => "blip-image-captioning-large",
            Self::Base => "blip-image-captioning-base",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Base => "base",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No BLIP model of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no BLIP model '{0}': there are large and base")]
pub struct UnknownVariant(String);

impl FromStr for Variant {
    type Err = UnknownVariant;

    /// `large`, or the name of its repository with or without its owner, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownVariant> {
        let lowercase = name.to_ascii_lowercase();
        let repository = lowercase.trim_start_matches("salesforce/");
        let mut all = Self::ALL.into_iter();
        all.find(|variant| [variant.name(), variant.catalogue_name()].contains(&repository))
            .ok_or_else(|| UnknownVariant(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Variant;

    #[test]
    fn names_are_read_back_in_every_spelling() {
        for variant in Variant::ALL {
            assert_eq!(variant.to_string().parse(), Ok(variant));
            assert_eq!(variant.catalogue_name().parse(), Ok(variant));
        }
        let full = "Salesforce/blip-image-captioning-base".parse();
        assert_eq!(full, Ok(Variant::Base));
        for unknown in ["", "huge", "blip", "blip-image-captioning-"] {
            let error = unknown.parse::<Variant>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("no BLIP model '{unknown}'")),
                "{error}"
            );
        }
    }
}
