use std::process::Stdio;
use std::time::Duration;

use engine::classifiers::{Classifier, ClassifierFolder, ServedClassifiers};
use serde_json::json;

use crate::{image_embed, training_data, write_site};

#[test]
fn a_training_killed_at_any_moment_leaves_a_good_state_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (site, classifiers) = (
        folder.path().join("site"),
        folder.path().join("classifiers"),
    );
    let ids: Vec<u64> = (1..=12).collect();
    let data: Vec<(u64, String)> = ids
        .iter()
        .map(|&id| (id, training_data(40, 8, id).to_string()))
        .collect();
    let listed: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
    write_site(&site, &json!(listed), &data);
    let arguments = [
        "train",
        "--data",
        site.to_str().unwrap(),
        "--classifiers-dir",
        classifiers.to_str().unwrap(),
    ];
    let began = std::time::Instant::now();
    assert!(image_embed(&arguments).output().unwrap().status.success());
    let whole = began.elapsed();

    let opened = ClassifierFolder::new(&classifiers);
    let served = ServedClassifiers::new(&classifiers);
    let mut killed = 0;
    for moment in 0..40 {
        let mut child = image_embed(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(
            whole
                .mul_f64(f64::from(moment) / 30.0)
                .min(Duration::from_secs(2)),
        );
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let best = opened.best_models().unwrap().0;
        assert_eq!(best.len(), ids.len(), "at {moment}");
        for (id, best) in best {
            let stored = Classifier::open(&classifiers.join(&best.model_file)).unwrap();
            let served = served.get(id).unwrap();
            assert_eq!(
                (served.classifier.as_deref(), served.problem),
                (Some(&stored), None)
            );
        }
        for name in opened.versions().unwrap() {
            Classifier::open(&opened.path_of(name)).unwrap();
        }
    }
    assert!(killed > 20, "{killed} of 40 were killed before their end");
    assert!(image_embed(&arguments).output().unwrap().status.success());
    for id in ids {
        let of_it = opened
            .versions()
            .unwrap()
            .into_iter()
            .filter(|name| name.collection == id);
        assert!(of_it.count() <= 10);
    }
}
