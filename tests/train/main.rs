//! `image-embed train` and `image-embed classifiers`, against a training site that misbehaves.

#[path = "../command/mod.rs"]
mod command;
mod images;
mod import;
mod killed;
mod runs;
mod site;

use std::path::Path;
use std::process::Output;

use command::image_embed;
use serde_json::{Value, json};

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The rows of `train --json`.
fn report(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Labelled embeddings of `width` numbers, of two classes that overlap; other seeds, other rows.
fn training_data(rows: usize, width: usize, seed: u64) -> Value {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut number = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        f64::from((state >> 40) as u32) / f64::from(1 << 23) - 1.0
    };
    let rows = (0..rows).map(|row| {
        let label = row % 3 == 0;
        let shift = if label { 0.3 } else { -0.3 };
        let embedding: Vec<f64> = (0..width).map(|_| number() + shift).collect();
        let label = if row % 2 == 0 {
            json!(label)
        } else {
            json!(i32::from(label))
        };
        json!({"photo_id": row, "embedding": embedding, "label": label})
    });
    rows.collect()
}

/// Writes what the training site serves into a folder.
fn write_site(folder: &Path, collections: &Value, data: &[(u64, String)]) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("collections.json"), collections.to_string()).unwrap();
    for (id, text) in data {
        let folder = folder.join(format!("collections/{id}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("training_data.json"), text).unwrap();
    }
}
