"""Small pickled classifiers for crates/weights, as scikit-learn and joblib write them.

    python parity/classifier_pickles.py            writes crates/weights/tests/data/classifiers/
    python parity/classifier_pickles.py --old      the files that older versions write; run with
                                                   scikit-learn==1.2.2 numpy==1.24.4 joblib==1.2.0

Beside them lies `expected.safetensors` (`expected_old.safetensors`): the coefficients and the
intercept of each file that must be read. What begins with `refused` must not be.
"""

import argparse
import pathlib
import pickle

import joblib
import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import formula

DATA = pathlib.Path(__file__).resolve().parent.parent / "crates/weights/tests/data/classifiers"
FEATURES = formula.uniform("classifier.features", (24, 5))
LABELS = formula.uniform("classifier.labels", (24,)) + FEATURES[:, 0] > 0


def fitted(labels=LABELS, **options) -> LogisticRegression:
    options = {"class_weight": "balanced", "C": 0.1, "solver": "liblinear"} | options
    return LogisticRegression(**options).fit(FEATURES, labels)


def usual() -> dict[str, LogisticRegression]:
    model, found = fitted(random_state=42), {}
    for protocol in (2, 3, 4, 5):
        with write(f"plain{protocol}") as file:
            pickle.dump(model, file, protocol=protocol)
        joblib.dump(model, DATA / f"joblib{protocol}.pkl", protocol=protocol)
        found |= {f"plain{protocol}": model, f"joblib{protocol}": model}
    for compress in ("zlib", "gzip"):
        joblib.dump(model, DATA / f"joblib_{compress}.pkl", compress=(compress, 3))
        found[f"joblib_{compress}"] = model
    return found


def unusual() -> dict[str, LogisticRegression]:
    """Settings and labels that people have."""
    named = fitted()
    # What fitting on a table with named columns leaves.
    named.feature_names_in_ = np.array([f"x{i}" for i in range(5)], dtype=object)
    models = {
        "whole_labels": fitted(LABELS.astype(int)),
        "scalars": fitted(C=np.float64(0.5), class_weight={False: 1.0, True: np.float32(2.0)}),
        "no_intercept": fitted(fit_intercept=False),
        "named": named,
        "lbfgs": fitted(solver="lbfgs"),
    }
    for name, model in models.items():
        for protocol in (2, 5):
            with write(f"{name}_plain{protocol}") as file:
                pickle.dump(model, file, protocol=protocol)
        joblib.dump(model, DATA / f"{name}_joblib.pkl")
    return {
        f"{name}_{form}": model
        for name, model in models.items()
        for form in ("plain2", "plain5", "joblib")
    }


def refused() -> None:
    three = (np.arange(24) % 3).astype(int)
    others = {
        "pipeline": make_pipeline(StandardScaler(), fitted()),
        "linear": LinearRegression().fit(FEATURES, LABELS),
        "unfitted": LogisticRegression(),
        "three_classes": fitted(three, solver="lbfgs"),
        "text_labels": fitted(np.where(LABELS, "yes", "no")),
        "other_labels": fitted(np.where(LABELS, 2, 1)),
        "random_state": fitted(random_state=np.random.RandomState(0)),
        "list": [fitted()],
    }
    for name, value in others.items():
        with write(f"refused_{name}") as file:
            pickle.dump(value, file)
    for compress in ("bz2", "xz", "lzma"):
        joblib.dump(fitted(), DATA / f"refused_{compress}.pkl", compress=(compress, 3))
    # What would be done if it were loaded as Python does.
    with write("refused_system") as file:
        pickle.dump(Hostile(), file)


class Hostile:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/a-pickle-was-executed",)


def old() -> dict[str, LogisticRegression]:
    model, found = fitted(random_state=42), {}
    for protocol in (2, 4, 5):
        with write(f"old_plain{protocol}") as file:
            pickle.dump(model, file, protocol=protocol)
        found[f"old_plain{protocol}"] = model
    joblib.dump(model, DATA / "old_joblib.pkl")
    return found | {"old_joblib": model}


def write(name: str):
    return (DATA / f"{name}.pkl").open("wb")


def expect(name: str, models: dict[str, LogisticRegression]) -> None:
    tensors = {}
    for file, model in models.items():
        tensors[f"{file}.coefficients"] = model.coef_[0].copy()
        tensors[f"{file}.intercept"] = np.atleast_1d(np.asarray(model.intercept_, np.float64))
    save_file(tensors, DATA / f"{name}.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--old", action="store_true")
    DATA.mkdir(parents=True, exist_ok=True)
    if parser.parse_args().old:
        expect("expected_old", old())
    else:
        expect("expected", usual() | unusual())
        refused()
    for file in DATA.iterdir():
        file.chmod(0o644)
