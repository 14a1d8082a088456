//! Imported classifiers among those that are stored: which is in force, and what is not known of them.

use std::io::{self, Write as _};
use std::path::Path;

use engine::classifiers::{BestModel, BestModels, Classifier, VersionName, WritableFolder};

/// A classifier that was stored, or was there already.
pub(super) struct Imported {
    pub(super) name: VersionName,
    pub(super) classifier: Classifier,
    /// How good a reason there is to put it in force: later ones win among equals.
    pub(super) claim: Claim,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// It is there.
    Version,
    /// It has the name of the copy of the best.
    Copy,
    /// `best_models.json` beside it names it.
    Named,
}

/// Says of what is taken for the Python service's default that it is, and how to say otherwise.
pub(super) fn warn_of(assumed: &[&Imported]) -> io::Result<()> {
    let mut out = io::stderr();
    for it in assumed {
        let (name, taken_for) = (it.name, it.classifier.record.models_in_words());
        writeln!(
            out,
            "WARNING: nothing says which models made the vectors that {name} was trained on: it is taken for one of {taken_for}, the Python \
             service's default"
        )?;
    }
    if !assumed.is_empty() {
        writeln!(
            out,
            "WARNING: say which they are by importing again with --embedding, e.g. --embedding clip-vit-b-16; on vectors of another model a \
             classifier's answers mean nothing"
        )?;
    }
    Ok(())
}

/// A version whose record changed is in force as it is now, if it was before.
pub(super) fn refresh(
    folder: &WritableFolder,
    name: VersionName,
    classifier: &Classifier,
) -> anyhow::Result<()> {
    let best = folder.folder().best_models()?.0.remove(&name.collection);
    if let Some(best) = best.filter(|best| best.model_file == name.file_name()) {
        let entry = BestModel::new(best.model_file, &classifier.record, best.metrics);
        folder.put_in_force(name, classifier, entry)?;
    }
    Ok(())
}

/// The stored version that has the numbers of what is imported: the copy of the best is a copy of one of them.
pub(super) fn same_numbers(
    folder: &WritableFolder,
    imported: &Imported,
) -> anyhow::Result<Option<VersionName>> {
    let folder = folder.folder();
    let same = |name: &VersionName| {
        name.collection == imported.name.collection
            && Classifier::open(&folder.path_of(*name))
                .is_ok_and(|it| it.model == imported.classifier.model)
    };
    Ok(folder.versions()?.into_iter().find(same))
}

/// What the `best_models.json` beside the file says of its collection, and whether it names this file.
pub(super) fn beside(
    file: &Path,
    collection: u64,
    named: Option<VersionName>,
) -> anyhow::Result<(Option<BestModel>, Claim)> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entry = BestModels::read(folder)?.0.remove(&collection);
    let is_named = entry.as_ref().is_some_and(|entry| {
        file.file_name()
            .is_some_and(|name| name == entry.model_file.as_str())
    });
    let claim = match named {
        _ if is_named => Claim::Named,
        Some(VersionName { version: None, .. }) => Claim::Copy,
        _ => Claim::Version,
    };
    Ok((entry, claim))
}

/// An imported version is put in force where none is that can be served: which is the best of several only a bake-off can tell.
pub(super) fn put_in_force(
    folder: &WritableFolder,
    collection: u64,
    candidates: &[Imported],
) -> anyhow::Result<()> {
    let best = folder.folder().best_models()?;
    if let Some(best) = best.0.get(&collection)
        && Classifier::open(&folder.folder().path().join(&best.model_file)).is_ok()
    {
        return Ok(());
    }
    let chosen = candidates.iter().max_by_key(|it| (it.claim, it.name));
    let Some(chosen) = chosen else {
        return Ok(());
    };
    let entry = BestModel::new(chosen.name.file_name(), &chosen.classifier.record, None);
    folder.put_in_force(chosen.name, &chosen.classifier, entry)?;
    writeln!(io::stdout(), "in force  {}", chosen.name)?;
    Ok(())
}
