use crate::model::{Model, UnknownModel};

/// Something that operations need a model for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Finds persons.
    Persons,
    /// Finds faces.
    Faces,
    /// Vectors that know what is in the image; which CLIP makes them is a setting.
    Clip,
    /// Vectors that know what the image looks like.
    DinoV2,
    /// Descriptions in words; which BLIP writes them is a setting.
    Captions,
}

impl Role {
    /// Every role, in the order in which their models are loaded: what is there soonest comes first.
    pub const ALL: [Self; 5] = [
        Self::Faces,
        Self::Persons,
        Self::Clip,
        Self::DinoV2,
        Self::Captions,
    ];

    /// What `--preload` called whichever model has this role, before models were known by their catalogue's names.
    fn old_name(self) -> &'static str {
        match self {
            Self::Persons => "fasterrcnn",
            Self::Faces => "mtcnn",
            Self::Clip => "clip",
            Self::DinoV2 => "dinov2",
            Self::Captions => "blip",
        }
    }
}

/// Which model has which role.
#[derive(Clone, Copy, Debug)]
pub struct Lineup {
    /// The CLIP that answers `embed_clip_vit_b_32`.
    pub clip: Model,
    /// The BLIP that answers `describe_image`.
    pub captions: Model,
}

impl Default for Lineup {
    fn default() -> Self {
        Self {
            clip: Model::clip(models::clip::Variant::default()),
            captions: Model::blip(models::blip::Variant::default()),
        }
    }
}

impl Lineup {
    /// The model that has `role`.
    #[must_use]
    pub fn model(&self, role: Role) -> Model {
        match role {
            Role::Persons => Model::of_row(models::faster_rcnn::CATALOGUE_NAME),
            Role::Faces => Model::of_row("mtcnn"),
            Role::Clip => self.clip,
            Role::DinoV2 => Model::of_row(models::dinov2::CATALOGUE_NAME),
            Role::Captions => self.captions,
        }
    }

    /// All of its models, those that are there soonest first.
    pub fn models(&self) -> impl Iterator<Item = Model> + '_ {
        Role::ALL.into_iter().map(|role| self.model(role))
    }

    /// The model of this lineup that is called `name`. The names of families (`clip`, `blip`, `dinov2`, `fasterrcnn`), which
    /// were once the names of models, still mean whichever of them is in it.
    ///
    /// # Errors
    /// [`UnknownModel`] with the names that would do.
    pub fn find(&self, name: &str) -> Result<Model, UnknownModel> {
        let role = Role::ALL.into_iter().find(|role| role.old_name() == name);
        let found = match role {
            Some(role) => Some(self.model(role)),
            None => name.parse().ok(),
        };
        let serves = |model: &Model| self.models().any(|it| it == *model);
        found.filter(serves).ok_or_else(|| UnknownModel {
            name: name.to_owned(),
            known: self.models().map(Model::name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_mean_the_model_that_has_the_role() {
        let clip = "ViT-L/14".parse().unwrap();
        let lineup = Lineup {
            clip,
            ..Lineup::default()
        };
        for name in ["clip", "clip-vit-l-14", "ViT-L/14"] {
            assert_eq!(lineup.find(name), Ok(clip));
        }
        for model in lineup.models() {
            assert_eq!(lineup.find(model.name()), Ok(model));
        }
        let error = lineup.find("clip-vit-b-32").unwrap_err().to_string();
        assert!(error.contains("clip-vit-l-14, dinov2-vit-b-14"), "{error}");
    }
}
