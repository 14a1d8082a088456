use std::path::Path;
use std::process::Output;

use engine::classifiers::{Classifier, ClassifierFolder, VersionName};
use serde_json::{Value, json};

use crate::site::{Answer, Site};
use crate::{image_embed, report, stdout, training_data, write_site};

fn path_of(id: u64) -> String {
    format!("/collections/{id}/training_data.json")
}

fn train(source: &[&str], folder: &Path) -> Output {
    let folder = folder.to_str().unwrap();
    let arguments = [&["train", "--json", "--classifiers-dir", folder], source].concat();
    image_embed(&arguments).output().unwrap()
}

#[test]
fn one_bad_collection_never_stops_the_others() {
    let good = training_data(60, 8, 1).to_string();
    let mut uneven = training_data(20, 8, 2);
    uneven[7]["embedding"].as_array_mut().unwrap().pop();
    let mut one_class = training_data(20, 8, 3);
    for row in one_class.as_array_mut().unwrap() {
        row["label"] = json!(true);
    }
    let listed: Vec<Value> = (1..=9)
        .map(|id| json!({"id": id, "name": format!("the {id}th")}))
        .collect();
    let mut listed = json!(listed);
    listed[1]["collection_focus"] =
        json!({"derivative_type_name": "prominent_face", "embedding_type_name": "embed_dino_v2"});
    listed
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "no id"}));
    let paths: Vec<String> = (0..10).map(path_of).collect();
    let wrapped = format!("<html><body><p>Data [cached]</p><pre>{good}</pre></body></html>");
    let nan = good.replacen("\"embedding\":[", "\"embedding\":[NaN,", 1);
    let site = Site::start(vec![
        (
            "/collections.json",
            Answer::Text(format!("<html>{listed}</html>")),
        ),
        (&paths[1], Answer::Text(good.clone())),
        (&paths[2], Answer::Text(wrapped)),
        (&paths[3], Answer::Status(500)),
        (&paths[4], Answer::Half(good.clone())),
        (&paths[5], Answer::Text(uneven.to_string())),
        (&paths[6], Answer::Text(one_class.to_string())),
        (&paths[7], Answer::Text(nan)),
        (&paths[8], Answer::After(2, 503, good)),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let output = train(&["--base-url", &format!("{}/", site.url)], folder.path());
    assert!(!output.status.success());
    let rows = report(&output);
    let outcomes: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["status"].as_str().unwrap(),
                row["reason"].as_str().unwrap_or(""),
            )
        })
        .collect();
    for ((status, reason), (expected, said)) in outcomes.iter().zip([
        ("trained", ""),
        ("trained", ""),
        ("failed", "answered 500"),
        ("failed", "cannot get"),
        ("failed", "row 7 has 7 numbers, and the rows before it 8"),
        ("skipped", "only 0 rows are labelled false"),
        ("failed", "expected value at line 1"),
        ("trained", ""),
        ("failed", "answered 404"),
        ("failed", "it has no id"),
    ]) {
        assert!(
            *status == expected && reason.contains(said),
            "{status} {reason}: expected {said}"
        );
    }
    let asked = [1, 3, 4, 8, 9].map(|id| site.asked(&paths[id]));
    assert_eq!(asked, [1, 3, 3, 3, 1], "tries");

    let best = ClassifierFolder::new(folder.path())
        .best_models()
        .unwrap()
        .0;
    assert_eq!(best.keys().copied().collect::<Vec<_>>(), [1, 2, 8]);
    assert_eq!(best[&2].embedding_type.as_deref(), Some("embed_dino_v2"));
    assert_eq!(best[&2].derivative_type.as_deref(), Some("prominent_face"));
    assert_eq!(best[&1].dimensionality, Some(8));
    let trained = Classifier::open(&folder.path().join(&best[&1].model_file)).unwrap();
    let copy = folder
        .path()
        .join("collection_1_compatible_classifier.safetensors");
    assert_eq!(trained, Classifier::open(&copy).unwrap());
    let samples = trained.record.samples.unwrap();
    assert_eq!(
        (samples.train, samples.test, samples.positives),
        (48, 12, 20)
    );
    assert_eq!(best[&1].metrics, trained.record.metrics);
    assert!(trained.record.metrics.unwrap().macro_precision > 0.6);
}

#[test]
fn a_site_without_a_list_is_an_error_and_changes_nothing() {
    for answer in [
        Answer::Status(404),
        Answer::Text("<h1>Moved</h1>".into()),
        Answer::Text("[]".into()),
    ] {
        let site = Site::start(vec![("/collections.json", answer)]);
        let folder = tempfile::tempdir().unwrap();
        let output = train(&["--base-url", &site.url], folder.path());
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("collections"), "{said}");
        assert!(!folder.path().join("best_models.json").exists());
    }
}

