//! A classifier as a safetensors file: `coefficients` (F64, `[dimensionality]`), `intercept` (F64, `[1]`), and in the metadata
//! `image_embed.classifier` (the format's version), `collection_id`, `classes` and `record`, the latter three as JSON.

use std::path::Path;

use models::logistic::LogisticRegression;
use serde_json::json;
use weights::Checkpoint;

use super::classifier::Classifier;
use super::error::ClassifierError;
use super::record::Record;

const FORMAT: &str = "image_embed.classifier";
const FORMAT_VERSION: &str = "1";
/// Of decisions up to 0, and above it.
const CLASSES: &str = "[false,true]";

pub(super) fn write(classifier: &Classifier) -> Vec<u8> {
    let coefficients = classifier.model.coefficients();
    let intercept = [classifier.model.intercept()];
    let end = 8 * coefficients.len();
    let header = json!({
        "__metadata__": {
            FORMAT: FORMAT_VERSION,
            "collection_id": classifier.collection.to_string(),
            "classes": CLASSES,
            "record": json!(classifier.record).to_string(),
        },
        "coefficients": {"dtype": "F64", "shape": [coefficients.len()], "data_offsets": [0, end]},
        "intercept": {"dtype": "F64", "shape": [1], "data_offsets": [end, end + 8]},
    });
    let mut header = header.to_string().into_bytes();
    // The numbers begin at a multiple of 8, as the format's own writer has it.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    let numbers = coefficients.iter().chain(&intercept);
    file.extend(numbers.flat_map(|number| number.to_le_bytes()));
    file
}

pub(super) fn read(path: &Path, bytes: Vec<u8>) -> Result<Classifier, ClassifierError> {
    parse(bytes).map_err(|reason| ClassifierError::format(path, reason))
}

fn parse(bytes: Vec<u8>) -> Result<Classifier, String> {
    // Errors name the file once; a checkpoint would name it again.
    let said = |error: weights::CheckpointError| {
        let text = error.to_string();
        text.strip_prefix("it: ")
            .map_or(text.clone(), str::to_owned)
    };
    let checkpoint = Checkpoint::from_bytes("it", bytes).map_err(said)?;
    let metadata = |key: &str| {
        let value = checkpoint.metadata().get(key).map(String::as_str);
        value.ok_or_else(|| format!("its metadata has no '{key}'"))
    };
    match metadata(FORMAT)? {
        FORMAT_VERSION => {}
        other => {
            return Err(format!(
                "version {other:?} of the format, expected {FORMAT_VERSION}"
            ));
        }
    }
    let collection = metadata("collection_id")?;
    let collection = collection
        .parse()
        .map_err(|_| format!("its collection_id is {collection:?}"))?;
    match metadata("classes")? {
        CLASSES => {}
        other => return Err(format!("its classes are {other:?}, expected {CLASSES}")),
    }
    let record: Record = serde_json::from_str(metadata("record")?)
        .map_err(|error| format!("its record: {error}"))?;
    let scope = checkpoint.root();
    let width = record.dimensionality;
    let coefficients = scope.f64("coefficients", &[width]).map_err(said)?;
    let intercept = scope.f64("intercept", &[1]).map_err(said)?;
    checkpoint.finish().map_err(said)?;
    let intercept = intercept.first().copied().unwrap_or_default();
    let model = LogisticRegression::new(coefficients, intercept).map_err(|it| it.to_string())?;
    Ok(Classifier {
        collection,
        model,
        record,
    })
}
