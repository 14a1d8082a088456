use candle_core::Device;
use models::Precision;
use weights::{StoreConfig, catalog};

use super::*;
use crate::model::MODELS;

fn registry(variants: Variants) -> Registry {
    let mut config = StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap();
    config.offline = true;
    let placement = Placement::new(Device::Cpu, Precision::F32);
    Registry::new(Store::new(config), placement, variants)
}

#[test]
fn every_model_has_a_catalogue_row_and_every_row_a_model() {
    let mut rows = Vec::new();
    let clips = clip::Variant::ALL.map(|clip| Variants {
        clip,
        ..Variants::default()
    });
    let blips = blip::Variant::ALL.map(|blip| Variants {
        blip,
        ..Variants::default()
    });
    for variants in clips.into_iter().chain(blips) {
        let registry = registry(variants);
        rows.extend(MODELS.iter().map(|&model| registry.files(model).name));
    }
    for row in catalog::ALL {
        assert!(rows.contains(&row.name), "{} is no model's", row.name);
    }
}

#[test]
fn what_is_known_of_a_model_follows_the_configured_variant() {
    for variant in clip::Variant::ALL {
        let variants = Variants {
            clip: variant,
            ..Variants::default()
        };
        let info = registry(variants).info(Model::Clip);
        assert_eq!(info.title, format!("CLIP {variant}"));
        assert_eq!(info.dims, Some(variant.dims()));
        assert!(!info.untrained);
        let Readiness::Unavailable(reason) = info.readiness else {
            panic!("{:?}", info.readiness);
        };
        assert!(reason.contains(variant.catalogue_name()), "{reason}");
    }
}
