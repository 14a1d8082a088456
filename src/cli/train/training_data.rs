//! `training_data.json`: `[{"embedding": […], "label": true | false | 1 | 0, …}]`.

use std::fmt;

use anyhow::bail;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::json_within::json_within;

/// Labelled embeddings of one collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TrainingData {
    /// `[labels.len(), width]`
    pub(crate) features: Vec<f32>,
    pub(crate) labels: Vec<bool>,
}

#[derive(Deserialize)]
struct Row {
    embedding: Vec<f32>,
    label: Label,
}

struct Label(bool);

impl TrainingData {
    /// Reads a file's content.
    pub(crate) fn parse(file: &[u8]) -> anyhow::Result<Self> {
        let rows: Vec<Row> = json_within(file, |rows: &Vec<Row>| !rows.is_empty())?;
        let mut data = Self::default();
        let width = rows.first().map_or(0, |row| row.embedding.len());
        data.features.reserve_exact(rows.len() * width);
        for (index, row) in rows.into_iter().enumerate() {
            data.push(index, &row.embedding, row.label.0)?;
        }
        Ok(data)
    }

    /// Adds the sample of this index, counted from 0, which must be as long as the others.
    pub(crate) fn push(
        &mut self,
        index: usize,
        embedding: &[f32],
        label: bool,
    ) -> anyhow::Result<()> {
        let (found, width) = (embedding.len(), self.width());
        if found == 0 {
            bail!("row {index} has an embedding of no numbers");
        }
        if !self.labels.is_empty() && found != width {
            bail!("row {index} has {found} numbers, and the rows before it {width}");
        }
        self.features.extend_from_slice(embedding);
        self.labels.push(label);
        Ok(())
    }

    /// Numbers of an embedding.
    pub(crate) fn width(&self) -> usize {
        self.features
            .len()
            .checked_div(self.labels.len())
            .unwrap_or(0)
    }

    /// The rows of these indices, in their order.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let width = self.width();
        let mut chosen = Self::default();
        chosen.features.reserve_exact(rows.len() * width);
        for row in rows.iter().map(|&row| row as usize) {
            chosen
                .features
                .extend_from_slice(&self.features[row * width..][..width]);
            chosen.labels.push(self.labels[row]);
        }
        chosen
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Labels;

        impl Visitor<'_> for Labels {
            type Value = Label;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label: true, false, 1 or 0")
            }

            fn visit_bool<E: de::Error>(self, label: bool) -> Result<Label, E> {
                Ok(Label(label))
            }

            fn visit_u64<E: de::Error>(self, label: u64) -> Result<Label, E> {
                match label {
                    0 => Ok(Label(false)),
                    1 => Ok(Label(true)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(label), &self)),
                }
            }

            fn visit_f64<E: de::Error>(self, label: f64) -> Result<Label, E> {
                match label {
                    0.0 => Ok(Label(false)),
                    1.0 => Ok(Label(true)),
                    _ => Err(E::invalid_value(de::Unexpected::Float(label), &self)),
                }
            }
        }

        deserializer.deserialize_any(Labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        format!("{:#}", TrainingData::parse(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn rows_and_every_form_of_label_are_read() {
        let text = br#"[{"embedding": [1, 2.5], "label": true, "photo_id": 7}, {"label": 0, "embedding": [3, 4]},
            {"embedding": [5, 6], "label": 1}, {"embedding": [7, 8], "label": 0.0}, {"embedding": [9, 1e-3], "label": false}]"#;
        let data = TrainingData::parse(text).unwrap();
        assert_eq!(data.labels, [true, false, true, false, false]);
        assert_eq!(data.features[..4], [1.0, 2.5, 3.0, 4.0]);
        let chosen = data.select(&[4, 0]);
        assert_eq!(chosen.features, [9.0, 1e-3, 1.0, 2.5]);
        assert_eq!(chosen.labels, [false, true]);
        assert_eq!(TrainingData::parse(b"[]").unwrap().labels, [false; 0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, reason) in [
            (
                r#"[{"embedding": [1], "label": 2}]"#,
                "integer `2`, expected a label: true, false, 1 or 0",
            ),
            (
                r#"[{"embedding": [1], "label": "yes"}]"#,
                "expected a label",
            ),
            (r#"[{"embedding": [1], "label": null}]"#, "expected a label"),
            (r#"[{"embedding": [1]}]"#, "missing field `label`"),
            (r#"[{"label": 1}]"#, "missing field `embedding`"),
            (
                r#"[{"embedding": [NaN], "label": 1}]"#,
                "expected value at line 1 column 17",
            ),
            (
                r#"[{"embedding": [null], "label": 1}]"#,
                "invalid type: null, expected f32",
            ),
            (
                r#"[{"embedding": [], "label": 1}]"#,
                "row 0 has an embedding of no numbers",
            ),
            (
                r#"[{"embedding": [1, 2], "label": 1}, {"embedding": [1], "label": 0}]"#,
                "row 1 has 1 numbers, and the rows before it 2",
            ),
            (
                r#"[{"embedding": [1, 2], "label": 1}, {"emb"#,
                "EOF while parsing",
            ),
        ] {
            let found = refusal(text);
            assert!(found.contains(reason), "{reason} in {found}");
        }
    }
}
