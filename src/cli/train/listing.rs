//! `collections.json`: `[{"id": 15, "name": "…", "collection_focus": {"derivative_type_name": "…", "embedding_type_name": "…"}}]`,
//! the focus also as `derivative_type` and `embedding_type` beside the name.

use std::collections::HashSet;

use serde_json::Value;

use super::json_within::json_within;
use super::source::{Collection, Focus, target};

/// The collections; what an entry does not say of its focus is `default`. An entry that makes no sense is one that cannot be
/// trained.
pub(super) fn parse(file: &[u8], default: &Focus) -> anyhow::Result<Vec<Collection>> {
    let entries: Vec<Value> = json_within(file, |entries: &Vec<Value>| {
        entries.iter().any(Value::is_object)
    })?;
    let mut seen = HashSet::new();
    let collections = entries.iter().map(|entry| {
        let mut collection = collection(entry, default);
        if collection.id.is_some_and(|id| !seen.insert(id)) {
            collection.problem = Some("it is in the list twice".to_owned());
        }
        collection
    });
    Ok(collections.collect())
}

fn collection(entry: &Value, default: &Focus) -> Collection {
    let focus = entry.get("collection_focus").unwrap_or(&Value::Null);
    let said = |plain: &str, default: &str| {
        let named = focus.get(format!("{plain}_name"));
        let value = named.or_else(|| entry.get(plain)).and_then(Value::as_str);
        value.unwrap_or(default).to_owned()
    };
    let id = entry.get("id").and_then(Value::as_u64);
    let focus = Focus {
        derivative_type: said("derivative_type", &default.derivative_type),
        embedding_type: said("embedding_type", &default.embedding_type),
    };
    let problem = match (id, target(&focus.derivative_type)) {
        (None, _) => Some(match entry.get("id") {
            Some(id) => format!("its id is {id}, expected a number from 0"),
            None => "it has no id".to_owned(),
        }),
        (_, Err(expected)) => Some(format!(
            "derivative type '{}': {expected}",
            focus.derivative_type
        )),
        _ => None,
    };
    Collection {
        id,
        name: entry
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        focus,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default() -> Focus {
        Focus {
            derivative_type: "whole_image".into(),
            embedding_type: "embed_clip_vit_b_32".into(),
        }
    }

    #[test]
    fn every_form_of_an_entry_is_read() {
        let list = br#"<p>[{"id": 15, "name": "a", "collection_focus":
            {"derivative_type_name": "prominent_face", "embedding_type_name": "embed_dino_v2"}},
            {"id": 1, "derivative_type": "prominent_person"}, {"id": "2"}, 3, {"id": 15}, {"id": 4, "derivative_type": "hand"},
            {"id": -1}]</p>"#;
        let found = parse(list, &default()).unwrap();
        let ids: Vec<Option<u64>> = found.iter().map(|it| it.id).collect();
        assert_eq!(
            ids,
            [Some(15), Some(1), None, None, Some(15), Some(4), None]
        );
        assert_eq!(found[0].focus.derivative_type, "prominent_face");
        assert_eq!(found[0].focus.embedding_type, "embed_dino_v2");
        assert_eq!(found[1].focus.derivative_type, "prominent_person");
        assert_eq!(found[1].focus.embedding_type, "embed_clip_vit_b_32");
        let problems: Vec<&str> = found
            .iter()
            .map(|it| it.problem.as_deref().unwrap_or("-"))
            .collect();
        assert_eq!(
            problems,
            [
                "-",
                "-",
                "its id is \"2\", expected a number from 0",
                "it has no id",
                "it is in the list twice",
                "derivative type 'hand': expected one of whole_image, prominent_person, prominent_face",
                "its id is -1, expected a number from 0",
            ]
        );
    }
}