#[test]
fn ten_versions_are_kept_and_the_best_on_the_new_rows_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (site, classifiers) = (
        folder.path().join("site"),
        folder.path().join("classifiers"),
    );
    let source = ["--data", site.to_str().unwrap()];
    let mut reports = Vec::new();
    for seed in 0..13 {
        let data = training_data(40 + seed, 8, seed as u64).to_string();
        write_site(&site, &json!([{"id": 5, "name": "cats"}]), &[(5, data)]);
        let output = train(&source, &classifiers);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        reports.push(report(&output).remove(0));
    }
    let versions: Vec<&Value> = reports.iter().map(|it| &it["versions"]).collect();
    assert_eq!(
        json!(versions),
        json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10])
    );
    let stored = ClassifierFolder::new(&classifiers);
    assert_eq!(stored.versions().unwrap().len(), 10);
    let best = &stored.best_models().unwrap().0[&5];
    let last = reports.last().unwrap();
    assert_eq!(last["best"]["model_file"], json!(best.model_file));
    assert!(classifiers.join(&best.model_file).is_file());
    let [ours, new] = [&last["best"]["metrics"], &last["metrics"]]
        .map(|it| it["macro_precision"].as_f64().unwrap());
    assert!(ours >= new, "{ours} in force, {new} trained");

    // Other embeddings: the old versions cannot be compared, and the new one is in force whatever it is worth.
    let data = training_data(40, 9, 99).to_string();
    write_site(&site, &json!([{"id": 5}]), &[(5, data)]);
    let row = report(&train(&source, &classifiers)).remove(0);
    assert_eq!(row["best"]["model_file"], row["model_file"]);
    // A broken version is said, and stays.
    let broken = stored.versions().unwrap()[0];
    std::fs::write(stored.path_of(broken), b"broken").unwrap();
    let row = report(&train(&source, &classifiers)).remove(0);
    assert!(
        row["unread"][0]
            .as_str()
            .unwrap()
            .contains("neither a safetensors"),
        "{row}"
    );
    assert!(stored.path_of(broken).is_file());
}

#[test]
fn a_sites_embeddings_are_of_the_python_services_models_unless_it_is_said_otherwise() {
    let parent = tempfile::tempdir().unwrap();
    let (site, classifiers) = (parent.path().join("site"), parent.path().join("ours"));
    let data = |seed| training_data(40, 8, seed).to_string();
    let both = json!({"derivative_type_name": "whole_image", "embedding_type_name": "embed_dino_v2+embed_clip_vit_b_32"});
    let listed = json!([{"id": 5}, {"id": 6, "collection_focus": both}]);
    write_site(&site, &listed, &[(5, data(1)), (6, data(2))]);
    let source = ["--data", site.to_str().unwrap()];
    let folder = ClassifierFolder::new(&classifiers);
    let models = |id| {
        let best = folder.best_models().unwrap().0;
        let record = Classifier::open(&classifiers.join(&best[&id].model_file))
            .unwrap()
            .record;
        assert_eq!(record.exif_orientation_applied, None);
        assert!(record.embedding_models.iter().all(|it| !it.assumed));
        record.models_in_words()
    };
    report(&train(&source, &classifiers));
    assert_eq!(
        [5, 6].map(models),
        ["clip-vit-b-32", "dinov2-vit-b-14+clip-vit-b-32"]
    );
    // What was trained on another model's vectors is not compared, and gives way.
    let other = [&source[..], &["--embedding-model", "clip-vit-b-16"]].concat();
    let rows = report(&train(&other, &classifiers));
    assert_eq!(rows[0]["best"]["model_file"], rows[0]["model_file"]);
    assert_eq!(
        [5, 6].map(models),
        ["clip-vit-b-16", "dinov2-vit-b-14+clip-vit-b-16"]
    );

    let images = ["--images", ".", "--embedding-model", "clip-vit-b-16"];
    let output = train(&images, &classifiers);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be used with"));
    let output = train(
        &[&source[..], &["--embedding-model", "mtcnn"]].concat(),
        &classifiers,
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected one of clip-vit-b-32, "));
}

#[test]
fn the_table_says_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let (site, classifiers) = (
        folder.path().join("site"),
        folder.path().join("classifiers"),
    );
    let data = training_data(40, 8, 4).to_string();
    write_site(
        &site,
        &json!([{"id": 5, "name": "cats"}, {"id": 6}]),
        &[(5, data), (6, "[]".into())],
    );
    let (site, classifiers) = (site.to_str().unwrap(), classifiers.to_str().unwrap());
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--classifiers-dir", classifiers]].concat();
        let mut command = image_embed(&arguments);
        // What is set for good gives way to what is said.
        let command = command.env("IMAGE_EMBED_BASE_URL", "http://127.0.0.1:9");
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        stdout(&output)
    };
    let table = run(&["train", "--data", site]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].trim_start().starts_with("collection  name"),
        "{table}"
    );
    assert!(
        lines[1].contains("cats") && lines[1].contains("the new one"),
        "{table}"
    );
    assert_eq!(lines[2], "collection 6: skipped: it has no training data");

    let listed = run(&["classifiers", "list"]);
    assert!(
        listed.starts_with("in force  collection_5_classifier_"),
        "{listed}"
    );
    let shown: Value = serde_json::from_str(&run(&["classifiers", "show", "5"])).unwrap();
    assert_eq!(shown["record"]["dimensionality"], 8);
    let exported: Value = serde_json::from_str(&run(&["classifiers", "export", "5"])).unwrap();
    let name = VersionName::parse("collection_5_compatible_classifier").unwrap();
    let stored =
        Classifier::open(&ClassifierFolder::new(Path::new(classifiers)).path_of(name)).unwrap();
    assert_eq!(exported["coefficients"].as_array().unwrap().len(), 8);
    let intercept = exported["intercept"].as_f64().unwrap();
    assert!((intercept - stored.model.intercept()).abs() < 1e-15);
    let output = image_embed(&["classifiers", "show", "6", "--classifiers-dir", classifiers])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("no classifier of collection 6"));
}
